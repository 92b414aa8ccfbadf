"""Settings of ingest: a TOML file as frozen models; a wrong one fails at the start and names its key."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Self

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from edge.broker_settings import BrokerSettings
from edge.configuration import ConfiguredPath, SettingsModel, read_configuration


def _without_password(url: str) -> str:
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError as error:
        msg = f"not a PostgreSQL address ({error}); write postgresql://user@host:5432/database".replace("\n", " ")
        raise ValueError(msg) from None
    if parts.get("password"):
        msg = "holds a password; put it into a file that only this service can read, and name that in password_file"
        raise ValueError(msg)
    return url


class DatabaseSettings(SettingsModel):
    """Where the database is; its password, if it wants one, is the first line of ``password_file``."""

    url: Annotated[str, AfterValidator(_without_password)]
    password_file: ConfiguredPath | None = None


def _host_name() -> str:
    return "".join(c if c.isalnum() else "-" for c in socket.gethostname().lower())[:63].strip("-") or "worker"


class WorkerSettings(SettingsModel):
    """One ingest process: its name among the workers and the bounds of what it holds."""

    worker: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = Field(default_factory=_host_name)
    receive_maximum: Annotated[int, Field(ge=1, le=65_535)] = 1000
    """Messages that the broker may send before the first of them is acknowledged."""
    queue_batches: Annotated[int, Field(ge=1, le=1_000_000)] = 4000
    """Messages held in memory; at this bound the worker leaves the broker until it has written some."""
    queue_bytes: Annotated[int, Field(ge=2**20)] = 64 * 2**20
    """The same bound in bytes of payload."""
    write_batches: Annotated[int, Field(ge=1, le=10_000)] = 128
    """Most messages of one transaction."""
    writers: Annotated[int, Field(ge=1, le=8)] = 2
    """Connections that write, each for its share of the agents: while one waits for its commit, another copies."""
    write_after_s: Annotated[float, Field(ge=0, le=60)] = 0.0
    """Wait for more messages before a write; at 0 those count that came during the write before, which suits a load."""
    status_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """Loopback port of /healthz, /readyz and /metrics (0: a free one, which is logged)."""


class EnrolmentSettings(SettingsModel):
    """``[enrolment]``: how devices get their credentials, and how the broker learns of them."""

    host: Annotated[str, Field(min_length=1)] = "0.0.0.0"  # noqa: S104 - it serves devices elsewhere
    port: Annotated[int, Field(ge=0, le=65_535)] = 8884
    """0: a free one, which is logged."""
    certificate_file: ConfiguredPath
    """Certificate (PEM) of the enrolment service; codes carry its fingerprint, so it may be self-signed."""
    key_file: ConfiguredPath
    password_file_out: ConfiguredPath
    """The broker's password file; lines of users that never enrolled are left as they are."""
    reload_pid_file: ConfiguredPath | None = None
    """The broker's pid file: it gets SIGHUP when the password file has changed."""
    reload_command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Or the command, without a shell, that has the broker read its password file again."""
    broker_ca_file: ConfiguredPath | None = None
    """CA certificates (PEM) of the broker, which devices get with their credential."""

    @model_validator(mode="after")
    def _one_way_to_reload(self) -> Self:
        if (self.reload_pid_file is None) == (self.reload_command is None):
            msg = "give either reload_pid_file or reload_command: how the broker is told of a new credential"
            raise ValueError(msg)
        return self


def _at_least(days: int, reason: str) -> AfterValidator:
    def check(value: int | None) -> int | None:
        if value is not None and value < days:
            msg = f"{value} days is under the floor of {days}: {reason}; leave it out to keep everything"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


class RetentionSettings(SettingsModel):
    """``[retention]``: for how many days readings are kept; what is not set here is kept for ever.

    No law bounds how long counts and device states are kept, since they tell of nobody; and what is removed can't be
    had back for an evaluation whose window nobody knows yet. So nothing is removed that nobody asked to remove.
    """

    count_days: Annotated[
        int | None,
        Field(le=36_500),
        _at_least(
            762,
            "the written report due before the end of November (MOFCOM notice on demonstration districts and stores)"
            " speaks of a year from 1 November on, compared with the year before",
        ),
    ] = None
    """Counts of intervals, registers and single events. The project's proposal: 1096, three years."""
    state_days: Annotated[
        int | None,
        Field(le=36_500),
        _at_least(
            184,
            "logs of the state in which a network runs, such as whether its devices are reachable, are kept for six"
            " months (Cybersecurity Law of China, Article 21)",
        ),
    ] = None
    """Levels and states of devices. Under 762 a year's report on them lacks the readings that it is computed from."""

    @property
    def days(self) -> dict[str, int | None]:
        """Days by retention class; None: for ever."""
        return {"count": self.count_days, "state": self.state_days}


class IngestSettings(SettingsModel):
    """Everything that a process of the platform's side is told."""

    broker: BrokerSettings
    database: DatabaseSettings
    ingest: WorkerSettings = Field(default_factory=WorkerSettings)
    enrolment: EnrolmentSettings | None = None
    """Needed by the commands of enrolment alone."""
    retention: RetentionSettings = RetentionSettings()
    """What ``smartstore-ingest retention`` goes by; the scheduler's settings have the same table."""


def load(path: Path) -> IngestSettings:
    """Return the settings in a TOML file.

    Raises
    ------
    edge.configuration.ConfigurationError
        The file cannot be read, is not TOML, or holds a wrong, missing or unknown key, which the message names.
    """
    return read_configuration(path, IngestSettings)
