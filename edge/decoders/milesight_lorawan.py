"""Milesight's LoRaWAN payloads: channel id, channel type, little-endian data, again and again, read into named fields.

The fields have the names that the vendor's published decoders give them, so that bytes and the network's
``decoded_payload`` are mapped to readings by the same code. What the format table doesn't name isn't read.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from edge.decoders.counting import Parts
from edge.decoders.decoder import PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.device_time import epoch_us
from edge.decoders.reading_json import member, number
from edge.decoders.things_stack import Uplink, complete
from edge.wire.batch import Flag
from edge.wire.series import Kind

SOURCE = (
    "Milesight-IoT/SensorDecoders at e79c9d8, README and payload formats (facts only); "
    "The Things Stack's description of data formats"
)
_HISTORY = b"\x20\xce"


class Into(Enum):
    """Where a channel's values go."""

    FIELDS = "fields"
    EVENT = "event"
    HISTORY = "history"


class Channel(NamedTuple):
    """One channel: its data as a ``struct`` form without byte order, the names of its values and their divisors.

    A value named ``{}`` is a number that the other names of the channel hold at ``{}``. Bytes that aren't read are
    pad bytes (``x``) of the form. ``faults`` are raw values by which the device says that it could not measure.
    """

    form: str
    names: tuple[str, ...] = ()
    divisors: tuple[float, ...] = ()
    into: Into = Into.FIELDS
    faults: tuple[int, ...] = ()


class PayloadFormat(NamedTuple):
    """A model's payload: its channels, what its history holds by type byte, and which fields are sent together."""

    channels: Mapping[bytes, Channel]
    history_by_type: Mapping[int, Channel] = {}
    sent_together: tuple[tuple[str, ...], ...] = ()


ATTRIBUTES: dict[bytes, Channel] = {
    b"\xff\x01": Channel("x"),
    b"\xff\x08": Channel("6x"),
    b"\xff\x09": Channel("2x"),
    b"\xff\x0a": Channel("2x"),
    b"\xff\x0b": Channel("B", ("device_status",)),
    b"\xff\x0f": Channel("x"),
    b"\xff\x16": Channel("8x"),
    b"\xff\x1f": Channel("4x"),
    b"\xff\xcc": Channel("x"),
    b"\xff\xfe": Channel("B", ("reset_event",)),
    b"\xff\xff": Channel("2x"),
    b"\xff\x10": Channel("x"),
    b"\xfe\x10": Channel("x"),
}
"""What every model can send about itself; only that it started is read."""
FRAME_FIELDS = frozenset({"device_status", "reset_event", "event", "history"})
"""What is read of every model's decoding by the network."""
BATTERY = Channel("B", ("battery",))
TEMPERATURE = Channel("h", ("temperature",), (10,))
HUMIDITY = Channel("B", ("humidity",), (2,))


@dataclass(frozen=True, slots=True)
class Frame:
    """The fields of one uplink, its events, and its history, oldest as sent first."""

    fields: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)


def frame_of(uplink: Uplink, form: PayloadFormat, parts: Parts) -> Frame:
    """Return an uplink's fields from its bytes, or from the network's decoding where there are none."""
    if uplink.payload:
        frame = Frame()
        with parts.part():
            _read(uplink.payload, form, frame, parts)
        return frame
    fields = complete(uplink.decoded, form.sent_together)
    history = [complete(entry, form.sent_together) for entry in _objects(uplink.decoded, "history", parts)]
    return Frame(fields, _objects(uplink.decoded, "event", parts), history)


def _objects(decoded: dict[str, Any], name: str, parts: Parts) -> list[dict[str, Any]]:
    entries = decoded.get(name, [])
    found = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    with parts.part():
        if not isinstance(entries, list) or len(found) < len(entries):
            raise PayloadRefusedError("not_an_object", f"{name} is not a list of objects")
    return found


def _read(payload: bytes, form: PayloadFormat, frame: Frame, parts: Parts) -> None:
    at = 0
    while at < len(payload):
        key = payload[at : at + 2]
        if not payload[at:].strip(b"\x00"):
            return  # padding, as in the vendor's own sample of the CT101
        if key == _HISTORY and form.history_by_type:
            at = _read_typed(payload, at, form, frame)
            continue
        channel = form.channels.get(key)
        if channel is None:
            raise PayloadRefusedError("unknown_channel", f"channel {key.hex()} is not known; what follows is not read")
        with parts.part():
            _put(_unpacked(payload, at + 2, channel), channel, frame)
        at += 2 + struct.calcsize("<" + channel.form)


def _read_typed(payload: bytes, at: int, form: PayloadFormat, frame: Frame) -> int:
    timestamp, kind = _unpacked(payload, at + 2, Channel("IB"))
    channel = form.history_by_type.get(kind)
    if channel is None:
        raise PayloadRefusedError("unknown_channel", f"history of type {kind} is not known; what follows is not read")
    values = _unpacked(payload, at + 7, channel)
    frame.history.append({"timestamp": timestamp, **_named(values, channel)})
    return at + 7 + struct.calcsize("<" + channel.form)


def _unpacked(payload: bytes, at: int, channel: Channel) -> tuple[int, ...]:
    try:
        return struct.unpack_from("<" + channel.form, payload, at)
    except struct.error:
        raise PayloadRefusedError("cut_off", "the payload ends inside a channel") from None


def _put(values: tuple[int, ...], channel: Channel, frame: Frame) -> None:
    if channel.faults and set(values) & set(channel.faults):
        raise PayloadRefusedError("sensor_fault", f"the device could not measure {', '.join(channel.names)}")
    named = _named(values, channel)
    if channel.into is Into.FIELDS:
        frame.fields.update(named)
    else:
        (frame.events if channel.into is Into.EVENT else frame.history).append(named)


def _named(values: tuple[int, ...], channel: Channel) -> dict[str, Any]:
    divisors = channel.divisors or (1,) * len(values)
    named = dict(
        zip(channel.names, (v / d if d != 1 else v for v, d in zip(values, divisors, strict=True)), strict=True)
    )
    if "{}" in named:
        place = named.pop("{}")
        return {name.format(place): value for name, value in named.items()}
    return named


class Gauge(NamedTuple):
    """A field that is a level: the quantity that it is of, and what to multiply it by for that quantity's unit."""

    field: str
    quantity: str
    channel: str = ""
    divisor: float = 1.0


class Stamp(NamedTuple):
    """Whose reading it is, of when, and how far to trust it."""

    device: str
    t_us: int
    flags: int


def add_gauges(parts: Parts, stamp: Stamp, fields: dict[str, Any], gauges: tuple[Gauge, ...]) -> None:
    """Take the readings of those gauges whose field is there."""
    for gauge in gauges:
        if gauge.field in fields:
            with parts.part():
                value = number(fields[gauge.field], gauge.field) / gauge.divisor
                parts.add(series(stamp.device, gauge.quantity, gauge.channel), stamp.t_us, value, stamp.flags)


def add_boot(parts: Parts, uplink: Uplink, fields: dict[str, Any]) -> None:
    """Take the event that the device started, once, where the uplink carries either mark of it."""
    silent = (None, 0, "off", "normal")
    if fields.get("device_status") not in silent or fields.get("reset_event") not in silent:
        parts.add(series(uplink.device, "boot", kind=Kind.EVENT), uplink.at_us, 1.0, uplink.flags)


def live(uplink: Uplink) -> Stamp:
    """Return the stamp of live values, which carry no time: the network's time of reception."""
    return Stamp(uplink.device, uplink.at_us, uplink.flags)


def late(uplink: Uplink, entry: dict[str, Any]) -> Stamp:
    """Return the stamp of an entry of the history, which the device dates in seconds."""
    return Stamp(uplink.device, epoch_us(number(member(entry, "timestamp"), "timestamp")), int(Flag.LATE))
