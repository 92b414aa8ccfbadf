"""Which batch to send when: at most so many unacknowledged, live before backlog, again what stays unanswered.

Pure: it knows sequences, priorities and times, neither payloads nor a network. A batch is live when it was sealed after
the connection began, else backlog; in the end both are sent, but a live one never waits behind an outage's backlog, and
among live ones as in the backlog those of high priority go first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from edge.readings import Priority

FirstPending = Callable[[int, int, Priority], int | None]
"""(after, up_to, priority) → the lowest pending sequence of it in (after, up_to], None where there is none."""

_HIGHEST = 2**63 - 1
_MOST_URGENT_FIRST = tuple(sorted(Priority, reverse=True))
_MOST_DOUBLINGS = 5


@dataclass(slots=True)
class _Flight:
    due_s: float
    attempts: int


class Window:
    """The batches in flight of one connection; times are seconds of any one monotonic clock.

    Parameters
    ----------
    size
        Batches unacknowledged at most.
    timeout_s
        After how long an unanswered batch is sent again; the pause doubles with each attempt, up to 32 times this,
        and is stretched by up to a half at random so that agents do not keep step.
    backlog_per_s
        First sends of backlog batches per second, at most.
    """

    def __init__(self, size: int, timeout_s: float, backlog_per_s: float, random: Random) -> None:
        self._size = size
        self.timeout_s = timeout_s
        self._backlog_per_s = backlog_per_s
        self._random = random
        self._flights: dict[int, _Flight] = {}
        self._boundary = 0
        self._live_after = dict.fromkeys(Priority, 0)
        self._backlog_after = dict.fromkeys(Priority, 0)
        self._allowance = 1.0
        self._allowance_at_s = 0.0

    def begin(self, now_s: float, boundary: int) -> None:
        """Start anew: nothing is in flight, everything up to the sequence ``boundary`` is backlog."""
        self._flights.clear()
        self._boundary = boundary
        self._live_after = dict.fromkeys(Priority, boundary)
        self._backlog_after = dict.fromkeys(Priority, 0)
        self._allowance = 1.0
        self._allowance_at_s = now_s

    @property
    def in_flight(self) -> int:
        """Number of batches sent and not settled."""
        return len(self._flights)

    def next(self, now_s: float, first_pending: FirstPending) -> int | None:
        """Return the sequence to send for the first time now and count it as sent; None where none may be."""
        if len(self._flights) >= self._size:
            return None
        live = _first(first_pending, self._live_after, _HIGHEST)
        if live is not None:
            return self._sent(live, now_s)
        if self._backlog_allowance(now_s) < 1:
            return None
        backlog = _first(first_pending, self._backlog_after, self._boundary)
        if backlog is None:
            return None
        self._allowance -= 1
        return self._sent(backlog, now_s)

    def overdue(self, now_s: float) -> list[int]:
        """Return the sequences in flight that are to be sent again now, oldest first."""
        return sorted(sequence for sequence, flight in self._flights.items() if flight.due_s <= now_s)

    def sent_again(self, sequence: int, now_s: float) -> None:
        """Note that a batch in flight was sent again: it gets twice as long to be answered."""
        flight = self._flights[sequence]
        flight.attempts += 1
        flight.due_s = now_s + self._patience(flight.attempts)

    def postpone(self, sequence: int, now_s: float) -> None:
        """Note that a batch in flight was not sent again, since its last copy has not left this machine."""
        self._flights[sequence].due_s = now_s + self._patience(0)

    def make_due(self, sequences: Iterable[int], now_s: float) -> None:
        """Have those of the sequences that are in flight sent again at once."""
        for sequence in sequences:
            if flight := self._flights.get(sequence):
                flight.due_s = now_s

    def settle(self, sequences: Iterable[int]) -> None:
        """Forget batches that are pending no more."""
        for sequence in sequences:
            self._flights.pop(sequence, None)

    def wait_s(self, now_s: float, longest_s: float) -> float:
        """Return how long nothing becomes due by time alone, ``longest_s`` at most."""
        due_s = min((flight.due_s for flight in self._flights.values()), default=now_s + longest_s)
        until = due_s - now_s
        if len(self._flights) < self._size and (missing := 1 - self._backlog_allowance(now_s)) > 0:
            until = min(until, missing / self._backlog_per_s)
        return min(max(until, 0.0), longest_s)

    def _sent(self, sequence: int, now_s: float) -> int:
        self._flights[sequence] = _Flight(now_s + self._patience(0), 0)
        return sequence

    def _patience(self, attempts: int) -> float:
        return self.timeout_s * 2.0 ** min(attempts, _MOST_DOUBLINGS) * self._random.uniform(1.0, 1.5)

    def _backlog_allowance(self, now_s: float) -> float:
        """Return how many backlog batches may be sent now; saved up for a tenth of a second, one batch at least."""
        earned = (now_s - self._allowance_at_s) * self._backlog_per_s
        self._allowance = min(self._allowance + earned, max(1.0, self._backlog_per_s / 10))
        self._allowance_at_s = now_s
        return self._allowance


def _first(first_pending: FirstPending, after: dict[Priority, int], up_to: int) -> int | None:
    """Return the next batch of the highest priority that has one, and move on past it."""
    for priority in _MOST_URGENT_FIRST:
        sequence = first_pending(after[priority], up_to, priority)
        if sequence is not None:
            after[priority] = sequence
            return sequence
    return None
