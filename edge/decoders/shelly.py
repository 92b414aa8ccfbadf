"""Shelly of the second generation and later: status notifications and component status over MQTT or a web socket.

A ``NotifyStatus`` is an overlay: it holds the fields that changed, and a field that is not there says nothing. Energy
is stated twice: ``aenergy.total`` is the counter, ``active_energy``; ``by_minute`` beside it, in thousandths of its
unit and newest first, is the same energy again: its newest whole minute is ``active_energy_used``, and the two before
it were the newest of messages before.

An ``src`` and the default topic hold the device's MAC address: give the device a topic prefix of its own, or name it by
the option ``device``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, ClockOptions, Decoded, Decoder, MadeFrom, NameableOptions
from edge.decoders.device_series import series
from edge.decoders.device_time import clock_flags, epoch_us
from edge.decoders.identity import device_identity
from edge.decoders.json_parts import as_list, as_object
from edge.decoders.measuring import KILO, measured, scaled
from edge.decoders.reading_json import json_object, member, number, state
from edge.wire.batch import Flag
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Kind, Unit

_ONE = Decimal(1)
_THOUSANDTHS_OF_WH = Decimal("0.000001")
_MINUTE_S = 60.0
_RECENT_BOOT_S = 60
_COMPONENT = re.compile(r"([a-z][a-z0-9]{0,15})(?::([0-9]{1,3}))?")
_TOPIC = re.compile(r"(?:(.*)/)?(?:events/rpc|status/([^/]+)|online)")


class Options(NameableOptions, ClockOptions):
    """Options of ``shelly``; the device's name is its topic prefix unless given."""


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
    _Attribute(("output",), "switch_on"),
)
_PHASE = (
    ("act_power", "active_power"),
    ("aprt_power", "apparent_power"),
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
        _Attribute(("total_aprt_power",), "apparent_power", errors="errors"),
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
    "flood": (_Attribute(("alarm",), "water_leak", errors="errors"),),
    "smoke": (_Attribute(("alarm",), "alarm", errors="errors"),),
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
        online = state(arrival.payload, "online", on=(b"true",), off=(b"false",))
        parts.add(measured(device_identity(options.device, prefix), "device_online"), arrival.at_us, online)
        return parts.decoded()
    document = json_object(arrival.payload)
    if topic and topic[2]:
        components, moment = {topic[2]: document}, _Moment(arrival.at_us, Flag.NONE)
    else:
        method = member(document, "method")
        if method not in ("NotifyStatus", "NotifyFullStatus"):
            return Decoded()
        components = as_object(member(document, "params"), "params")
        moment = _moment(components.get("ts"), arrival, options)
    device = device_identity(options.device, prefix)
    for name, status in components.items():
        _component(parts, device, name, status, moment)
    return parts.decoded()


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
        as_object(status, kind)
        if kind == "sys":
            _uptime(parts, device, status, moment)
    if match is None or not isinstance(status, dict):
        return
    channel = f"{_METER_OF.get(kind, kind)}:{match[2] or 0}"
    with parts.part():
        _minute(parts, device, channel, status.get("aenergy"), moment)
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
        value = as_object(value, f"what holds {name}").get(name)
        if value is None:
            return
    path = ".".join(attribute.path)
    if QUANTITIES[attribute.quantity].unit is Unit.STATE:
        yield state(value, path, on=(True,), off=(False,))
    else:
        yield scaled(number(value, path), attribute.factor)


def _minute(parts: Parts, device: str, channel: str, energy: Any, moment: _Moment) -> None:
    """Take the energy of the newest whole minute, which is the one before the minute that ``minute_ts`` begins."""
    if not isinstance(energy, dict) or energy.get("by_minute") is None or energy.get("minute_ts") is None:
        return
    minutes = as_list(energy["by_minute"], "by_minute")
    start_us = epoch_us(number(energy["minute_ts"], "minute_ts")) - round(_MINUTE_S * 1_000_000)
    used = series(device, "active_energy_used", channel, Kind.INTERVAL, _MINUTE_S)
    for newest in minutes[:1]:
        parts.add(used, start_us, scaled(number(newest, "by_minute"), _THOUSANDTHS_OF_WH), moment.flags)


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
    fields=frozenset({"method", "params", "ts", "sys", "uptime", "by_minute", "minute_ts"}).union(
        _ATTRIBUTES,
        (
            name
            for attributes in _ATTRIBUTES.values()
            for each in attributes
            for name in (*each.path, each.errors)
            if name
        ),
    ),
)
