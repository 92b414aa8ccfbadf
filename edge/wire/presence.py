"""Who is connected: an agent's birth and will, and whether an ingest worker accepts batches. All are retained."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from edge.wire.configuration import ConfigurationReport
from edge.wire.model import WIRE_VERSION, AgentName, Count, InstantUs, WireModel
from edge.wire.release import ReleaseReport

ConnectionNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""Counts an agent's connections; a will of an older connection than the last birth says nothing."""


class Birth(WireModel):
    """An agent connected."""

    type: Literal["birth"] = "birth"
    version: Literal[1] = WIRE_VERSION
    agent: AgentName
    connection: ConnectionNumber
    spool: UUID
    software: Annotated[str, StringConstraints(max_length=64)]
    at_us: InstantUs
    pending_batches: Count
    configuration: ConfigurationReport | None = Field(default=None, exclude_if=lambda report: report is None)
    """The remote configuration that the agent dealt with last; the birth is said again when this changes."""
    release: ReleaseReport | None = Field(default=None, exclude_if=lambda report: report is None)
    """The release of itself that was dealt with last on its device; likewise."""


class Will(WireModel):
    """A connection ended: sent by the broker (``clean`` false) or by an agent that stops (``clean`` true)."""

    type: Literal["will"] = "will"
    version: Literal[1] = WIRE_VERSION
    agent: AgentName
    connection: ConnectionNumber
    clean: bool


class IngestState(WireModel):
    """Whether one ingest worker takes batches; agents publish while at least one does."""

    type: Literal["ingest_state"] = "ingest_state"
    version: Literal[1] = WIRE_VERSION
    accepting: bool
    reason: Annotated[str, StringConstraints(max_length=200)] = ""
