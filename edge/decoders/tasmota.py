"""Tasmota: telemetry of power meters and climate sensors, over MQTT (``tele/<topic>/...``) or polled (``Status 10``).

``Total`` is the counter, ``active_energy``. ``Today``, which begins anew at the device's midnight, and ``Yesterday``
are the same energy once more, and ``Period`` is what was used since the last message, however long ago that was.
``TotalStartTime`` says since when ``Total`` counts: a new one is a reset. Since a message cannot be compared with the
one before it, the reset is stated at its own time in every message of the day after it, and counts once. ``Time`` is
local and without a zone unless the device was set otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from edge.decoders.counting import Parts
from edge.decoders.decoder import (
    Arrival,
    ClockOptions,
    Decoded,
    Decoder,
    MadeFrom,
    NameableOptions,
    PayloadRefusedError,
)
from edge.decoders.device_series import series
from edge.decoders.device_time import clock_flags, stated
from edge.decoders.identity import device_identity
from edge.decoders.json_parts import as_object
from edge.decoders.measuring import celsius, measured
from edge.decoders.reading_json import json_object, number, state, text
from edge.wire.batch import Flag
from edge.wire.series import Kind, Reset, Series

_KINDS = ("SENSOR", "STATE", "LWT", "INFO3", "STATUS8", "STATUS10")
_OTHER_KINDS = ("INFO1", "INFO2", "RESULT", "MARGINS", "UPTIME", "HASS_STATE")
_DAY_US = 86_400_000_000
_ENERGY = (
    ("Total", "active_energy"),
    ("Today", "active_energy_today"),
    ("ExportActive", "active_energy_export"),
    ("Power", "active_power"),
    ("ApparentPower", "apparent_power"),
    ("ReactivePower", "reactive_power"),
    ("Voltage", "voltage"),
    ("Current", "current"),
    ("Factor", "power_factor"),
    ("Frequency", "frequency"),
)
_CLIMATE = (
    ("Temperature", "temperature"),
    ("Humidity", "relative_humidity"),
    ("CarbonDioxide", "carbon_dioxide"),
    ("Pressure", "air_pressure"),
    ("Illuminance", "illuminance"),
)
_SENSORS = """
    AM2301 DHT11 DHT22 SI7021 HTU21 SHT1X SHT3X SHT4X AHT1X AHT2X AHT3X DS18B20 DS18S20 BME280 BMP280 BME680 BMP680
    SCD30 SCD40 MHZ19B BH1750
""".split()
_SENSOR = re.compile(rf"(?:{'|'.join(_SENSORS)})(?:-[0-9A-Fa-f]{{1,2}})?")
"""Names under which sensors of the store's air stand; a processor's own temperature is not one of them."""


class Options(NameableOptions, ClockOptions):
    """Options of ``tasmota``; the device's name is its topic unless given."""

    time_zone: ZoneInfo | None = None
    """Zone of the device's clock; needed unless its times state their offset."""


_RELAYS = {"POWER": ""} | {f"POWER{n}": str(n) for n in range(1, 9)}
"""Relays that a device tells the state of, with their channels."""


class _Moment(NamedTuple):
    t_us: int
    flags: int


def decode(arrival: Arrival, options: Options) -> Decoded:
    """Return the readings of a SENSOR, STATE, LWT or INFO3 message, or of a polled ``StatusSNS``."""
    kind, found = _addressed(arrival.topic)
    if kind in _OTHER_KINDS:
        return Decoded()
    parts = Parts()
    if kind == "LWT":
        online = state(arrival.payload, "LWT", on=(b"Online",), off=(b"Offline",))
        parts.add(measured(device_identity(options.device, found), "device_online"), arrival.at_us, online)
        return parts.decoded()
    document = json_object(arrival.payload)
    device = device_identity(options.device, found)
    if kind == "INFO3":
        parts.add(measured(device, "boot"), arrival.at_us, 1.0)
        return parts.decoded()
    polled = document.get("StatusSNS")
    document = polled if isinstance(polled, dict) else document
    moment = _moment(document, arrival, options)
    if document.get("UptimeSec") is not None:
        with parts.part():
            uptime_s = number(document["UptimeSec"], "UptimeSec")
            parts.add(measured(device, "running_time"), moment.t_us, uptime_s, moment.flags)
    if document.get("ENERGY") is not None:
        with parts.part():
            _energy(parts, device, document["ENERGY"], moment, options)
    for name in document:
        if _SENSOR.fullmatch(name):
            _climate(parts, device, name, document, moment)
    for name, channel in _RELAYS.items():
        if name in document:
            with parts.part():
                is_on = state(document[name], name, on=("ON",), off=("OFF",))
                parts.add(measured(device, "switch_on", channel), moment.t_us, is_on, moment.flags)
    return parts.decoded()


