"""Milesight's LoRaWAN sensors of air and cold chain, EM300, EM320 and AM319, through The Things Stack."""

from __future__ import annotations

from typing import Any, Literal

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded, Decoder, MadeFrom, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.milesight_lorawan import (
    ATTRIBUTES,
    BATTERY,
    FRAME_FIELDS,
    HUMIDITY,
    SOURCE,
    TEMPERATURE,
    Channel,
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
from edge.decoders.reading_json import state
from edge.decoders.things_stack import ENVELOPE, UplinkOptions, outcome, uplink
from edge.wire.series import Kind

_CLIMATE = {b"\x01\x75": BATTERY, b"\x03\x67": TEMPERATURE, b"\x04\x68": HUMIDITY}
_BATTERY_GAUGE = Gauge("battery", "battery")
_TEMPERATURE_GAUGE = Gauge("temperature", "temperature")
_CLIMATE_GAUGES = (_BATTERY_GAUGE, _TEMPERATURE_GAUGE, Gauge("humidity", "relative_humidity"))


class Em300Options(UplinkOptions):
    """Options of an EM300 or EM320."""

    model: Literal["em300-th", "em320-th", "em300-mcs"]
    """The models lay their history out differently, and nothing in a payload tells them apart."""


def _history(form: str, *names: str, divisors: tuple[float, ...]) -> dict[bytes, Channel]:
    return {b"\x20\xce": Channel("I" + form, ("timestamp", *names), (1, *divisors), Into.HISTORY)}


_EM300_FORMATS = {
    "em300-th": PayloadFormat(ATTRIBUTES | _CLIMATE | _history("hBx", "temperature", "humidity", divisors=(10, 2))),
    "em320-th": PayloadFormat(ATTRIBUTES | _CLIMATE | _history("hB", "temperature", "humidity", divisors=(10, 2))),
    "em300-mcs": PayloadFormat(
        ATTRIBUTES
        | _CLIMATE
        | {b"\x06\x00": Channel("B", ("magnet_status",))}
        | _history("hBB", "temperature", "humidity", "magnet_status", divisors=(10, 2, 1))
    ),
}


def _decode_em300(arrival: Arrival, options: Em300Options) -> Decoded:
    up = uplink(arrival, options)
    parts = Parts()
    frame = frame_of(up, _EM300_FORMATS[options.model], parts)
    _add_climate(parts, live(up), frame.fields)
    for entry in frame.history:
        with parts.part():
            _add_climate(parts, late(up, entry), entry)
    add_boot(parts, up, frame.fields)
    return outcome(up, parts)


def _add_climate(parts: Parts, stamp: Stamp, fields: dict[str, Any]) -> None:
    add_gauges(parts, stamp, fields, _CLIMATE_GAUGES)
    if "magnet_status" in fields:
        with parts.part():
            is_open = state(fields["magnet_status"], "magnet_status", on=("open", 1), off=("close", 0))
            parts.add(series(stamp.device, "door_open", kind=Kind.STATE), stamp.t_us, is_open, stamp.flags)


class Am319Options(UplinkOptions):
    """Options of an AM319."""

    tvoc_unit: Literal["iaq", "ug/m3"] | None = None
    """Unit of ``tvoc`` as the network's formatter gives it under one name; the device's own bytes tell it."""


_TVOC = {"iaq": Gauge("tvoc", "air_quality_index"), "ug/m3": Gauge("tvoc", "volatile_organics")}
_AM319_GAUGES = (
    *_CLIMATE_GAUGES,
    Gauge("co2", "carbon_dioxide"),
    Gauge("tvoc_iaq", "air_quality_index"),
    Gauge("tvoc_ug_m3", "volatile_organics"),
    Gauge("pressure", "air_pressure"),
    Gauge("hcho", "formaldehyde"),
    Gauge("pm2_5", "pm2_5"),
    Gauge("pm10", "pm10"),
)


def _am319_history(tvoc: str, divisor: float) -> Channel:
    # The last two bytes are formaldehyde in one model and ozone in another that looks the same: not read.
    names = ("timestamp", "temperature", "humidity", "co2", tvoc, "pressure", "pm2_5", "pm10")
    return Channel("IhH2xHHHHH2x", names, (1, 10, 2, 1, divisor, 10, 1, 1), Into.HISTORY)


_AM319 = PayloadFormat(
    ATTRIBUTES
    | _CLIMATE
    | {
        b"\x05\x00": Channel("x"),
        b"\x06\xcb": Channel("x"),
        b"\x07\x7d": Channel("H", ("co2",)),
        b"\x08\x7d": Channel("H", ("tvoc_iaq",), (100,)),
        b"\x08\xe6": Channel("H", ("tvoc_ug_m3",)),
        b"\x09\x73": Channel("H", ("pressure",), (10,)),
        b"\x0a\x7d": Channel("H", ("hcho",), (100,)),
        b"\x0b\x7d": Channel("H", ("pm2_5",)),
        b"\x0c\x7d": Channel("H", ("pm10",)),
        b"\x0d\x7d": Channel("2x"),
        b"\x0e\x01": Channel("x"),
        b"\x20\xce": _am319_history("tvoc_iaq", 100),
        b"\x21\xce": _am319_history("tvoc_ug_m3", 1),
    }
)


def _decode_am319(arrival: Arrival, options: Am319Options) -> Decoded:
    up = uplink(arrival, options)
    parts = Parts()
    frame = frame_of(up, _AM319, parts)
    tvoc = _TVOC.get(options.tvoc_unit or "")
    gauges = _AM319_GAUGES if tvoc is None else (*_AM319_GAUGES, tvoc)
    add_gauges(parts, live(up), frame.fields, gauges)
    for entry in frame.history:
        with parts.part():
            add_gauges(parts, late(up, entry), entry, gauges)
    with parts.part():
        if tvoc is None and any("tvoc" in fields for fields in (frame.fields, *frame.history)):
            raise PayloadRefusedError("unit_unknown", "tvoc comes without a unit; name tvoc_unit in the options")
    add_boot(parts, up, frame.fields)
    return outcome(up, parts)


EM300 = Decoder(
    name="milesight_em300",
    title="Milesight EM300-TH, EM320-TH and EM300-MCS climate and door sensors over LoRaWAN, through The Things Stack",
    made_from=MadeFrom.DOCUMENTATION,
    source=SOURCE,
    options=Em300Options,
    decode=_decode_em300,
    fields=ENVELOPE | FRAME_FIELDS | {"timestamp", "battery", "temperature", "humidity", "magnet_status"},
)
AM319 = Decoder(
    name="milesight_am319",
    title="Milesight AM319 indoor air sensor over LoRaWAN, through The Things Stack",
    made_from=MadeFrom.DOCUMENTATION,
    source=SOURCE,
    options=Am319Options,
    decode=_decode_am319,
    fields=ENVELOPE | FRAME_FIELDS | {"timestamp", "tvoc"} | {gauge.field for gauge in _AM319_GAUGES},
)
