"""The bounded place in memory between the sources and the spool; a full one makes the sources wait."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from threading import Condition

from edge.readings import ReadingGroup
from edge.spool.acceptance import NamedGroup

_LOOK_AGAIN_S = 0.5
_LONGEST_RECEIPT_WAIT_S = 0.2
"""How long a group with a receipt waits for company: somebody waits for the answer."""


class Intake:
    """Groups on their way to the spool; room is given back when they are accepted, not when they are taken.

    Parameters
    ----------
    room
        Readings held at most; a single larger group passes alone. A group without readings counts as one.
    monotonic_s
        The clock by which ``gather`` waits.
    """

    def __init__(self, room: int, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._room = room
        self._monotonic_s = monotonic_s
        self._changed = Condition()
        self._waiting: deque[NamedGroup] = deque()
        self._waiting_readings = 0
        self._held_readings = 0
        self._receipt_due_s = math.inf
        self._unaccepted: Counter[str] = Counter()
        self._closed = False

    def put(self, source: str, group: ReadingGroup) -> bool:
        """Hand over a group, waiting for room; False where the intake is closed and the group was not taken."""
        weight = _weight(group)
        with self._changed:
            while not self._closed and self._held_readings and self._held_readings + weight > self._room:
                self._changed.wait(_LOOK_AGAIN_S)
            if self._closed:
                return False
            self._waiting.append((source, group))
            self._waiting_readings += weight
            self._held_readings += weight
            self._unaccepted[source] += 1
            if group.receipt is not None:
                self._receipt_due_s = min(self._receipt_due_s, self._monotonic_s() + _LONGEST_RECEIPT_WAIT_S)
            self._changed.notify_all()
            return True

    def gather(self, enough: int, linger_s: float, idle_s: float) -> list[NamedGroup]:
        """Return all groups that wait, once they hold ``enough`` readings or the first has waited ``linger_s``.

        One with a receipt waits for 0.2 s at most. Returns an empty list where none has come within ``idle_s``.
        """
        with self._changed:
            self._wait(idle_s, lambda: bool(self._waiting))
            if self._waiting:
                self._wait(linger_s, lambda: self._waiting_readings >= min(enough, self._room), in_a_hurry=True)
            gathered = list(self._waiting)
            self._waiting.clear()
            self._waiting_readings = 0
            self._receipt_due_s = math.inf
            return gathered

    def accepted(self, groups: Sequence[NamedGroup]) -> None:
        """Give back the room of gathered groups that are in the spool now."""
        with self._changed:
            for source, group in groups:
                self._held_readings -= _weight(group)
                self._unaccepted[source] -= 1
            self._changed.notify_all()

    def wait_until_accepted(self, source: str) -> bool:
        """Wait until every group of a source is in the spool; False where the intake was closed before."""
        with self._changed:
            while self._unaccepted[source] and not self._closed:
                self._changed.wait(_LOOK_AGAIN_S)
            return not self._unaccepted[source]

    def abandon(self) -> None:
        """Tell whoever waits for the acceptance of what still waits here that it will not come in this run."""
        with self._changed:
            for _, group in self._waiting:
                if group.receipt is not None:
                    group.receipt.settle(accepted=False)

    def is_empty(self) -> bool:
        """Tell whether everything that was put is in the spool."""
        with self._changed:
            return not self._held_readings

    def close(self) -> None:
        """Take nothing more; what waits may still be gathered."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _wait(self, longest_s: float, ready: Callable[[], bool], *, in_a_hurry: bool = False) -> None:
        end_s = self._monotonic_s() + longest_s
        while not ready() and not self._closed:
            left_s = (min(end_s, self._receipt_due_s) if in_a_hurry else end_s) - self._monotonic_s()
            if left_s <= 0:
                return
            self._changed.wait(left_s)


def _weight(group: ReadingGroup) -> int:
    return max(1, len(group.readings))
