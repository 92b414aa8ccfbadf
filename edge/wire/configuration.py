"""Remote configuration: what the platform wants an agent to run with, and what the agent says of it in its birth."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from edge.wire.model import WIRE_VERSION, InstantUs, Sha256Hex, WireModel

MAX_TOML_CHARACTERS = 256 * 1024
ConfigurationNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""Counts an agent's configurations; an agent takes none that is older than the one it knows."""


class Configuration(WireModel):
    """The retained document on an agent's topic ``config``; the agent names it by the SHA-256 of its payload.

    ``toml`` holds tables of the agent's configuration file, each in place of the local one: ``[[source]]``,
    ``[[report]]``, and single keys of ``[spool]`` and ``[uplink]``. Empty: the local file alone holds.
    """

    type: Literal["configuration"] = "configuration"
    version: Literal[1] = WIRE_VERSION
    number: ConfigurationNumber
    issued_us: InstantUs
    toml: Annotated[str, StringConstraints(max_length=MAX_TOML_CHARACTERS)]


class ConfigurationState(StrEnum):
    """What became of a configuration at the agent."""

    TRIAL = "trial"
    """It runs, and is watched."""
    APPLIED = "applied"
    REFUSED = "refused"
    """It was never run; what ran before goes on."""
    ROLLED_BACK = "rolled_back"
    """It ran and was not healthy; what ran before runs again."""


class ConfigurationReport(WireModel):
    """The configuration that an agent dealt with last."""

    number: ConfigurationNumber
    sha256: Sha256Hex
    state: ConfigurationState
    detail: Annotated[str, StringConstraints(max_length=500)] = ""
    """Why it was refused or rolled back."""
