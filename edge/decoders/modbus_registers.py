"""Modbus registers: blocks of them as a source hands them on, and the numbers that they hold.

A block is JSON, ``{"table": "holding", "start": 2999, "registers": [17255, 32768]}``: ``start`` is the address of the
first register as it goes over the line, from 0. Manuals often count from 1: a map says which of both it does.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edge.decoders.decoder import PayloadRefusedError
from edge.decoders.reading_json import json_object, member

MOST_REGISTERS = 125
"""Registers that one request can read."""


class Table(StrEnum):
    """Which of the two tables of registers; functions 3 and 4 read them."""

    HOLDING = "holding"
    INPUT = "input"


class NumberType(StrEnum):
    """How a number stands in its registers."""

    UINT16 = "uint16"
    INT16 = "int16"
    UINT32 = "uint32"
    INT32 = "int32"
    UINT64 = "uint64"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"

    @property
    def registers(self) -> int:
        """How many registers a number takes."""
        return struct.calcsize(_FORMATS[self]) // 2


class Order(StrEnum):
    """What comes first: of the registers of a number, or of the two bytes of a register."""

    HIGH_FIRST = "high_first"
    LOW_FIRST = "low_first"


_FORMATS = {
    NumberType.UINT16: ">H",
    NumberType.INT16: ">h",
    NumberType.UINT32: ">I",
    NumberType.INT32: ">i",
    NumberType.UINT64: ">Q",
    NumberType.INT64: ">q",
    NumberType.FLOAT32: ">f",
    NumberType.FLOAT64: ">d",
}


def number_in(registers: Sequence[int], kind: NumberType, words: Order, octets: Order) -> float:
    """Return the number in its registers: an ``int`` for whole types, a ``float`` (also NaN, infinite) for others.

    Examples
    --------
    >>> number_in([0x4366, 0x8000], NumberType.FLOAT32, Order.HIGH_FIRST, Order.HIGH_FIRST)
    230.5
    """
    packed = _packed(registers, words, octets)
    value: float = struct.unpack(_FORMATS[kind], packed)[0]
    return value


def registers_of(number: float, kind: NumberType, words: Order, octets: Order) -> tuple[int, ...]:
    """Return the registers that hold a number, the inverse of ``number_in``; ``ValueError`` where they cannot.

    Examples
    --------
    >>> registers_of(-2, NumberType.INT32, Order.LOW_FIRST, Order.HIGH_FIRST)
    (65534, 65535)
    """
    try:
        packed = struct.pack(_FORMATS[kind], number)
    except (struct.error, OverflowError):
        msg = f"{number} does not fit into {kind.value}"
        raise ValueError(msg) from None
    straight = struct.unpack(f">{len(packed) // 2}H", packed)
    return struct.unpack(f">{len(straight)}H", _packed(straight, words, octets))


def _packed(registers: Sequence[int], words: Order, octets: Order) -> bytes:
    """Return the bytes of registers, high first, out of the given orders, or into them: it is its own inverse."""
    ordered = registers if words is Order.HIGH_FIRST else registers[::-1]
    return struct.pack(f"{'>' if octets is Order.HIGH_FIRST else '<'}{len(ordered)}H", *ordered)


@dataclass(frozen=True, slots=True)
class RegisterBlock:
    """Registers that follow each other, as one response brings them."""

    table: Table
    start: int
    """Address of the first one as it goes over the line, from 0."""
    registers: tuple[int, ...]

    @classmethod
    def parse(cls, payload: bytes) -> RegisterBlock:
        """Return the block in a payload; a refusal where it is none."""
        document = json_object(payload)
        table = document.get("table", Table.HOLDING)
        if table not in list(Table):
            raise PayloadRefusedError("registers", "table is neither holding nor input")
        start, registers = member(document, "start"), member(document, "registers")
        if not isinstance(registers, list) or not 1 <= len(registers) <= MOST_REGISTERS:
            raise PayloadRefusedError("registers", f"registers is not a list of 1 to {MOST_REGISTERS} numbers")
        if not all(_is_word(each) for each in (start, *registers)) or start + len(registers) > 65_536:
            raise PayloadRefusedError("registers", "an address or register is not a whole number of 16 bits")
        return cls(Table(table), start, tuple(registers))

    def payload(self) -> bytes:
        """Return the block as a source hands it on, the inverse of ``parse``."""
        document = {"table": self.table.value, "start": self.start, "registers": self.registers}
        return json.dumps(document, separators=(",", ":")).encode()

    def slice(self, address: int, length: int) -> tuple[int, ...] | None:
        """Return the registers at an address; None where the block holds none of them, a refusal where only some."""
        first = address - self.start
        found = self.registers[max(first, 0) : max(first + length, 0)]
        if not found:
            return None
        if len(found) < length:
            raise PayloadRefusedError("cut_off", "the block holds only a part of a number; read all its registers")
        return found


def _is_word(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFFFF
