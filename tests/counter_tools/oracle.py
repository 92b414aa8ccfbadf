"""What a counter's register says of what it counted, worked out by the rules of the fact sheet and by nothing of ours.

A register is read now and then. From one reading to the next it has grown by their difference; where it fell, it has
either wrapped at its width, so that one whole turn is to be added, or returned to zero, so that the reading itself is
what was counted since. Only who made the sequence knows which: the oracle is told, the code under test is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass
class Register:
    """A counter as a device has it: what it shows, and what it counted in truth.

    Parameters
    ----------
    turn
        Where it begins again from zero by its width; None: nowhere.
    shown
        What it shows at first.
    """

    turn: int | None = None
    shown: int = 0
    counted: int = 0
    """In truth, from the first reading to the last."""
    lost: int = 0
    """What resets took away of it before anybody had read it."""
    readings: list[Reading] = field(default_factory=list)
    _since: int = 0
    _unread: int = 0
    _was_reset: bool = False
    _wraps: int = 0

    def count(self, amount: int) -> None:
        self._since += amount
        self._unread += amount
        self.shown += amount
        if self.turn is not None:
            wraps, self.shown = divmod(self.shown, self.turn)
            self._wraps += wraps

    def reset(self) -> None:
        self._unread, self.shown, self._wraps, self._was_reset = 0, 0, 0, True

    def read(self) -> int:
        if self.readings:
            self.counted += self._since
            self.lost += self._since - self._unread
        self.readings.append(Reading(self.shown, self._was_reset, self._wraps))
        self._since = self._unread = self._wraps = 0
        self._was_reset = False
        return self.shown


@dataclass(frozen=True)
class Reading:
    shown: int
    was_reset: bool
    """Whether it returned to zero since the reading before."""
    wraps: int
    """How often it wrapped since then, or since the last reset."""


def increments(readings: Sequence[Reading], turn: int | None) -> list[int]:
    """Return what each reading adds to the one before it."""
    found = []
    for before, now in pairwise(readings):
        since = 0 if now.was_reset else before.shown
        found.append(now.shown - since + (turn or 0) * now.wraps)
    return found
