"""A JSON device described by a map: which paths of its payload hold which readings.

The syntax of a path: names with dots between them, and ``[index]`` into a list from 0, as in ``doors[0].state``. A
name that has a dot or a bracket in it stands as ``["the.name"]``. A path that leads nowhere, or to ``null``, is absent:
there is no reading, and no zero; where the reading is ``required`` it is refused. What no path names is not looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator, field_validator, model_validator

from edge.configuration import SettingsModel, read_configuration
from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded, Decoder, MadeFrom, PayloadRefusedError
from edge.decoders.device_time import clock_flags, epoch_us, stated
from edge.decoders.identity import denied_words, device_identity, looks_like_mac
from edge.decoders.mapped import DeviceMap, MapOptions, MappedReading, refuse_repeated_series
from edge.decoders.reading_json import json_document, number, text
from edge.readings import Reading
from edge.wire.batch import Flag
from edge.wire.series import Kind

_FIRST = re.compile(r'([^.\[\]"]+)|\[(\d{1,6})\]|\["([^"]+)"\]')
_NEXT = re.compile(r'\.([^.\[\]"]+)|\[(\d{1,6})\]|\["([^"]+)"\]')
_CHANNEL = re.compile(r"[A-Za-z0-9_.:-]{1,32}")
_EPOCHS = {"epoch_s": 1, "epoch_ms": 1000}


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A way into a JSON document."""

    text: str
    steps: tuple[str | int, ...]

    @classmethod
    def parse(cls, text: Any) -> JsonPath:
        """Return the path that a text writes; ``ValueError`` where it is none.

        Examples
        --------
        >>> JsonPath.parse('cars[0]["door.state"]').steps
        ('cars', 0, 'door.state')
        """
        steps: list[str | int] = []
        position = 0
        while isinstance(text, str) and position < len(text):
            match = (_NEXT if steps else _FIRST).match(text, position)
            if match is None:
                break
            steps.append(int(match[2]) if match[2] else match[1] or match[3])
            position = match.end()
        if not steps or position < len(text):
            msg = "a path is names with dots between them and [index], as in doors[0].state"
            raise ValueError(msg)
        return cls(text, tuple(steps))

    def find(self, document: Any) -> Any:
        """Return what stands at the end of the path; None where it leads nowhere."""
        for step in self.steps:
            if isinstance(step, int):
                if not isinstance(document, list) or step >= len(document):
                    return None
                document = document[step]
            elif isinstance(document, dict):
                document = document.get(step)
            else:
                return None
        return document


_PathText = Annotated[JsonPath, PlainValidator(JsonPath.parse)]


class JsonReading(MappedReading):
    """One ``[[reading]]`` of a JSON map."""

    path: _PathText
    channel_path: _PathText | None = None
    """Where the payload names the channel, such as which reader of several; goes before ``channel``."""
    required: bool = False
    """Whether a payload without the value is refused."""


class StatedTime(SettingsModel):
    """``[time]``: where the payload states its time, and in which form; without it the arrival is the time."""

    path: _PathText
    form: str
    """``iso``, ``epoch_s``, ``epoch_ms``, or a format of ``strptime`` such as ``%Y/%m/%d %H:%M:%S``."""
    zone: ZoneInfo | None = None
    """Zone of times that state no offset, such as ``Asia/Shanghai``."""
    marks: Literal["start", "end"] | None = None
    """Which edge of its period the time is, where a reading is an interval."""

    @field_validator("form")
    @classmethod
    def _known(cls, form: str) -> str:
        if form not in ("iso", *_EPOCHS) and "%" not in form:
            msg = "give iso, epoch_s, epoch_ms, or a format with % such as %Y/%m/%d %H:%M:%S"
            raise ValueError(msg)
        return form


