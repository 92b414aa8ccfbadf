"""What a source hands to the agent: readings in groups that are accepted together or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from edge.receipt import Receipt
from edge.wire.batch import DecoderRefusal
from edge.wire.series import Origin, Series


class Reading(NamedTuple):
    """One value of one series; ``ordinal`` separates events of one instant."""

    series: Series
    t_us: int
    value: float
    flags: int = 0
    ordinal: int = 0


class Priority(IntEnum):
    """Which batches are sent first, of those sealed since the connection began and of the backlog alike."""

    NORMAL = 0
    HIGH = 1


@dataclass(frozen=True, slots=True)
class ReadingGroup:
    """Readings accepted in one transaction, with the position from which their source would go on after them."""

    readings: Sequence[Reading]
    origin: Origin
    position: str
    refusals: Sequence[DecoderRefusal] = field(default=())
    receipt: Receipt | None = field(default=None, compare=False)
    """For a source that must know when the group is in the spool, such as one that answers its sender then."""
    priority: Priority = field(default=Priority.NORMAL)
