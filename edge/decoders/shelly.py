"""Shelly of the second generation and later: status notifications and component status over MQTT or a web socket.

A ``NotifyStatus`` is an overlay: it holds the fields that changed, and a field that is not there says nothing. Energy
is stated twice: ``aenergy.total`` is the counter that is read here; ``by_minute`` beside it, in thousandths of its unit
and newest first, is the same energy again and is never added to it.

An ``src`` and the default topic hold the device's MAC address: give the device a topic prefix of its own, or name it by
the option ``device``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import Field

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded, Decoder, DecoderOptions, MadeFrom, PayloadRefusedError
from edge.decoders.device_time import epoch_us
from edge.decoders.measuring import KILO, clock_flags, device_identity, measured, scaled
from edge.decoders.reading_json import json_object, member, number
from edge.wire.batch import Flag
from edge.wire.model import Identifier

_ONE = Decimal(1)
_RECENT_BOOT_S = 60
_COMPONENT = re.compile(r"([a-z][a-z0-9]{0,15})(?::(\d{1,3}))?")
_TOPIC = re.compile(r"(?:(.*)/)?(?:events/rpc|status/([^/]+)|online)")


class Options(DecoderOptions):
    """Options of ``shelly``."""

    device: Identifier | None = None
    """Name of the device, instead of its topic prefix."""
    clock_allowed_s: float = Field(default=300.0, gt=0)
    """How far the device's clock may be from the arrival before a live value is flagged."""


class _Attribute(NamedTuple):
    """Where a component states a quantity: path of names, factor to its unit, part of the component, its errors."""

    path: tuple[str, ...]
    quantity: str
    factor: Decimal = _ONE
    part: str = ""
    errors: str = ""


_PHASES = "abc"
_SWITCHED = (
    _Attribute(("apower",), "active_power"),
    _Attribute(("voltage",), "voltage"),
    _Attribute(("current",), "current"),
    _Attribute(("pf",), "power_factor"),
    _Attribute(("freq",), "frequency"),
    _Attribute(("aenergy", "total"), "active_energy", KILO),
    _Attribute(("ret_aenergy", "total"), "active_energy_export", KILO),
)
_PHASE = (
    ("act_power", "active_power"),
    ("voltage", "voltage"),
    ("current", "current"),
    ("pf", "power_factor"),
    ("freq", "frequency"),
)
_ATTRIBUTES: dict[str, tuple[_Attribute, ...]] = {
    "switch": _SWITCHED,
    "pm1": _SWITCHED,
    "cover": _SWITCHED,
    "em1": tuple(_Attribute((name,), quantity, errors="errors") for name, quantity in _PHASE),
    "em1data": (
        _Attribute(("total_act_energy",), "active_energy", KILO),
        _Attribute(("total_act_ret_energy",), "active_energy_export", KILO),
    ),
    "em": (
        *(
            _Attribute((f"{phase}_{name}",), quantity, part=phase, errors=f"{phase}_errors")
            for phase in _PHASES
            for name, quantity in _PHASE
        ),
        _Attribute(("n_current",), "current", part="n", errors="n_errors"),
        _Attribute(("total_current",), "current", errors="errors"),
        _Attribute(("total_act_power",), "active_power", errors="errors"),
    ),
    "emdata": (
        *(
            _Attribute((f"{phase}_total_{name}",), quantity, KILO, part=phase)
            for phase in _PHASES
            for name, quantity in (("act_energy", "active_energy"), ("act_ret_energy", "active_energy_export"))
        ),
        _Attribute(("total_act",), "active_energy", KILO),
        _Attribute(("total_act_ret",), "active_energy_export", KILO),
    ),
    "temperature": (_Attribute(("tC",), "temperature", errors="errors"),),
    "humidity": (_Attribute(("rh",), "relative_humidity", errors="errors"),),
    "devicepower": (
        _Attribute(("battery", "percent"), "battery"),
        _Attribute(("battery", "V"), "battery_voltage"),
    ),
}
_METER_OF = {"emdata": "em", "em1data": "em1"}
"""A meter's counters and its live values are two components of one channel."""


class _Moment(NamedTuple):
    t_us: int
    flags: int


