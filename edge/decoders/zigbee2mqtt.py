"""Zigbee2MQTT: attributes and availability of Zigbee devices over MQTT.

By default the gateway keeps every attribute, repeats all of them whenever one changes, and sends them again when it
starts: that a message arrives does not prove that its values are fresh. So set ``last_seen`` in the gateway
(``advanced: last_seen: ISO_8601``): the values then take that time, and a repeated message is the reading it was. Where
it is missing the arrival is the time, and the readings are flagged ``SUSPECT``, unless the gateway does not keep
attributes (``cache_state: false``) and the option ``cached`` says so. Even ``last_seen`` is the time of the device's
last message, not of each attribute.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

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
from edge.decoders.device_time import clock_flags, epoch_us, stated
from edge.decoders.identity import device_identity
from edge.decoders.measuring import KILO, measured, scaled
from edge.decoders.reading_json import json_object, number, state, text
from edge.wire.batch import Flag

_ATTRIBUTES = (
    ("temperature", "temperature"),
    ("humidity", "relative_humidity"),
    ("co2", "carbon_dioxide"),
    ("pressure", "air_pressure"),
    ("pm25", "pm2_5"),
    ("pm10", "pm10"),
    ("battery", "battery"),
    ("power", "active_power"),
    ("current", "current"),
    ("ac_frequency", "frequency"),
    ("energy", "active_energy"),
    ("produced_energy", "active_energy_export"),
)
"""Attributes whose unit is the same for every device; those of voc and formaldehyd are not, so they are not read."""
_STATES: dict[str, tuple[str, Any, Any]] = {
    "contact": ("door_open", False, True),
    "state": ("switch_on", "ON", "OFF"),
    "water_leak": ("water_leak", True, False),
    "smoke": ("alarm", True, False),
}
"""Attributes that are states: quantity, the value that stands for it, the value for its opposite. A contact that is
closed is a door that is."""


class Options(NameableOptions, ClockOptions):
    """Options of ``zigbee2mqtt``; the device's name is its friendly name in the topic unless given.

    ``clock_allowed_s`` is how far the gateway's clock may be ahead of the arrival before a value is flagged.
    """

    base_topic: str = "zigbee2mqtt"
    cached: bool = True
    """Whether the gateway keeps attributes and repeats them (its ``cache_state``)."""


class _Moment(NamedTuple):
    t_us: int
    flags: int


def decode(arrival: Arrival, options: Options) -> Decoded:
    """Return the readings of a device's message or availability; the gateway's own topics hold none."""
    levels = arrival.topic.removeprefix(options.base_topic + "/").split("/")
    if levels[0] == "bridge" or levels[-1] in ("set", "get"):
        return Decoded()
    parts = Parts()
    if levels[-1] == "availability":
        online = _online(arrival.payload)
        device = device_identity(options.device, ".".join(levels[:-1]))
        parts.add(measured(device, "device_online"), arrival.at_us, online)
        return parts.decoded()
    document = json_object(arrival.payload)
    device = device_identity(options.device, ".".join(levels))
    moment = _moment(document.get("last_seen"), arrival, options)
    for name, quantity in _ATTRIBUTES:
        with parts.part():
            if document.get(name) is not None:
                value = number(document[name], name)
                parts.add(measured(device, quantity), moment.t_us, value, moment.flags)
    for name, (quantity, on, off) in _STATES.items():
        with parts.part():
            if document.get(name) is not None:
                is_so = state(document[name], name, on=(on,), off=(off,))
                parts.add(measured(device, quantity), moment.t_us, is_so, moment.flags)
    for read in (_voltage, _illuminance):
        with parts.part():
            for quantity, value in read(document):
                parts.add(measured(device, quantity), moment.t_us, value, moment.flags)
    return parts.decoded()


def _online(payload: bytes) -> float:
    """Return 1 for online, 0 for offline, as a text or in an object, as the gateway is set."""
    try:
        said: Any = json_object(payload).get("state") if payload.startswith(b"{") else payload.decode()
    except UnicodeDecodeError:
        said = None
    return state(said, "the availability", on=("online",), off=("offline",))


def _moment(last_seen: Any, arrival: Arrival, options: Options) -> _Moment:
    """Return the time of a message: ``last_seen`` as ISO 8601 with an offset or in milliseconds, else the arrival."""
    if last_seen is None:
        return _Moment(arrival.at_us, Flag.SUSPECT if options.cached else Flag.NONE)
    if isinstance(last_seen, str):
        t_us, _ = stated(text(last_seen, "last_seen"), None)
    else:
        t_us = epoch_us(number(last_seen, "last_seen") / 1000)
    behind_us = arrival.at_us - t_us
    if behind_us > options.clock_allowed_s * 1_000_000:
        return _Moment(t_us, Flag.LATE)
    return _Moment(t_us, clock_flags(t_us, arrival.at_us, options.clock_allowed_s, Flag.NONE))


def _voltage(document: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the voltage: a battery's in millivolts, the mains' in volts; only what stands beside it tells which."""
    if document.get("voltage") is None:
        return
    voltage = number(document["voltage"], "voltage")
    if document.get("battery") is not None:
        yield "battery_voltage", scaled(voltage, KILO)
    elif any(document.get(name) is not None for name in ("power", "current", "energy")):
        yield "voltage", voltage
    else:
        raise PayloadRefusedError("unit", "voltage stands alone: it may be a battery's in mV or the mains' in V")


def _illuminance(document: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the illuminance: before release 2 ``illuminance`` was the raw value beside ``illuminance_lux``."""
    name = "illuminance_lux" if document.get("illuminance_lux") is not None else "illuminance"
    if document.get(name) is not None:
        yield "illuminance", number(document[name], name)


ZIGBEE2MQTT = Decoder(
    name="zigbee2mqtt",
    title="Zigbee2MQTT: climate sensors, door contacts, plugs, availability (MQTT)",
    made_from=MadeFrom.DOCUMENTATION,
    source="Koenkk/zigbee2mqtt.io: guide/configuration/mqtt, device-availability; published captures",
    options=Options,
    decode=decode,
    fields=frozenset({"last_seen", "voltage", "illuminance", "illuminance_lux"}).union(
        _STATES, (name for name, _ in _ATTRIBUTES)
    ),
)
