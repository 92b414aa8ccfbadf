"""Milesight's LoRaWAN socket WS523 and current transformer CT101, through The Things Stack."""

from __future__ import annotations

from typing import Any

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded, Decoder, MadeFrom, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.measuring import KILO, measured, scaled
from edge.decoders.milesight_lorawan import (
    ATTRIBUTES,
    FRAME_FIELDS,
    SOURCE,
    Channel,
    Gauge,
    PayloadFormat,
    add_boot,
    add_gauges,
    frame_of,
    live,
)
from edge.decoders.reading_json import number, state
from edge.decoders.things_stack import ENVELOPE, UplinkOptions, outcome, uplink
from edge.wire.batch import Flag
from edge.wire.series import Kind

_WS523 = PayloadFormat(
    ATTRIBUTES
    | {
        b"\x03\x74": Channel("H", ("voltage",), (10,)),
        b"\x04\x80": Channel("I", ("active_power",)),
        b"\x05\x81": Channel("B", ("power_factor",)),
        b"\x06\x83": Channel("I", ("power_consumption",)),
        b"\x07\xc9": Channel("H", ("current",)),
        b"\x08\x70": Channel("B", ("socket_status",)),
        b"\xff\x27": Channel("B", ("reset_power_consumption",)),
        b"\xfe\x27": Channel("B", ("reset_power_consumption",)),
    }
)
_WS523_GAUGES = (
    Gauge("voltage", "voltage"),
    Gauge("active_power", "active_power"),
    Gauge("power_factor", "power_factor", divisor=100),
    Gauge("current", "current", divisor=1000),
)


def _decode_ws523(arrival: Arrival, options: UplinkOptions) -> Decoded:
    up = uplink(arrival, options)
    parts = Parts()
    frame = frame_of(up, _WS523, parts)
    add_gauges(parts, live(up), frame.fields, _WS523_GAUGES)
    if "power_consumption" in frame.fields:
        with parts.part():
            # 32 bits of watt-hours aren't 32 bits of the series' kilowatt-hours, so no width is stated.
            watt_hours = number(frame.fields["power_consumption"], "power_consumption")
            parts.add(measured(up.device, "active_energy"), up.at_us, scaled(watt_hours, KILO), up.flags)
    if "socket_status" in frame.fields:
        with parts.part():
            is_on = _socket(frame.fields["socket_status"])
            parts.add(measured(up.device, "switch_on"), up.at_us, is_on, up.flags)
    if frame.fields.get("reset_power_consumption") not in (None, 0, "no"):
        parts.add(series(up.device, "counter_reset", kind=Kind.EVENT), up.at_us, 1.0, up.flags)
    add_boot(parts, up, frame.fields)
    return outcome(up, parts)


def _socket(status: Any) -> float:
    """Return whether the socket is on: the lowest bit of its byte, or a word of the network's decoding."""
    if isinstance(status, int):
        return float(status & 1)
    return state(status, "socket_status", on=("on",), off=("off",))


_CT101 = PayloadFormat(
    ATTRIBUTES
    | {
        b"\x03\x97": Channel("4x"),
        b"\x04\x98": Channel("H", ("current",), (100,), faults=(0xFFFF,)),
        b"\x09\x67": Channel("h", ("temperature",), (10,), faults=(-1, -3)),
        b"\x84\x98": Channel("4xHB", ("current", "current_alarm"), (100, 1)),
        b"\x89\x67": Channel("hx", ("temperature",), (10,)),
        b"\xff\x27": Channel("x"),
        b"\xfe\x27": Channel("x"),
    }
)
_OVER_RANGE_BIT = 0x04


def _decode_ct101(arrival: Arrival, options: UplinkOptions) -> Decoded:
    up = uplink(arrival, options)
    parts = Parts()
    frame = frame_of(up, _CT101, parts)
    for name in ("current_sensor_status", "temperature_sensor_status"):
        if name in frame.fields:
            with parts.part():
                raise PayloadRefusedError("sensor_fault", f"{name} says that there was no measurement")
    beyond = up.flags | (Flag.OUT_OF_RANGE if _over_range(frame.fields.get("current_alarm")) else Flag.NONE)
    add_gauges(parts, live(up)._replace(flags=beyond), frame.fields, (Gauge("current", "current"),))
    add_gauges(parts, live(up), frame.fields, (Gauge("temperature", "temperature"),))
    add_boot(parts, up, frame.fields)
    return outcome(up, parts)


def _over_range(alarm: Any) -> bool:
    if isinstance(alarm, dict):
        return alarm.get("current_over_range_alarm") == "yes"
    return isinstance(alarm, int) and bool(alarm & _OVER_RANGE_BIT)


WS523 = Decoder(
    name="milesight_ws523",
    title="Milesight WS523 metering socket over LoRaWAN, through The Things Stack",
    made_from=MadeFrom.DOCUMENTATION,
    source=SOURCE,
    options=UplinkOptions,
    decode=_decode_ws523,
    fields=ENVELOPE
    | FRAME_FIELDS
    | {"power_consumption", "socket_status", "reset_power_consumption"}
    | {gauge.field for gauge in _WS523_GAUGES},
)
CT101 = Decoder(
    name="milesight_ct101",
    title="Milesight CT101 current transformer over LoRaWAN, through The Things Stack",
    made_from=MadeFrom.DOCUMENTATION,
    source=SOURCE,
    options=UplinkOptions,
    decode=_decode_ct101,
    fields=ENVELOPE
    | FRAME_FIELDS
    | {
        "current",
        "temperature",
        "current_sensor_status",
        "temperature_sensor_status",
        "current_alarm",
        "current_over_range_alarm",
    },
)
