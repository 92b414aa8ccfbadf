"""A Modbus device described by a map: which registers hold which readings.

``numbering`` says how the map counts registers: ``zero_based`` as they go over the line, or ``one_based`` as many
manuals do, one higher. Mixed up, a neighbour's half is read as a value, and often looks like one.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from edge.configuration import read_configuration
from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded, Decoder, MadeFrom, PayloadRefusedError
from edge.decoders.identity import device_identity
from edge.decoders.mapped import DeviceMap, MapOptions, MappedReading, refuse_repeated_series
from edge.decoders.modbus_registers import MOST_REGISTERS, NumberType, Order, RegisterBlock, Table, number_in
from edge.wire.series import Kind


class RegisterReading(MappedReading):
    """One ``[[reading]]`` of a Modbus map."""

    register_: Annotated[int, Field(alias="register", ge=0, le=65_536)]
    """Number of the first register, counted as the map's ``numbering`` says."""
    type: NumberType
    bit: Annotated[int, Field(ge=0, le=15)] | None = None
    """Bit of a ``uint16``, 0 the lowest, where each bit is a state of its own."""
    table: Table | None = None
    word_order: Order | None = None
    byte_order: Order | None = None

    @field_validator("bit")
    @classmethod
    def _of_a_word(cls, bit: int | None, info: ValidationInfo) -> int | None:
        if bit is not None and info.data.get("type") is not NumberType.UINT16:
            msg = "a bit can be read of type uint16 only"
            raise ValueError(msg)
        return bit


class ReadRequest(NamedTuple):
    """Registers that one request reads; ``start`` as it goes over the line, from 0."""

    table: Table
    start: int
    length: int


class ModbusMap(DeviceMap):
    """A map of Modbus registers."""

    format: Literal["modbus"]
    numbering: Literal["zero_based", "one_based"]
    table: Table = Table.HOLDING
    word_order: Order = Order.HIGH_FIRST
    """Which register of a number comes first."""
    byte_order: Order = Order.HIGH_FIRST
    """Which byte of a register comes first; high first in nearly every device."""
    reading: Annotated[tuple[RegisterReading, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_repeated_series(self.reading)
        for place, reading in enumerate(self.reading):
            if self.address(reading) < 0 or self.address(reading) + reading.type.registers > 65_536:
                msg = f"reading[{place}].register: there is no such register when they are numbered {self.numbering}"
                raise ValueError(msg)
            if reading.kind is Kind.INTERVAL:
                msg = f"reading[{place}].kind: registers are read at an instant; an interval cannot be read from them"
                raise ValueError(msg)
        return self

    def address(self, reading: RegisterReading) -> int:
        """Return the address of a reading's first register as it goes over the line."""
        return reading.register_ - (self.numbering == "one_based")

    def requests(self) -> list[ReadRequest]:
        """Return the reads that bring every register of the map and no other one, in order of table and address."""
        spans = sorted(
            (reading.table or self.table, self.address(reading), reading.type.registers) for reading in self.reading
        )
        requests: list[ReadRequest] = []
        for table, start, length in spans:
            last = requests[-1] if requests else None
            end = start + length
            if (
                last
                and last.table is table
                and start <= last.start + last.length
                and end - last.start <= MOST_REGISTERS
            ):
                requests[-1] = ReadRequest(table, last.start, max(last.length, end - last.start))
            else:
                requests.append(ReadRequest(table, start, length))
        return requests


class Options(MapOptions):
    """Options of ``modbus_map``; one of the map's ``device`` and the option's is needed."""

    form = ModbusMap

    @cached_property
    def loaded(self) -> ModbusMap:
        """The map."""
        return read_configuration(self.map, ModbusMap)


def decode(arrival: Arrival, options: Options) -> Decoded:
    """Return the readings that the map finds in a block of registers; they take the time of arrival."""
    return decode_with(options.loaded, arrival, options.device)


def decode_with(described: ModbusMap, arrival: Arrival, device: str | None = None) -> Decoded:
    """Return the readings that a map finds in a block; ``device`` names the device instead of the map.

    A number that is not one (NaN) is how a device says that it has no value: there is no reading.
    """
    block = RegisterBlock.parse(arrival.payload)
    named = device_identity(device or described.device, "")
    parts = Parts()
    found = False
    for reading in described.reading:
        if (reading.table or described.table) is not block.table:
            continue
        with parts.part():
            registers = block.slice(described.address(reading), reading.type.registers)
            if registers is None:
                continue
            found = True
            raw = _number(described, reading, registers)
            value = None if math.isnan(raw) else reading.value(raw, f"register {reading.register_}")
            if value is not None:
                parts.add(reading.series(named, reading.channel), arrival.at_us, value)
    decoded = parts.decoded()
    if not found and not decoded.refused:
        what = "the block holds no register of the map; check numbering and table"
        raise PayloadRefusedError("nothing_to_read", what)
    return decoded


def _number(described: ModbusMap, reading: RegisterReading, registers: tuple[int, ...]) -> float:
    words, octets = reading.word_order or described.word_order, reading.byte_order or described.byte_order
    raw = number_in(registers, reading.type, words, octets)
    return raw if reading.bit is None else int(raw) >> reading.bit & 1


MODBUS_MAP = Decoder(
    name="modbus_map",
    title="Any Modbus device, described by a map of its registers (meters, controllers, panels)",
    made_from=MadeFrom.DOCUMENTATION,
    source="a map, made by the operator from the device's list of registers",
    options=Options,
    decode=decode,
    fields=frozenset({"table", "start", "registers"}),
)
