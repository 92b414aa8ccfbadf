"""What the agent asks of a source."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Protocol, runtime_checkable

from edge.readings import ReadingGroup


class SourceTroubleError(Exception):
    """Something outside the agent keeps a source from working; ``fix`` tells an operator what to do."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix


class Source(Protocol):
    """A supervised supplier of readings."""

    @property
    def name(self) -> str:
        """Name of the source in configuration, status and logs."""

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        """Yield groups from after ``position`` (None: the beginning) until the source ends or ``stop`` is set."""


class Journal(Protocol):
    """Where a source says how it does, for the status."""

    def contact(self, name: str, readings: int = 0, refusals: int = 0) -> None:
        """Note that a source's device was heard of, with how much it gave."""

    def trouble(self, name: str, error: str, fix: str) -> None:
        """Note what went wrong in a source that goes on."""


@runtime_checkable
class KeepsJournal(Protocol):
    """A source that itself says when its device was heard of: also where there was nothing to read."""

    def keep(self, journal: Journal) -> None:
        """Use this journal from now on."""
