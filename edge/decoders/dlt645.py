"""DL/T 645-2007, the protocol of Chinese electricity meters: its frames, and what a read response says.

A frame is, in hexadecimal, 68, six bytes of address, 68, control, length, data, checksum, 16, with wake-up bytes FE
before it. Numbers are decimal digits, two a byte, the lowest byte first; on the line each data byte has 33 added. The
checksum is the sum, modulo 256, of every byte from the first 68 to the last data byte.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded, Decoder, MadeFrom, NameableOptions, PayloadRefusedError
from edge.decoders.identity import device_identity
from edge.decoders.measuring import measured, scaled

READ = 0x11
READ_ANSWER = 0x91
_CONTINUED = 0x20
_ERROR = 0x40
_START, _END, _WAKE_UP = 0x68, 0x16, 0xFE
_MASK = 0x33
_ADDRESS = re.compile(r"[0-9A]{12}")
_NO_SUCH_ITEM = 0x02


class Frame(NamedTuple):
    """A frame: the meter's address as twelve digits (A: any digit), the control code, and the data without its mask."""

    address: str
    control: int
    data: bytes

    def encode(self) -> bytes:
        """Return the frame as it goes over the line, without wake-up bytes; ``ValueError`` for an address that is none.

        Examples
        --------
        >>> read_request("000000000161", 0x00010000).encode().hex(" ")
        '68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16'
        """
        if not _ADDRESS.fullmatch(self.address) or len(self.data) > 200:
            msg = "a meter's address has twelve digits (or A for any digit), and a frame at most 200 bytes of data"
            raise ValueError(msg)
        masked = bytes((byte + _MASK) & 0xFF for byte in self.data)
        address = bytes.fromhex(self.address)[::-1]
        head = bytes([_START, *address, _START, self.control, len(self.data)]) + masked
        return head + bytes([sum(head) & 0xFF, _END])

    @classmethod
    def parse(cls, line: bytes) -> Frame:
        """Return the frame in what came over the line; a refusal ``frame`` or ``checksum`` where there is none."""
        frame = line.lstrip(bytes([_WAKE_UP]))
        if len(frame) < 12 or frame[0] != _START or frame[7] != _START:
            raise PayloadRefusedError("frame", "the bytes are not a DL/T 645 frame")
        end = 10 + frame[9]
        if len(frame) != end + 2 or frame[end + 1] != _END:
            raise PayloadRefusedError("frame", "the frame is not as long as it says")
        if sum(frame[:end]) & 0xFF != frame[end]:
            raise PayloadRefusedError("checksum", "the checksum is wrong; check wiring, speed and parity of the line")
        address = frame[6:0:-1].hex().upper()
        if not _ADDRESS.fullmatch(address):
            raise PayloadRefusedError("frame", "the address is not made of digits")
        return cls(address, frame[8], bytes((byte - _MASK) & 0xFF for byte in frame[10:end]))


def read_request(address: str, identifier: int) -> Frame:
    """Return the frame that asks a meter for one data item, such as ``0x00010000``."""
    return Frame(address, READ, identifier.to_bytes(4, "little"))


class _Field(NamedTuple):
    """One number of a data item."""

    quantity: str
    channel: str
    length: int
    unit: Decimal
    """What the last digit stands for, in the quantity's unit."""
    signed: bool = False


def _phases(quantity: str, length: int, unit: Decimal, *, signed: bool, total: bool) -> dict[int, tuple[_Field, ...]]:
    """Return the items of a quantity by their lower half: each phase (01 to 03), the total (00), and all (FF)."""
    fields = [_Field(quantity, phase, length, unit, signed) for phase in ("", "a", "b", "c")]
    single = {place << 8: (field,) for place, field in enumerate(fields) if place or total}
    return single | {0xFF00: tuple(fields if total else fields[1:])}


