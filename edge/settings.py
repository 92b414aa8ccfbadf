"""The agent's configuration file as frozen models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from edge.broker_settings import BrokerSettings
from edge.configuration import ConfiguredPath, SettingsModel
from edge.reporting.rule import ReportRule
from edge.sources.kinds import SourceSettings
from edge.wire.batch import MAX_READINGS
from edge.wire.model import AgentName


class AgentSettings(SettingsModel):
    """``[agent]``: who this agent is; its id is also its MQTT user name and client id."""

    id: AgentName


class SpoolSettings(SettingsModel):
    """``[spool]``: the file that holds what is accepted and not yet committed, and its bounds."""

    path: ConfiguredPath
    max_bytes: Annotated[int, Field(ge=1024 * 1024)] = 256 * 1024 * 1024
    """Bytes of pending batches; beyond, the oldest are dropped and declared lost."""
    max_age_s: Annotated[float, Field(gt=0)] = 30 * 86_400.0
    """Age since acceptance; older batches are dropped and declared lost."""
    seal_after_s: Annotated[float, Field(gt=0, le=3600)] = 1.0
    """How long readings wait in memory for company before they are sealed."""
    batch_readings: Annotated[int, Field(ge=1, le=MAX_READINGS)] = 500
    compress: bool = True
    """Whether a batch is sealed as a zlib stream where that makes it at least a tenth smaller."""


class UplinkSettings(SettingsModel):
    """``[uplink]``: how fast batches are sent, and when again."""

    window: Annotated[int, Field(ge=1, le=1000)] = 16
    """Batches sent and not acknowledged, at most."""
    acknowledgement_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    backlog_batches_per_s: Annotated[float, Field(gt=0)] = 50.0
    reconnect_cap_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Longest pause between two attempts to connect."""


class EnrolmentSettings(SettingsModel):
    """``[enrolment]``: where the platform's enrolment service listens."""

    host: Annotated[str, Field(min_length=1)] | None = None
    """None: the broker's host."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8884


class RemoteConfigurationSettings(SettingsModel):
    """``[remote_configuration]``: whether the platform may change sources and limits, and how that is tried."""

    enabled: bool = True
    probation_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """How long a new configuration is watched before it replaces the one before for good."""


class UpdateSettings(SettingsModel):
    """``[update]``: how the device installs releases that the platform announces, and whose.

    It is read by the command that installs, which runs as root; nothing of it is the platform's to say.
    """

    release_key: ConfiguredPath | None = None
    """Public Ed25519 key (PEM) that releases are signed with, owned by root; None: no release is installed."""
    root: Path = Path("/opt/smartstore")
    """The folder with ``versions/``, and ``current``, which the agent is started from."""
    ca_file: ConfiguredPath | None = None
    """Certificates for the server that releases are fetched from; None: those that the system trusts."""
    restart_command: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "systemctl",
        "--no-block",
        "restart",
        "smartstore-edge",
    )
    healthy_after_s: Annotated[float, Field(gt=0, le=3600)] = 300.0
    """How long a new release is watched; one that is not healthy then is rolled back."""

    @field_validator("root")
    @classmethod
    def _absolute(cls, root: Path) -> Path:
        if not root.is_absolute():
            msg = "this must be an absolute path"
            raise ValueError(msg)
        return root


class EdgeSettings(SettingsModel):
    """The whole file."""

    agent: AgentSettings
    broker: BrokerSettings
    spool: SpoolSettings
    uplink: UplinkSettings = UplinkSettings()
    enrolment: EnrolmentSettings = EnrolmentSettings()
    remote_configuration: RemoteConfigurationSettings = RemoteConfigurationSettings()
    update: UpdateSettings = UpdateSettings()
    source: tuple[SourceSettings, ...]
    report: tuple[ReportRule, ...] = ()
    """Rules for the readings of every source, after its own."""

    @field_validator("source")
    @classmethod
    def _at_least_one(cls, source: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
        if not source:
            msg = "there is none; describe at least one in a table [[source]]"
            raise ValueError(msg)
        return source

    @model_validator(mode="after")
    def _one_source_a_name(self) -> Self:
        names = [source.name for source in self.source]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            msg = f"sources need different names; used more than once: {', '.join(repeated)}"
            raise ValueError(msg)
        return self
