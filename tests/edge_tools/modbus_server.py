"""A small Modbus device of the tests' own, written against the specification and not against our client.

It speaks TCP, and RTU over TCP or over any pair of file descriptors; ``spoil`` lets a test damage an answer.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from edge_tools.line_server import Served, on_tcp, on_terminal, read

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
            held = self.units[unit]  # looked up once: a test may exchange all registers of a unit at any time
            values = [held[function, address] for address in range(start, start + count)]
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


def serve_tcp(line: int, registers: Registers, stop: Event) -> None:
    """Answer the questions on a Modbus TCP connection."""
    while head := read(line, 7, stop):
        transaction, _, length, unit = struct.unpack(">HHHB", head)
        pdu = registers.answer(unit, read(line, length - 1, stop))
        os.write(line, registers.spoiled(struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu))


def serve_rtu(line: int, registers: Registers, stop: Event) -> None:
    """Answer the questions on a line; other units' and damaged ones with silence, as the specification wants."""
    while frame := read(line, 8, stop):
        if check_sum(frame[:-2]) == frame[-2:] and frame[0] in registers.units:
            answer = frame[:1] + registers.answer(frame[0], frame[1:-2])
            os.write(line, registers.spoiled(answer + check_sum(answer)))


@contextmanager
def modbus_device(registers: Registers, *, rtu: bool = False, port: int = 0) -> Iterator[Served]:
    serve = serve_rtu if rtu else serve_tcp
    with on_tcp(lambda line, stop: serve(line, registers, stop), port) as served:
        yield served


@contextmanager
def serial_device(registers: Registers) -> Iterator[str]:
    """Yield the path of a pseudo-terminal at whose other end the device is."""
    with on_terminal(lambda line, stop: serve_rtu(line, registers, stop)) as path:
        yield path
