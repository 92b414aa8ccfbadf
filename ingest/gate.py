"""Whether this worker takes batches, and why not: what agents are told and what readiness stands on."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock

from edge.wire.presence import IngestState

_REASON_LENGTH = 200


class Gate:
    """Open while nothing holds it closed. Every change is told to ``listener``, one at a time, in order."""

    def __init__(self) -> None:
        self._holding: dict[str, str] = {}
        self._lock = RLock()
        self._listener: Callable[[IngestState], None] = lambda _: None

    def tell(self, listener: Callable[[IngestState], None]) -> None:
        """Tell changes to this listener from now on."""
        with self._lock:
            self._listener = listener

    def hold(self, subject: str, reason: str) -> None:
        """Close the gate on behalf of a subject, until it releases it."""
        with self._lock:
            if self._holding.get(subject) != reason:
                self._holding[subject] = reason
                self._listener(self.state())

    def release(self, subject: str) -> None:
        """Take back a subject's hold."""
        with self._lock:
            if self._holding.pop(subject, None) is not None:
                self._listener(self.state())

    def state(self) -> IngestState:
        """Return the state as agents see it."""
        with self._lock:
            reason = "; ".join(self._holding.values())
            return IngestState(accepting=not self._holding, reason=reason[:_REASON_LENGTH])
