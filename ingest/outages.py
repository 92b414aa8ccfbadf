"""When the database is away: which of the worker's connections say so, and how long that has lasted in all."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from ingest.gate import Gate


class Outages:
    """Keeps the gate closed while one connection or more is down, and the time.

    Parameters
    ----------
    gate
        Held on behalf of each connection that is down.
    """

    def __init__(self, gate: Gate, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._gate = gate
        self._monotonic_s = monotonic_s
        self._errors: dict[str, str] = {}
        self._since_s = 0.0
        self._ended_s = 0.0
        self._lock = Lock()

    def watch(self, name: str) -> Callable[[str | None], None]:
        """Return what a connection's link tells its state to: an error's text, or None when it is back."""
        return lambda error: self._is_back(name) if error is None else self._is_away(name, error)

    def _is_away(self, name: str, error: str) -> None:
        with self._lock:
            if not self._errors:
                self._since_s = self._monotonic_s()
            self._errors[name] = error
        self._gate.hold(f"database {name}", "the database is away")

    def _is_back(self, name: str) -> None:
        with self._lock:
            if self._errors.pop(name, None) is not None and not self._errors:
                self._ended_s += self._monotonic_s() - self._since_s
        self._gate.release(f"database {name}")

    def errors(self) -> dict[str, str]:
        """Return the error of each connection that is down, by name."""
        with self._lock:
            return dict(self._errors)

    def of(self, name: str) -> bool:
        """Return whether this connection is down."""
        return name in self._errors

    def lasting_s(self) -> float:
        """Return how long the present outage has lasted, 0 while there is none."""
        with self._lock:
            return self._monotonic_s() - self._since_s if self._errors else 0.0

    def total_s(self) -> float:
        """Return how long at least one connection was down, in all."""
        return self._ended_s + self.lasting_s()
