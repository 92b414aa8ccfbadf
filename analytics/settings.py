"""Settings of the interfaces: where the database is, and at which loopback address they are served."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from edge.configuration import SettingsModel, read_configuration
from ingest.settings import DatabaseSettings


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


class AnalyticsSettings(SettingsModel):
    """Everything that ``smartstore`` is told."""

    database: DatabaseSettings
    web: WebSettings = WebSettings()


def load(path: Path) -> AnalyticsSettings:
    """Return the settings in a TOML file.

    Raises
    ------
    edge.configuration.ConfigurationError
        The file can't be read, or a key is wrong, missing or unknown; the text names it.
    """
    return read_configuration(path, AnalyticsSettings)
