"""Whether the agent's threads make progress: each promises when it will be heard of again, and a watchdog looks."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pulse:
    """One thread's sign of life; ``beat`` is called by that thread, ``is_alive`` by any."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._due_s: float | None = None

    def beat(self, within_s: float) -> None:
        """Say that the thread makes progress, and promise the next beat within ``within_s``."""
        self._due_s = self._monotonic_s() + within_s

    @property
    def is_alive(self) -> bool:
        """Whether the thread has kept its promise so far; one that has not begun has promised nothing."""
        due_s = self._due_s
        return due_s is None or self._monotonic_s() <= due_s
