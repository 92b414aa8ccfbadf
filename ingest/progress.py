"""Whether threads get on: what each shows of its progress, and who of them stands still although work waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock

STANDS_STILL_AFTER_S = 120.0
"""Longer than a worker may be told to wait for a fuller write (``write_after_s``)."""


class Doing(StrEnum):
    """What a thread is at."""

    IDLE = "idle"
    """It waits for work."""
    BUSY = "busy"
    HELD_UP = "held_up"
    """It waits for the next thread to take what it has."""


class Pulse:
    """What one thread shows of its progress: no other writes it, and it takes no clock and no lock."""

    def __init__(self) -> None:
        self.doing = Doing.IDLE
        self.beats = 0

    def now(self, doing: Doing) -> None:
        """Say what the thread is at from now on; to say the same again is progress too."""
        self.doing = doing
        self.beats += 1


@dataclass(slots=True)
class _Watched:
    pulse: Pulse
    work_waits: Callable[[], bool]
    excused: Callable[[], bool]
    seen_beats: int = -1
    since_s: float | None = None


class Watchdog:
    """Compares what it sees each time it is asked.

    So a thread that work came to a moment ago is not blamed for the quiet before, however seldom anybody asks.

    Parameters
    ----------
    after_s
        Time without progress, from the first look that finds work waiting, after which a thread stands still.
    """

    def __init__(
        self, after_s: float = STANDS_STILL_AFTER_S, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._after_s = after_s
        self._monotonic_s = monotonic_s
        self._watched: dict[str, _Watched] = {}
        self._lock = Lock()

    def watch(
        self, name: str, pulse: Pulse, work_waits: Callable[[], bool], excused: Callable[[], bool] = lambda: False
    ) -> None:
        """Watch a thread from now on.

        Parameters
        ----------
        work_waits
            Whether there is something that the thread should take when it is idle.
        excused
            Whether it is known why it does not get on, such as a database that is away.
        """
        self._watched[name] = _Watched(pulse, work_waits, excused)

    def standing_still(self) -> dict[str, float]:
        """Return the threads that stand still, by name, with the seconds that this has been seen for."""
        now_s = self._monotonic_s()
        with self._lock:
            lasting = {name: _lasting_s(watched, now_s) for name, watched in self._watched.items()}
        return {name: lasting_s for name, lasting_s in lasting.items() if lasting_s >= self._after_s}


def _lasting_s(watched: _Watched, now_s: float) -> float:
    """Look at a thread; return for how long it has been seen without progress while it had work."""
    beats, doing = watched.pulse.beats, watched.pulse.doing
    has_work = doing is Doing.BUSY or (doing is Doing.IDLE and watched.work_waits())
    if not has_work or watched.excused():
        watched.since_s = None
    elif watched.since_s is None or watched.seen_beats != beats:
        watched.since_s = now_s
    watched.seen_beats = beats
    return 0.0 if watched.since_s is None else now_s - watched.since_s