_KWH = Decimal("0.01")
_FORWARD = _Field("active_energy", "", 4, _KWH)
_REVERSE = _Field("active_energy_export", "", 4, _KWH)
ITEMS: dict[int, tuple[_Field, ...]] = {
    0x00010000: (_FORWARD,),
    0x0001FF00: (_FORWARD,),
    0x00020000: (_REVERSE,),
    0x0002FF00: (_REVERSE,),
    0x02800002: (_Field("frequency", "", 2, Decimal("0.01")),),
    **{
        0x02010000 | low: item for low, item in _phases("voltage", 2, Decimal("0.1"), signed=False, total=False).items()
    },
    **{
        0x02020000 | low: item
        for low, item in _phases("current", 3, Decimal("0.001"), signed=True, total=False).items()
    },
    **{
        0x02030000 | low: item
        for low, item in _phases("active_power", 3, Decimal("0.1"), signed=True, total=True).items()
    },
    **{
        0x02040000 | low: item
        for low, item in _phases("reactive_power", 3, Decimal("0.1"), signed=True, total=True).items()
    },
    **{
        0x02050000 | low: item
        for low, item in _phases("apparent_power", 3, Decimal("0.1"), signed=True, total=True).items()
    },
    **{
        0x02060000 | low: item
        for low, item in _phases("power_factor", 2, Decimal("0.001"), signed=True, total=True).items()
    },
}
"""Data items that are read, by identifier; a block of energies (FF) begins with the total, and its tariffs are left."""


class Options(NameableOptions):
    """Options of ``dlt645``; the meter's name is its twelve-digit address unless given."""


def decode(arrival: Arrival, options: Options) -> Decoded:
    """Return the readings of a meter's answer to a read; they take the time of arrival."""
    frame = Frame.parse(arrival.payload)
    if frame.control == READ_ANSWER | _ERROR:
        absent = bool(frame.data and frame.data[0] & _NO_SUCH_ITEM)
        what = "the meter has no such data item" if absent else "the meter refuses the read"
        raise PayloadRefusedError("meter_error", what)
    if frame.control == READ_ANSWER | _CONTINUED:
        raise PayloadRefusedError("continued", "the answer goes on in further frames; ask for single items")
    if frame.control != READ_ANSWER:
        raise PayloadRefusedError("not_an_answer", "the frame is not an answer to a read")
    if len(frame.data) < 4:
        raise PayloadRefusedError("frame", "the answer does not say which item it is")
    fields = ITEMS.get(int.from_bytes(frame.data[:4], "little"))
    if fields is None:
        raise PayloadRefusedError("unknown_item", "the answer's data item is none of those that are read")
    device = device_identity(options.device, frame.address, serial=True)
    parts = Parts()
    rest = frame.data[4:]
    for field in fields:
        digits, rest = rest[: field.length], rest[field.length :]
        with parts.part():
            parts.add(measured(device, field.quantity, field.channel), arrival.at_us, _value(digits, field))
    return parts.decoded()


def _value(digits: bytes, field: _Field) -> float:
    """Return a number of decimal digits, lowest byte first; the highest bit is the sign where there is one."""
    if len(digits) != field.length:
        raise PayloadRefusedError("frame", f"the answer ends before {field.quantity}")
    ordered = bytearray(reversed(digits))
    negative = field.signed and ordered[0] & 0x80
    if negative:
        ordered[0] &= 0x7F
    if not ordered.hex().isdecimal():
        raise PayloadRefusedError("not_a_number", f"{field.quantity} is not made of decimal digits")
    return scaled(float(ordered.hex()), -field.unit if negative else field.unit)


DLT645 = Decoder(
    name="dlt645",
    title="DL/T 645-2007 electricity meters (serial line, or serial over TCP)",
    made_from=MadeFrom.DOCUMENTATION,
    source="DL/T 645-2007 as told by public summaries of its annex A, and published line captures of a meter",
    options=Options,
    decode=decode,
    fields=frozenset(),
)
