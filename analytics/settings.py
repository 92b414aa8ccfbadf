"""Settings of the interfaces: where the database is, and at which loopback address they are served."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from edge.configuration import SettingsModel, read_configuration
from ingest.settings import DatabaseSettings, RetentionSettings


def _loopback(host: str) -> str:
    """Refuse an address that others could reach: until readers are identified, nobody but this machine may ask."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        msg = (
            f"{host!r} is not a loopback address; write 127.0.0.1, since these interfaces don't identify their readers"
        )
        raise ValueError(msg)
    return host


class WebSettings(SettingsModel):
    """How the interfaces are served."""

    host: Annotated[str, AfterValidator(_loopback)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    connections: Annotated[int, Field(ge=1, le=64)] = 8
    """Most database connections, and so most answers computed at once."""
    connection_wait_s: Annotated[float, Field(gt=0, le=60)] = 5
    """Longest wait for a free connection before a request is refused."""
    statement_timeout_s: Annotated[float, Field(gt=0, le=600)] = 30
    """Longest run of one query."""


Seconds = Annotated[float, Field(gt=0, le=86_400)]


class SchedulerSettings(SettingsModel):
    """``[scheduler]``: how often what is computed from readings is brought up to date, and when readings are old."""

    aggregate_every_s: Seconds = 60
    """Pause between two runs that compute buckets."""
    increments_every_s: Seconds = 60
    """Pause between two runs that compute increments of registers."""
    completeness_every_s: Seconds = 60
    """Pause between two runs that keep what was heard of each series, and count batches."""
    alerts_every_s: Seconds = 60
    """Pause between two runs that judge stores' hours and keep their alerts."""
    compress_every_s: Seconds = 3600
    """Pause between two runs that compress what is old."""
    retention_every_s: Seconds = 86_400
    """Pause between two runs that remove what ``[retention]`` doesn't keep."""
    settle_after_s: Annotated[float, Field(ge=0, le=30 * 86_400)] = 3600
    """Age at which a whole hour is closed and computed. What comes later is late: it is made good, at more cost."""
    compress_after_days: Annotated[float, Field(ge=0.04, le=3650)] = 14
    """Age at which readings and buckets move to the columnstore, where the database has one."""
    chunk_hours: Annotated[int, Field(ge=1, le=24 * 91)] = 72
    """Time that a new chunk of live readings spans: it should fit into memory, and is compressed in one go. 50 readings
    a second are 13 million rows in three days: 1.7 GB, and 15 s."""
    statement_timeout_s: Annotated[float, Field(ge=10, le=86_400)] = 900
    """Longest run of one statement."""
    status_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """Loopback port of /healthz, /readyz and /metrics (0: a free one, which is logged)."""


class AnalyticsSettings(SettingsModel):
    """Everything that ``smartstore`` is told."""

    database: DatabaseSettings
    web: WebSettings = WebSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    """``smartstore scheduler`` alone takes it, and connects as the owner of the schema."""
    retention: RetentionSettings = RetentionSettings()
    """Likewise; the settings of ingest have the same table."""


def load(path: Path) -> AnalyticsSettings:
    """Return the settings in a TOML file.

    Raises
    ------
    edge.configuration.ConfigurationError
        The file can't be read, or a key is wrong, missing or unknown; the text names it.
    """
    return read_configuration(path, AnalyticsSettings)
