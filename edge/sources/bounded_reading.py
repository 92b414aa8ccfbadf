"""Reading from a socket that never lasts longer than it may, nor holds up the agent's stop."""

from __future__ import annotations

import io
import math
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_LOOK_S = 0.25


class ReadingStoppedError(OSError):
    """The agent stops."""


class TooMuchError(OSError):
    """The other side sends more than it may."""


class BoundedReader(io.RawIOBase):
    """The reading side of a socket, bounded in time and size by ``allow``.

    However slowly the other side sends: a socket's own time-out would begin anew with each byte.
    """

    def __init__(self, line: socket.socket, stopped: Callable[[], bool]) -> None:
        super().__init__()
        self._line = line
        self._stopped = stopped
        self._until_s = math.inf
        self._left: float = math.inf

    def allow(self, seconds: float, most_bytes: float = math.inf) -> None:
        """Let reading go on for so long from now, and for so many bytes."""
        self._until_s = time.monotonic() + seconds
        self._left = most_bytes

    def readable(self) -> bool:
        """Tell Python that this can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is there into a buffer, waiting for it; 0 at the end.

        Raises
        ------
        TimeoutError
            The time is over.
        TooMuchError
            The bytes are used up.
        ReadingStoppedError
            The agent stops.
        """
        while True:
            if self._stopped():
                raise ReadingStoppedError("the agent stops")
            left_s = self._until_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("the other side was too slow")
            if self._left <= 0:
                raise TooMuchError("the other side sends too much")
            self._line.settimeout(min(left_s, _LOOK_S))
            try:
                received = self._line.recv_into(buffer)
            except TimeoutError:
                continue
            self._left -= received
            return received
