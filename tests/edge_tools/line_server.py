"""What devices on lines have in common: each serves a file descriptor, a TCP connection or one end of a terminal."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

Serve = Callable[[int, Event], None]
"""Serves a file descriptor until it ends or the event is set."""


def read(line: int, count: int, stop: Event) -> bytes:
    """Return exactly so many bytes; none where the line ends or the test does."""
    received = b""
    while len(received) < count and not stop.is_set():
        if select.select([line], [], [], 0.05)[0]:
            try:
                chunk = os.read(line, count - len(received))
            except OSError:
                return b""
            if not chunk:
                return b""
            received += chunk
    return received if len(received) == count else b""


class Served:
    """Serves TCP connections one after the other."""

    def __init__(self, serve: Serve, port: int) -> None:
        self.stop = Event()
        self.connections = 0
        self._serve = serve
        self._listening = socket.create_server(("127.0.0.1", port))
        self._listening.settimeout(0.05)
        self.port: int = self._listening.getsockname()[1]

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                line, _ = self._listening.accept()
            except TimeoutError:
                continue
            self.connections += 1
            with line:
                self._serve(line.fileno(), self.stop)
        self._listening.close()


@contextmanager
def on_tcp(serve: Serve, port: int = 0) -> Iterator[Served]:
    """Yield a device at a port of the loopback interface, 0: any free one."""
    served = Served(serve, port)
    thread = Thread(target=served.run)
    thread.start()
    try:
        yield served
    finally:
        served.stop.set()
        thread.join(10)
        assert not thread.is_alive()


@contextmanager
def on_terminal(serve: Serve) -> Iterator[str]:
    """Yield the path of a pseudo-terminal at whose other end the device is."""
    ours, theirs = os.openpty()
    stop = Event()
    thread = Thread(target=serve, args=(ours, stop))
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        stop.set()
        thread.join(10)
        os.close(ours)
        os.close(theirs)
