"""A BACnet device described by a map: which objects' present values are which readings.

A payload is JSON of objects as a source read them, ``{"objects": [{"object": "analog-input,1", "present_value": 71.5,
"units": "degrees-fahrenheit", "status_flags": ["fault"]}]}``, or with ``error`` in place of the value, as the device
names it. Values are told in the vocabulary's unit, from the engineering units that the object states. Where it states
none, or wrong ones, the map's ``units`` says what it is in.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from edge.configuration import read_configuration
from edge.decoders.bacnet_units import ENGINEERING_UNITS, UNITLESS, Conversion, conversion
from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded, Decoder, MadeFrom, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.identity import device_identity
from edge.decoders.json_parts import as_list, as_object, list_at
from edge.decoders.mapped import DeviceMap, MapOptions, MappedReading, refuse_repeated_series
from edge.decoders.measuring import scaled
from edge.decoders.reading_json import json_object, member, number, text
from edge.wire.batch import Flag
from edge.wire.series import Kind, Series

ObjectId = Annotated[
    str,
    StringConstraints(
        pattern=r"^(analog-(input|output|value)|binary-(input|output|value)|multi-state-(input|output|value)"
        r"|accumulator|integer-value|positive-integer-value|large-analog-value),[0-9]{1,7}$"
    ),
]
_DOUBTFUL = frozenset({"fault", "overridden", "out-of-service"})
"""Status flags under which a value may not be what is measured."""


class ObjectReading(MappedReading):
    """One ``[[reading]]`` of a BACnet map."""

    object: ObjectId
    """Type and instance, as ``analog-input,1``."""
    units: str | None = None
    """Engineering units of the value, in place of what the object states, as ``degrees-celsius`` or ``no-units``."""

    @field_validator("units")
    @classmethod
    def _engineering(cls, units: str | None) -> str | None:
        if units is not None and units not in ENGINEERING_UNITS and units not in UNITLESS:
            msg = f"'{units}' is none of the engineering units that are read: {', '.join(sorted(ENGINEERING_UNITS))}"
            raise ValueError(msg)
        return units


class BacnetMap(DeviceMap):
    """A map of BACnet objects."""

    format: Literal["bacnet"]
    reading: Annotated[tuple[ObjectReading, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_repeated_series(self.reading)
        for place, reading in enumerate(self.reading):
            if reading.kind is Kind.INTERVAL:
                msg = f"reading[{place}].kind: a present value is of an instant; an interval cannot be read from it"
                raise ValueError(msg)
        return self

    def objects(self) -> list[str]:
        """Return the objects that the map reads, each once, in its order."""
        return list(dict.fromkeys(reading.object for reading in self.reading))


class Options(MapOptions):
    """Options of ``bacnet_map``; one of the map's ``device`` and the option's is needed."""

    form = BacnetMap

    @cached_property
    def loaded(self) -> BacnetMap:
        """The map."""
        return read_configuration(self.map, BacnetMap)


def decode(arrival: Arrival, options: Options) -> Decoded:
    """Return the readings that the map finds in objects; they take the time of arrival."""
    return decode_with(options.loaded, arrival, options.device)


def decode_with(described: BacnetMap, arrival: Arrival, device: str | None = None) -> Decoded:
    """Return the readings that a map finds in objects; ``device`` names the device instead of the map."""
    named = device_identity(device or described.device, "")
    parts = Parts()
    found: dict[str, dict[str, Any]] = {}
    for entry in list_at(json_object(arrival.payload), "objects"):
        with parts.part():
            told = as_object(entry, "an object")
            found[text(member(told, "object"), "object")] = told
    for reading in described.reading:
        with parts.part():
            if reading.object in found:
                _read(parts, reading, found[reading.object], named, arrival.at_us)
    return parts.outcome()


def _read(parts: Parts, reading: ObjectReading, told: dict[str, Any], device: str, at_us: int) -> None:
    if told.get("error") is not None:
        said = text(told["error"], "error")
        known = said if said.replace("-", "").isalpha() and said.isascii() else "an error"
        raise PayloadRefusedError("bacnet_error", f"the device answers for {reading.object}: {known}")
    raw = told.get("present_value")
    if raw is None:
        return  # Null, or a number that is none: the device has no value
    into = _conversion(reading, told)
    if into.scale != 1 or into.offset:
        raw = scaled(number(raw, "present_value"), into.scale, into.offset)
    value = reading.value(raw, reading.object)
    if value is not None:
        flags = told.get("status_flags") or []
        doubtful = any(flag in _DOUBTFUL for flag in as_list(flags, "status_flags") if isinstance(flag, str))
        parts.add(_series(reading, device, into.scale), at_us, value, Flag.SUSPECT if doubtful else Flag.NONE)


def _conversion(reading: ObjectReading, told: dict[str, Any]) -> Conversion:
    units = told.get("units") if reading.units is None else reading.units
    into = conversion("" if units is None else text(units, "units"), reading.unit)
    if into is None:
        detail = f"{reading.object} states units that are none of {reading.unit.value}; check the map, or give units"
        raise PayloadRefusedError("unit", detail)
    return into


def _series(reading: ObjectReading, device: str, scale: Decimal) -> Series:
    rule = reading.counter
    if rule is None or rule.width_bits is None:
        return reading.series(device, reading.channel)
    step = float(reading.scale * scale)
    return series(
        device, reading.quantity, reading.channel, reading.kind, reading.period_s, rule.reset, rule.width_bits, step
    )


BACNET_MAP = Decoder(
    name="bacnet_map",
    title="Any BACnet/IP device, described by a map of its objects (air handling, meters, controllers)",
    made_from=MadeFrom.DOCUMENTATION,
    source="a map, made by the operator from the device's list of objects; ASHRAE 135 names objects and units",
    options=Options,
    decode=decode,
    fields=frozenset({"objects", "object", "present_value", "units", "status_flags", "error"}),
)
