"""Axis cameras that count persons: People Counter, 3D People Counter (P8815-2), Object Analytics over MQTT.

An Axis serial number is the camera's MAC address, so none of them names its device: the option ``device`` does.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from edge.decoders.counting import Parts, StatedInterval, stated_interval
from edge.decoders.decoder import Arrival, ClockOptions, Decoded, Decoder, MadeFrom, NamedOptions, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.device_time import clock_flags, epoch_us, stated
from edge.decoders.json_parts import as_list, as_object, list_at, object_at
from edge.decoders.reading_json import count, json_object, member, number, text
from edge.wire.batch import Flag
from edge.wire.series import Kind, Reset

_UTC = ZoneInfo("UTC")
_SCENARIO = re.compile(r"/ObjectAnalytics/(Device[0-9]{1,3}Scenario[0-9]{1,3})\Z")
_SCENARIO_NAME = r"^Device[0-9]{1,3}Scenario[0-9]{1,3}$"
_STAMP = re.compile(r"[0-9]{14}")
_EXPORTED = (("in", "entries"), ("out", "exits"))
_OCCUPANCY = (("total_in", "entries_total"), ("total_out", "exits_total"))
_DIRECTIONS = {"in": "entries", "out": "exits"}


class AxisOptions(NamedOptions, ClockOptions):
    """What all decoders of Axis cameras are told: a camera's serial number is its MAC address, which is not read."""


class PeopleCounterOptions(AxisOptions):
    """Options of ``axis_people_counter``."""

    time_zone: ZoneInfo
    """Zone of the camera's clock, whose time the answer states without it."""


class ThreeDOptions(AxisOptions):
    """Options of ``axis_3d_people_counter``."""

    interval_s: Annotated[int, Field(gt=0, le=3600)]
    """The one length of intervals that is read: of the push as it is configured in the camera, or of the export's
    resolution. Two lengths from one camera would count everybody twice."""
    time_zone: ZoneInfo | None = None
    """Zone of the camera's clock, needed for the export, which states local times."""
    reset: Reset = Reset.UNKNOWN
    """When the camera clears its running totals."""


class ObjectAnalyticsOptions(AxisOptions):
    """Options of ``axis_object_analytics``."""

    scenarios: Annotated[
        dict[
            Annotated[str, Field(pattern=_SCENARIO_NAME)],
            Literal["entries", "exits", "passages", "occupancy"],
        ],
        Field(min_length=1),
    ]
    """What each scenario counts, by the end of its topic, such as ``Device1Scenario1``: nothing in a message names the
    scenario's kind. A crossline scenario counts one direction: entries, exits, or passages."""
    reset: Reset = Reset.UNKNOWN
    """When the camera clears the counts, as it is configured there."""


def decode_people_counter(arrival: Arrival, options: PeopleCounterOptions) -> Decoded:
    """Read the answer to ``live-sum.json``: running sums of the camera's local day."""
    document = json_object(arrival.payload)
    stamp = text(member(document, "timestamp"), "timestamp")
    if not _STAMP.fullmatch(stamp):
        raise PayloadRefusedError("time", "the stated time is not 14 digits")
    t_us, flags = stated(stamp, options.time_zone, "%Y%m%d%H%M%S")
    flags = clock_flags(t_us, arrival.at_us, options.clock_allowed_s, flags)
    parts = Parts()
    for name, quantity in _EXPORTED:
        with parts.part():
            value = count(member(document, name), name)
            total = series(options.device, quantity, "", Kind.CUMULATIVE, reset=Reset.MIDNIGHT)
            parts.add(total, t_us, value, flags)
    return parts.decoded()


def decode_3d(arrival: Arrival, options: ThreeDOptions) -> Decoded:
    """Read a push of interval counts, the export of them as JSON, or the answer to ``occupancy``."""
    document = json_object(arrival.payload)
    parts = Parts()
    if "occupancy" in document:
        _occupancy(parts, document, arrival, options)
    elif isinstance(member(document, "data"), list):
        seen: set[int] = set()
        for entry in as_list(document["data"], "data"):
            with parts.part():
                _exported(parts, as_object(entry, "data"), seen, arrival, options)
    else:
        _pushed(parts, document, arrival, options)
    return parts.decoded()


def _occupancy(parts: Parts, document: dict[str, Any], arrival: Arrival, options: ThreeDOptions) -> None:
    t_us, flags = stated(text(member(document, "timestamp"), "timestamp"), options.time_zone)
    flags = clock_flags(t_us, arrival.at_us, options.clock_allowed_s, flags)
    with parts.part():
        present = count(document["occupancy"], "occupancy")
        parts.add(series(options.device, "occupancy"), t_us, present, flags)
    for name, quantity in _OCCUPANCY:
        with parts.part():
            value = count(member(document, name), name)
            total = series(options.device, quantity, "", Kind.CUMULATIVE, reset=options.reset)
            parts.add(total, t_us, value, flags)


