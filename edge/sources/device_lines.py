"""Lines to devices that are asked one question at a time: a TCP connection, and a serial device."""

from __future__ import annotations

import os
import select
import socket
import termios
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Protocol

from edge.sources.source import SourceTroubleError

_LEAST_SILENCE_S = 0.00175
"""Modbus over Serial Line 1.02, section 2.5.1.1: 3.5 characters, above 19,200 baud this."""
_BITS_A_CHARACTER = 11
_CHUNK = 512

_locks: defaultdict[str, Lock] = defaultdict(Lock)
_locks_guard = Lock()


@contextmanager
def alone(line: str) -> Iterator[None]:
    """Have a line to oneself: several sources may ask different units on one line."""
    with _locks_guard:
        lock = _locks[line]
    with lock:
        yield


@contextmanager
def explained(line: str, asked: str) -> Iterator[None]:
    """Say what it means that a device does not answer, or a line cannot be used; ``asked`` names the device on it."""
    try:
        yield
    except TimeoutError as error:
        fix = "check its number or address, wiring, baud and parity, or host and port, and that the device is on"
        raise SourceTroubleError(f"{asked} on {line} does not answer", fix) from error
    except OSError as error:
        fix = "check host and port, or that the serial device is there and the agent's user may use it (dialout)"
        raise SourceTroubleError(f"{line} cannot be used: {error}", fix) from error


class Channel(Protocol):
    """Bytes to and from a device."""

    def send(self, frame: bytes, until_s: float) -> None:
        """Send all of a frame; ``TimeoutError`` where that lasts beyond ``until_s`` of the monotonic clock."""

    def receive(self, count: int, until_s: float) -> bytes:
        """Return exactly so many bytes; ``TimeoutError`` where they have not come by then."""

    def discard(self) -> None:
        """Forget what has come and nobody asked for."""

    def close(self) -> None:
        """Give the line back."""


class TcpChannel:
    """A TCP connection."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._line = socket.create_connection((host, port), timeout_s)
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, frame: bytes, until_s: float) -> None:
        """As ``Channel``."""
        self._line.settimeout(_left(until_s))
        self._line.sendall(frame)

    def receive(self, count: int, until_s: float) -> bytes:
        """As ``Channel``; raises ``ConnectionError`` where the other side hangs up."""
        received = b""
        while len(received) < count:
            self._line.settimeout(_left(until_s))
            chunk = self._line.recv(count - len(received))
            if not chunk:
                raise ConnectionResetError("the device hung up")
            received += chunk
        return received

    def discard(self) -> None:
        """As ``Channel``."""
        self._line.setblocking(False)
        try:
            while self._line.recv(_CHUNK):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        """As ``Channel``."""
        self._line.close()


class SerialChannel:
    """A serial device with eight data bits, as ``/dev/ttyUSB0``; its driver or adapter switches an RS-485 line."""

    def __init__(self, path: Path, baud: int, parity: str, stop_bits: int) -> None:
        self._silence_s = max(_LEAST_SILENCE_S, 3.5 * _BITS_A_CHARACTER / baud)
        self._line = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._configure(baud, parity, stop_bits)
        except termios.error as error:
            os.close(self._line)
            raise OSError(*error.args) from error

    def _configure(self, baud: int, parity: str, stop_bits: int) -> None:
        control = termios.CS8 | termios.CREAD | termios.CLOCAL
        control |= {"none": 0, "even": termios.PARENB, "odd": termios.PARENB | termios.PARODD}[parity]
        control |= termios.CSTOPB if stop_bits == 2 else 0
        speed = getattr(termios, f"B{baud}")
        characters = termios.tcgetattr(self._line)[6]
        characters[termios.VMIN] = characters[termios.VTIME] = 0
        termios.tcsetattr(self._line, termios.TCSANOW, [0, 0, control, 0, speed, speed, characters])

    def send(self, frame: bytes, until_s: float) -> None:
        """As ``Channel``, after the silence that separates frames."""
        time.sleep(self._silence_s)
        while frame:
            if not select.select([], [self._line], [], _left(until_s))[1]:
                raise TimeoutError("the serial line takes nothing")
            frame = frame[os.write(self._line, frame) :]

    def receive(self, count: int, until_s: float) -> bytes:
        """As ``Channel``."""
        received = b""
        while len(received) < count:
            if not select.select([self._line], [], [], _left(until_s))[0]:
                raise TimeoutError("no answer")
            chunk = os.read(self._line, count - len(received))
            if not chunk:
                raise ConnectionResetError("the serial device is gone")
            received += chunk
        return received

    def discard(self) -> None:
        """As ``Channel``."""
        termios.tcflush(self._line, termios.TCIFLUSH)

    def close(self) -> None:
        """As ``Channel``."""
        os.close(self._line)


def _left(until_s: float) -> float:
    left_s = until_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("no answer")
    return left_s
