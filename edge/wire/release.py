"""Releases of the agent: how they are numbered, and what an agent says of the one that it dealt with last."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from edge.wire.model import WireModel

ReleaseVersion = Annotated[
    str, StringConstraints(pattern=r"^(?:0|[1-9][0-9]{0,5})(?:\.(?:0|[1-9][0-9]{0,5})){2}$", max_length=20)
]
"""Three numbers with dots between; a release is newer where they are greater, the first first."""


class ReleaseState(StrEnum):
    """What became of a release at the agent's device."""

    DELAYED = "delayed"
    """It could not be had or installed so far; that is tried again."""
    REFUSED = "refused"
    """It was never run; what ran before goes on."""
    TRIAL = "trial"
    """It runs, and is watched."""
    APPLIED = "applied"
    ROLLED_BACK = "rolled_back"
    """It ran and was not healthy; what ran before runs again, and this release is not tried once more."""


class ReleaseReport(WireModel):
    """The release that an agent's device dealt with last."""

    version: ReleaseVersion
    state: ReleaseState
    detail: Annotated[str, StringConstraints(max_length=500)] = ""
    """Why it is delayed, was refused or rolled back."""


def numbers_of(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, by which releases are compared.

    Examples
    --------
    >>> numbers_of("0.10.0") > numbers_of("0.9.12")
    True
    """
    return tuple(int(number) for number in version.split("."))
