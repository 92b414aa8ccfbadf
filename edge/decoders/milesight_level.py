"""Milesight's LoRaWAN level sensors EM400-UDL and EM410-RDL, which measure a distance, through The Things Stack."""

from __future__ import annotations

from typing import Any

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded, Decoder, MadeFrom, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.milesight_lorawan import (
    ATTRIBUTES,
    BATTERY,
    FRAME_FIELDS,
    SOURCE,
    TEMPERATURE,
    Channel,
    Frame,
    Gauge,
    Into,
    PayloadFormat,
    Stamp,
    add_boot,
    add_gauges,
    frame_of,
    late,
    live,
)
from edge.decoders.reading_json import number
from edge.decoders.things_stack import ENVELOPE, UplinkOptions, outcome, uplink
from edge.wire.batch import Flag

_EM400 = PayloadFormat(
    ATTRIBUTES
    | {
        b"\x01\x75": BATTERY,
        b"\x03\x67": TEMPERATURE,
        b"\x04\x82": Channel("h", ("distance",)),
        b"\x05\x00": Channel("B", ("position",)),
        b"\x06\xc7": Channel("2x"),
        b"\x83\x67": Channel("hx", ("temperature",), (10,)),
        b"\x84\x82": Channel("hx", ("distance",)),
        b"\x94\x82": Channel("h3x", ("distance",)),
        b"\xb4\x82": Channel("hB", ("distance", "distance_exception"), into=Into.EVENT),
        b"\x20\xce": Channel("Ihh2xB", ("timestamp", "distance", "temperature", "bits"), (1, 1, 10, 1), Into.HISTORY),
    }
)
_GAUGES = (Gauge("battery", "battery"), Gauge("temperature", "temperature"))
_BLIND = (1, "blind alarm", "blind spot alarm")
_RELEASED = (0, "blind alarm release", "blind spot alarm release")
_BLIND_BIT, _TILT_BIT = 0x04, 0x20
_NOT_MEASURED_TENTHS = (-0.1, -0.2)
"""Raw 0xFFFF and 0xFFFE in the history of an EM410-RDL: the thermometer failed, or is off."""


def _decode_em400(arrival: Arrival, options: UplinkOptions) -> Decoded:
    up = uplink(arrival, options)
    parts = Parts()
    frame = frame_of(up, _EM400, parts)
    add_gauges(parts, live(up), frame.fields, _GAUGES)
    tilted = frame.fields.get("position") in (1, "tilt")
    _add_level(parts, _suspect(live(up), tilted), frame)
    for entry in frame.history:
        with parts.part():
            _add_level_history(parts, late(up, entry), entry)
    add_boot(parts, up, frame.fields)
    return outcome(up, parts)


def _suspect(stamp: Stamp, is_so: bool) -> Stamp:
    return stamp._replace(flags=stamp.flags | Flag.SUSPECT) if is_so else stamp


def _add_distance(parts: Parts, stamp: Stamp, value: Any) -> None:
    with parts.part():
        distance_mm = number(value, "distance")
        if distance_mm < 0:
            raise PayloadRefusedError("sensor_fault", "distance is one of the codes for a measurement that failed")
        parts.add(series(stamp.device, "shelf_distance"), stamp.t_us, distance_mm, stamp.flags)


def _add_level(parts: Parts, stamp: Stamp, frame: Frame) -> None:
    """Take the one distance of an uplink: that of a blind alarm is too near to be measured well."""
    exceptions = [event for event in frame.events if event.get("distance_exception") is not None]
    blind = [event for event in exceptions if event["distance_exception"] in _BLIND]
    released = [event for event in exceptions if event["distance_exception"] in _RELEASED]
    with parts.part():
        if len(blind) + len(released) < len(exceptions):
            raise PayloadRefusedError("sensor_fault", "the radar found no target, or failed")
    for fields in (frame.fields, *blind, *released):
        if "distance" in fields:
            _add_distance(parts, _suspect(stamp, bool(blind)), fields["distance"])
            return


def _add_level_history(parts: Parts, stamp: Stamp, entry: dict[str, Any]) -> None:
    bits, words = entry.get("bits", 0), entry.get("event", [])
    named = isinstance(words, list) and any(word in ("blind spot alarm", "tilt alarm") for word in words)
    flagged = isinstance(bits, int) and bool(bits & (_BLIND_BIT | _TILT_BIT))
    if "distance" in entry:
        _add_distance(parts, _suspect(stamp, named or flagged), entry["distance"])
    if "bits" not in entry or entry.get("temperature") not in _NOT_MEASURED_TENTHS:
        add_gauges(parts, stamp, entry, _GAUGES)


EM400 = Decoder(
    name="milesight_em400",
    title="Milesight EM400-UDL and EM410-RDL level sensors over LoRaWAN, through The Things Stack",
    made_from=MadeFrom.DOCUMENTATION,
    source=SOURCE,
    options=UplinkOptions,
    decode=_decode_em400,
    fields=ENVELOPE
    | FRAME_FIELDS
    | {"timestamp", "battery", "temperature", "position", "distance", "distance_exception", "bits"},
)