def _exported(parts: Parts, entry: dict[str, Any], seen: set[int], arrival: Arrival, options: ThreeDOptions) -> None:
    interval = _interval(entry, "start", "end", options.time_zone, options)
    if not interval.over(arrival.at_us, options.clock_allowed_s):
        return
    values = [(quantity, count(member(entry, name), name)) for name, quantity in _EXPORTED]
    if interval.skipped:
        if any(value for _, value in values):
            raise PayloadRefusedError("time", "a count in an hour that the local day does not have")
        return
    if interval.start_us in seen:
        raise PayloadRefusedError("repeated_time", "an interval of a repeated local hour, whose first run was taken")
    seen.add(interval.start_us)
    for quantity, value in values:
        counted = series(options.device, quantity, "", Kind.INTERVAL, interval.length_s)
        parts.add(counted, interval.start_us, value, interval.flags | Flag.LATE)


def _pushed(parts: Parts, document: dict[str, Any], arrival: Arrival, options: ThreeDOptions) -> None:
    sent_us, flags = stated(text(member(document, "utcSent"), "utcSent"), _UTC)
    flags = clock_flags(sent_us, arrival.at_us, options.clock_allowed_s, flags)
    for entry in list_at(object_at(document, "data"), "measurements"):
        with parts.part():
            measurement = as_object(entry, "measurements")
            if member(measurement, "kind") != "people-counts":
                continue
            interval = _interval(measurement, "utcFrom", "utcTo", _UTC, options)
            for item in list_at(measurement, "items"):
                with parts.part():
                    direction = as_object(item, "items")
                    quantity = _DIRECTIONS.get(text(member(direction, "direction"), "direction"))
                    if quantity is None:
                        raise PayloadRefusedError("direction", "direction is neither in nor out")
                    counted = series(options.device, quantity, "", Kind.INTERVAL, interval.length_s)
                    parts.add(counted, interval.start_us, count(member(direction, "count"), "count"), flags)


def _interval(
    entry: dict[str, Any], start: str, end: str, zone: ZoneInfo | None, options: ThreeDOptions
) -> StatedInterval:
    interval = stated_interval(text(member(entry, start), start), text(member(entry, end), end), zone)
    if interval.length_s != options.interval_s:
        raise PayloadRefusedError("interval_length", "the interval is not as long as interval_s says")
    return interval


def decode_object_analytics(arrival: Arrival, options: ObjectAnalyticsOptions) -> Decoded:
    """Read the count of persons of a crossline or occupancy scenario; numbers stand as texts."""
    document = json_object(arrival.payload)
    match = _SCENARIO.search(text(member(document, "topic"), "topic", longest=200))
    if match is None:
        return Decoded()  # of all scenarios, of an interval, of a threshold: the scenario's own event says it too
    scenario = match[1]
    quantity = options.scenarios.get(scenario)
    if quantity is None:
        raise PayloadRefusedError("unmapped_scenario", f"the option scenarios says not what {scenario} counts")
    data = object_at(document, "message", "data")
    t_us = epoch_us(number(member(document, "timestamp"), "timestamp") / 1000)
    flags = clock_flags(t_us, arrival.at_us, options.clock_allowed_s)
    parts = Parts()
    if quantity == "occupancy":
        value = count(member(data, "human"), "human")
        parts.add(series(options.device, quantity, scenario), t_us, value, flags)
        return parts.decoded()
    value = count(member(data, "totalHuman"), "totalHuman")
    total = series(options.device, quantity, scenario, Kind.CUMULATIVE, reset=options.reset)
    parts.add(total, t_us, value, flags)
    with parts.part():
        # Every message repeats when the counts were cleared; the first object counted after it tells it once.
        if "startTime" in data and count(member(data, "total"), "total") == 1:
            cleared_us, _ = stated(text(data["startTime"], "startTime"), None)
            parts.add(series(options.device, "counter_reset", scenario, Kind.EVENT), cleared_us, 1.0)
    return parts.decoded()


AXIS_PEOPLE_COUNTER = Decoder(
    name="axis_people_counter",
    title="AXIS People Counter: live-sum.json by HTTP",
    made_from=MadeFrom.DOCUMENTATION,
    source="VAPIX, People counter API: request real-time data",
    options=PeopleCounterOptions,
    decode=decode_people_counter,
    fields=frozenset({"timestamp", "in", "out"}),
)
AXIS_3D_PEOPLE_COUNTER = Decoder(
    name="axis_3d_people_counter",
    title="AXIS P8815-2 3D People Counter: generic data push, export and occupancy as JSON",
    made_from=MadeFrom.DOCUMENTATION,
    source="VAPIX, P8815-2 3D people counter API",
    options=ThreeDOptions,
    decode=decode_3d,
    fields=frozenset(
        """
        occupancy timestamp total_in total_out data start end in out utcSent measurements kind utcFrom utcTo items
        direction count
        """.split()
    ),
)
AXIS_OBJECT_ANALYTICS = Decoder(
    name="axis_object_analytics",
    title="AXIS Object Analytics over MQTT: crossline counting and occupancy in area",
    made_from=MadeFrom.DOCUMENTATION,
    source="Axis developer guide: MQTT payload of a crossline scenario; a public client's samples of occupancy",
    options=ObjectAnalyticsOptions,
    decode=decode_object_analytics,
    fields=frozenset({"topic", "timestamp", "message", "data", "human", "total", "totalHuman", "startTime"}),
)
