"""The slip that goes with a group whose sender waits for its acceptance, or may take it back."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from threading import Condition


class _State(Enum):
    WAITING = auto()
    SEALING = auto()
    PUT_OFF = auto()
    """An attempt failed; the next one may follow."""
    ACCEPTED = auto()
    WITHDRAWN = auto()


class Receipt:
    """Tells a source whether its group is in the spool.

    The agent calls ``begin`` and ``settle`` around each attempt to accept; the source calls ``wait`` or ``withdraw``.

    Parameters
    ----------
    on_accepted
        Called once, by the agent's thread, after the commit; must be quick, and must not raise.
    """

    def __init__(self, on_accepted: Callable[[], None] | None = None) -> None:
        self._on_accepted = on_accepted
        self._changed = Condition()
        self._state = _State.WAITING

    def begin(self) -> bool:
        """Note an attempt to accept the group; False where it was withdrawn and must be left out."""
        with self._changed:
            if self._state is _State.WITHDRAWN:
                return False
            self._state = _State.SEALING
            return True

    def settle(self, *, accepted: bool) -> None:
        """Note the outcome of an attempt, or that there will be none."""
        with self._changed:
            if self._state is _State.WITHDRAWN:
                return
            self._state = _State.ACCEPTED if accepted else _State.PUT_OFF
            self._changed.notify_all()
        if accepted and self._on_accepted is not None:
            self._on_accepted()

    def withdraw(self) -> bool:
        """Take the group back, waiting for an attempt that is under way; False where it was accepted."""
        with self._changed:
            self._changed.wait_for(lambda: self._state is not _State.SEALING)
            if self._state is _State.ACCEPTED:
                return False
            self._state = _State.WITHDRAWN
            self._changed.notify_all()
            return True

    def wait(self, longest_s: float) -> bool:
        """Wait for the acceptance; where an attempt fails or ``longest_s`` pass, take the group back: False."""
        with self._changed:
            self._changed.wait_for(lambda: self._state not in {_State.WAITING, _State.SEALING}, longest_s)
        return not self.withdraw()
