"""A place where a worker process stands still while a test does something to the rest of the platform."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path


class Halt:
    """Listens at a socket's path; whoever connects waits there until ``act`` has been done, once."""

    def __init__(self, path: Path, act: Callable[[], object]) -> None:
        self.path = path
        self.done = threading.Event()
        self._act = act
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._wait, name="halt", daemon=True).start()

    def close(self) -> None:
        """Take nobody in any more."""
        with contextlib.suppress(OSError):  # it wakes whoever waits in ``accept``
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _wait(self) -> None:
        try:
            line, _ = self._listener.accept()
        except OSError:
            return
        with line:
            self._act()
            self.done.set()
            line.sendall(b".")