def decode(arrival: Arrival, options: Options) -> Decoded:
    """Return the readings of a notification, of a component's status, or of the retained ``online``."""
    topic = _TOPIC.fullmatch(arrival.topic)
    prefix = (topic[1] or "").replace("/", ".") if topic else ""
    parts = Parts()
    if topic and not topic[2] and arrival.topic.endswith("online"):
        online = _online(arrival.payload)
        parts.add(measured(device_identity(options.device, prefix), "device_online"), arrival.at_us, online)
        return parts.decoded()
    document = json_object(arrival.payload)
    if topic and topic[2]:
        components, moment = {topic[2]: document}, _Moment(arrival.at_us, Flag.NONE)
    else:
        method = member(document, "method")
        if method not in ("NotifyStatus", "NotifyFullStatus"):
            return Decoded()
        components = member(document, "params")
        if not isinstance(components, dict):
            raise PayloadRefusedError("not_an_object", "params is not an object")
        moment = _moment(components.get("ts"), arrival, options)
    device = device_identity(options.device, prefix)
    for name, status in components.items():
        _component(parts, device, name, status, moment)
    return parts.decoded()


def _online(payload: bytes) -> float:
    if payload not in (b"true", b"false"):
        raise PayloadRefusedError("unknown_state", "online is neither true nor false")
    return float(payload == b"true")


def _moment(ts: Any, arrival: Arrival, options: Options) -> _Moment:
    """Return the time of a notification; a device that has no time yet states none."""
    if ts is None:
        return _Moment(arrival.at_us, Flag.NONE)
    t_us = epoch_us(number(ts, "ts"))
    return _Moment(t_us, clock_flags(t_us, arrival.at_us, options.clock_allowed_s, Flag.NONE))


def _component(parts: Parts, device: str, name: str, status: Any, moment: _Moment) -> None:
    match = _COMPONENT.fullmatch(name)
    kind = match[1] if match else ""
    if kind not in _ATTRIBUTES and kind != "sys":
        return
    with parts.part():
        if not isinstance(status, dict):
            raise PayloadRefusedError("not_an_object", f"{kind} is not an object")
        if kind == "sys":
            _uptime(parts, device, status, moment)
    if match is None or not isinstance(status, dict):
        return
    channel = f"{_METER_OF.get(kind, kind)}:{match[2] or 0}"
    for attribute in _ATTRIBUTES.get(kind, ()):
        with parts.part():
            for value in _values(status, attribute):
                flags = moment.flags | (Flag.SUSPECT if status.get(attribute.errors) else Flag.NONE)
                part = f"{channel}.{attribute.part}" if attribute.part else channel
                parts.add(measured(device, attribute.quantity, part), moment.t_us, value, flags)


def _values(status: dict[str, Any], attribute: _Attribute) -> Iterator[float]:
    """Yield the value of an attribute, or nothing: an attribute that is absent or null has none."""
    value: Any = status
    for name in attribute.path:
        if not isinstance(value, dict):
            raise PayloadRefusedError("not_an_object", f"what holds {name} is not an object")
        value = value.get(name)
        if value is None:
            return
    yield scaled(number(value, ".".join(attribute.path)), attribute.factor)


def _uptime(parts: Parts, device: str, status: dict[str, Any], moment: _Moment) -> None:
    """Take the time since the start; one of less than a minute is the start itself.

    ``source`` "init" is no such proof: a switch that was not operated since the start keeps it for days.
    """
    if status.get("uptime") is None:
        return
    uptime_s = number(status["uptime"], "uptime")
    parts.add(measured(device, "running_time"), moment.t_us, uptime_s, moment.flags)
    if 0 <= uptime_s < _RECENT_BOOT_S:
        parts.add(measured(device, "boot"), moment.t_us - round(uptime_s * 1_000_000), 1.0, moment.flags)


SHELLY = Decoder(
    name="shelly",
    title="Shelly Gen2 and later: switches, power and energy meters, climate sensors (MQTT, web socket)",
    made_from=MadeFrom.CAPTURE,
    source="shelly-api-docs.shelly.cloud/gen2: Notifications, Switch, EM, EMData; public captures of 1PM Gen4, Pro 3EM",
    options=Options,
    decode=decode,
)