def _addressed(topic: str) -> tuple[str, str]:
    """Return the kind of message and the device's topic; the order of prefix and topic is the user's to choose."""
    levels = topic.split("/")
    kind = levels.pop() if levels[-1] in (*_KINDS, *_OTHER_KINDS) else ""
    return kind, ".".join(level for level in levels if level not in ("tele", "stat"))


def _moment(document: dict[str, Any], arrival: Arrival, options: Options) -> _Moment:
    if document.get("Time") is None:
        return _Moment(arrival.at_us, Flag.NONE)
    t_us, flags = stated(text(document["Time"], "Time"), options.time_zone)
    return _Moment(t_us, clock_flags(t_us, arrival.at_us, options.clock_allowed_s, flags))


def _energy(parts: Parts, device: str, energy: Any, moment: _Moment, options: Options) -> None:
    energy = as_object(energy, "ENERGY")
    for name, quantity in _ENERGY:
        for channel, stated_value in _by_channel(energy.get(name)):
            with parts.part():
                value = number(stated_value, name)
                parts.add(_of_energy(device, quantity, channel), moment.t_us, value, moment.flags)
    if energy.get("TotalStartTime") is not None:
        with parts.part():
            start = text(energy["TotalStartTime"], "TotalStartTime")
            start_us, flags = stated(start, options.time_zone)
            if 0 <= moment.t_us - start_us <= _DAY_US:
                parts.add(measured(device, "counter_reset"), start_us, 1.0, flags)


def _of_energy(device: str, quantity: str, channel: str) -> Series:
    if quantity == "active_energy_today":
        return series(device, quantity, channel, Kind.CUMULATIVE, reset=Reset.MIDNIGHT)
    return measured(device, quantity, channel)


def _by_channel(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield (channel, value): one value is the whole device's, an array's are those of channels 1, 2, ..."""
    if isinstance(value, list):
        yield from ((str(place), item) for place, item in enumerate(value[:16], 1) if item is not None)
    elif value is not None:
        yield "", value


def _climate(parts: Parts, device: str, name: str, document: dict[str, Any], moment: _Moment) -> None:
    for field, quantity in _CLIMATE:
        with parts.part():
            sensor = as_object(document[name], name)
            if sensor.get(field) is not None:
                value = _in_unit(number(sensor[field], field), field, document)
                parts.add(measured(device, quantity, name), moment.t_us, value, moment.flags)


def _in_unit(value: float, field: str, document: dict[str, Any]) -> float:
    """Return a value in the vocabulary's unit; the payload states those of temperature and pressure."""
    if field == "Temperature":
        unit = document.get("TempUnit")
        if unit not in ("C", "F"):
            raise PayloadRefusedError("unit", "TempUnit is neither C nor F")
        return celsius(value) if unit == "F" else value
    if field == "Pressure" and document.get("PressureUnit") != "hPa":
        raise PayloadRefusedError("unit", "PressureUnit is not hPa; set the device to SetOption24 0")
    return value


TASMOTA = Decoder(
    name="tasmota",
    title="Tasmota: power meters and climate sensors (MQTT telemetry, polled status)",
    made_from=MadeFrom.DOCUMENTATION,
    source="tasmota/docs 9849ab9: Sonoff-Pow-R2, Teleinfo, Commands, MQTT; published captures of 8.1 to 12.4",
    options=Options,
    decode=decode,
    fields=frozenset({"StatusSNS", "Time", "UptimeSec", "ENERGY", "TotalStartTime", "TempUnit", "PressureUnit"}).union(
        _SENSORS, _RELAYS, (name for name, _ in (*_ENERGY, *_CLIMATE))
    ),
)
