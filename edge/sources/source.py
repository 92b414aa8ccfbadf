"""What the agent asks of a source."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Protocol

from edge.readings import ReadingGroup


class Source(Protocol):
    """A supervised supplier of readings."""

    @property
    def name(self) -> str:
        """Name of the source in configuration, status and logs."""

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        """Yield groups from after ``position`` (None: the beginning) until the source ends or ``stop`` is set."""
