"""A small Modbus device of the tests' own, written against the specification and not against our client.

It speaks TCP, and RTU over TCP or over any pair of file descriptors; ``spoil`` lets a test damage an answer.
"""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

Spoil = Callable[[bytes], bytes]
"""What becomes of an answer's frame; empty bytes: no answer."""


class Registers:
    """Units with their registers; what is not there is answered with exception 2."""

    def __init__(self, units: dict[int, dict[tuple[int, int], int]]) -> None:
        self.units = units
        """unit → (function, address) → value."""
        self.asked: list[tuple[int, int, int, int]] = []
        """(unit, function, start, count) of every question."""
        self.exception: int | None = None
        self.spoil: list[Spoil] = []
        """Applied to the next answers, one each."""

    def answer(self, unit: int, pdu: bytes) -> bytes:
        function, start, count = struct.unpack(">BHH", pdu)
        self.asked.append((unit, function, start, count))
        if self.exception is not None:
            return bytes([function + 0x80, self.exception])
        try:
            values = [self.units[unit][function, address] for address in range(start, start + count)]
        except KeyError:
            return bytes([function + 0x80, 2])
        return bytes([function, 2 * count]) + b"".join(value.to_bytes(2, "big") for value in values)

    def spoiled(self, frame: bytes) -> bytes:
        return self.spoil.pop(0)(frame) if self.spoil else frame


def check_sum(frame: bytes) -> bytes:
    """Return CRC-16/MODBUS bit by bit, as a shift register: polynomial 0x8005 over reflected bits."""
    crc = 0xFFFF
    for byte in frame:
        for bit in range(8):
            feedback = (crc ^ (byte >> bit)) & 1
            crc >>= 1
            if feedback:
                crc ^= 0xA001
    return bytes([crc & 0xFF, crc >> 8])


class Served:
    """Serves connections one after the other."""

    def __init__(self, registers: Registers, *, rtu: bool) -> None:
        self.stop = Event()
        self.connections = 0
        self._registers = registers
        self._serve = self._rtu if rtu else self._tcp
        self._listening = socket.create_server(("127.0.0.1", 0))
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
                self._serve(line)
        self._listening.close()

    def _tcp(self, line: socket.socket) -> None:
        while head := read(line.fileno(), 7, self.stop):
            transaction, _, length, unit = struct.unpack(">HHHB", head)
            pdu = self._registers.answer(unit, read(line.fileno(), length - 1, self.stop))
            line.sendall(self._registers.spoiled(struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu))

    def _rtu(self, line: socket.socket) -> None:
        serve_rtu(line.fileno(), self._registers, self.stop)


def serve_rtu(line: int, registers: Registers, stop: Event) -> None:
    """Answer the questions on a line; other units' and damaged ones with silence, as the specification wants."""
    while frame := read(line, 8, stop):
        if check_sum(frame[:-2]) == frame[-2:] and frame[0] in registers.units:
            answer = frame[:1] + registers.answer(frame[0], frame[1:-2])
            os.write(line, registers.spoiled(answer + check_sum(answer)))


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


@contextmanager
def modbus_device(registers: Registers, *, rtu: bool = False) -> Iterator[Served]:
    served = Served(registers, rtu=rtu)
    thread = Thread(target=served.run)
    thread.start()
    try:
        yield served
    finally:
        served.stop.set()
        thread.join(10)
        assert not thread.is_alive()


@contextmanager
def serial_device(registers: Registers) -> Iterator[str]:
    """Yield the path of a pseudo-terminal at whose other end the device is."""
    ours, theirs = os.openpty()
    stop = Event()
    thread = Thread(target=serve_rtu, args=(ours, registers, stop))
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        stop.set()
        thread.join(10)
        os.close(ours)
        os.close(theirs)
