"""The pace at which recorded or simulated time is played."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event


class Pace:
    """Maps played time to the machine's monotonic time: ``speed`` played seconds a second, 0 without waiting."""

    def __init__(self, speed: float, start_us: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Begin now, at the played instant ``start_us``."""
        self._speed = speed
        self._start_us = start_us
        self._clock_s = clock_s
        self._began_s = clock_s()

    def wait(self, t_us: int, stop: Event) -> bool:
        """Wait until the played instant is due; return False, at once, when ``stop`` is set."""
        while self._speed and not stop.is_set():
            due_s = self._began_s + (t_us - self._start_us) / 1e6 / self._speed
            remaining_s = due_s - self._clock_s()
            if remaining_s <= 0:
                break
            stop.wait(remaining_s)
        return not stop.is_set()