class JsonMap(DeviceMap):
    """A map of JSON payloads."""

    format: Literal["json"]
    device_path: _PathText | None = None
    """Where the payload holds the device's serial number."""
    device_topic_level: Annotated[int, Field(ge=0, le=20)] | None = None
    """Which level of the topic, from 0, names the device."""
    clock_allowed_s: Annotated[float, Field(gt=0)] = 300.0
    """How far a stated time may be from the arrival before its readings are flagged."""
    time: StatedTime | None = None
    reading: Annotated[tuple[JsonReading, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_repeated_series(reading for reading in self.reading if reading.channel_path is None)
        intervals = any(reading.kind is Kind.INTERVAL for reading in self.reading)
        if intervals and self.time is not None and self.time.marks is None:
            msg = "time.marks: say whether the time is the start or the end of the interval"
            raise ValueError(msg)
        return self

    def paths(self) -> list[JsonPath]:
        """Return every path that the map reads."""
        of_readings = [path for reading in self.reading for path in (reading.path, reading.channel_path)]
        found = [self.device_path, self.time.path if self.time else None, *of_readings]
        return [path for path in found if path is not None]


class Options(MapOptions):
    """Options of ``json_map``."""

    form = JsonMap

    @cached_property
    def loaded(self) -> JsonMap:
        """The map."""
        return read_configuration(self.map, JsonMap)

    def further_fields(self) -> frozenset[str]:
        """Return the names on the map's paths."""
        return frozenset(step for path in self.loaded.paths() for step in path.steps if isinstance(step, str))


class _Moment(NamedTuple):
    t_us: int
    flags: int
    marks: str


def decode(arrival: Arrival, options: Options) -> Decoded:
    """Return the readings that the map finds in a payload."""
    return decode_with(options.loaded, arrival, options.device)


def decode_with(described: JsonMap, arrival: Arrival, device: str | None = None) -> Decoded:
    """Return the readings that a map finds in a payload; ``device`` names the device instead of the map."""
    document = _document(arrival.payload)
    named = _device(described, document, arrival.topic, device)
    moment = _moment(described, document, arrival)
    parts = Parts()
    found = False
    for reading in described.reading:
        with parts.part():
            raw = reading.path.find(document)
            found = found or raw is not None
            taken = _reading(reading, raw, named, document, moment)
            if taken is not None:
                parts.add(*taken[:4])
    decoded = parts.decoded()
    if not found and not decoded.refused:
        raise PayloadRefusedError("nothing_to_read", "none of the map's paths holds a value")
    return decoded


def _document(payload: bytes) -> Any:
    document = json_document(payload)
    if not isinstance(document, dict | list):
        raise PayloadRefusedError("not_an_object", "the payload is JSON, but neither an object nor a list")
    return document


def _device(described: JsonMap, document: Any, topic: str, option: str | None) -> str:
    """Return the name of the device: the option's, the map's, or where the map says it stands."""
    option = option or described.device
    if described.device_path is not None:
        return device_identity(option, _as_name(described.device_path.find(document)), serial=True)
    levels = topic.split("/")
    level = described.device_topic_level
    return device_identity(option, levels[level] if level is not None and level < len(levels) else "")


def _as_name(found: Any) -> str:
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""


def _moment(described: JsonMap, document: Any, arrival: Arrival) -> _Moment:
    where = described.time
    if where is None:
        return _Moment(arrival.at_us, Flag.NONE, "end")
    raw, name = where.path.find(document), where.path.text
    if raw is None:
        raise PayloadRefusedError("missing", f"the time at {name} is missing")
    if where.form in _EPOCHS:
        t_us, flags = epoch_us(number(raw, name) / _EPOCHS[where.form]), int(Flag.NONE)
    else:
        t_us, flags = stated(text(raw, name), where.zone, None if where.form == "iso" else where.form)
    flags = clock_flags(t_us, arrival.at_us, described.clock_allowed_s, flags)
    return _Moment(t_us, flags, where.marks or "end")


def _reading(reading: JsonReading, raw: Any, device: str, document: Any, moment: _Moment) -> Reading | None:
    if raw is None and reading.required:
        raise PayloadRefusedError("missing", f"{reading.path.text} is missing")
    value = None if raw is None else reading.value(raw, reading.path.text)
    if value is None:
        return None
    t_us = moment.t_us
    if reading.kind is Kind.INTERVAL and moment.marks == "end":
        t_us -= round((reading.period_s or 0) * 1_000_000)
    return Reading(reading.series(device, _channel(reading, document)), t_us, value, moment.flags)


def _channel(reading: JsonReading, document: Any) -> str:
    if reading.channel_path is None:
        return reading.channel
    named = _as_name(reading.channel_path.find(document))
    is_address = looks_like_mac(named) and not named.isdecimal()
    if not _CHANNEL.fullmatch(named) or is_address or denied_words("channel", named):
        raise PayloadRefusedError(
            "channel", f"{reading.channel_path.text} does not name a channel that may leave the site"
        )
    return named


JSON_MAP = Decoder(
    name="json_map",
    title="Any device that sends JSON, described by a map (equipment state, meters, panels, readers)",
    made_from=MadeFrom.DOCUMENTATION,
    source="a map, made by the operator from the device's documentation or from a payload of it",
    options=Options,
    decode=decode,
    fields=frozenset(),
)
