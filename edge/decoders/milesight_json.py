"""Milesight's people counters with a network of their own: VS121-P, and VS125 and VS135, as JSON over MQTT or HTTP.

A VS121-P states local times without an offset and the offset beside them; ``dst_status`` adds an hour to it. A VS125
sends the counts of a period, running totals, and one message a crossing, often all of them: ``count_from`` says which
is counted, and the totals stay a series beside it.
"""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any, Literal, NamedTuple
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
from edge.decoders.device_time import clock_flags, fixed_offset, stated
from edge.decoders.identity import device_identity
from edge.decoders.json_parts import as_list, as_object, list_at, numeral, object_if_there
from edge.decoders.reading_json import count, json_object, member, number, text
from edge.wire.batch import Flag
from edge.wire.series import Kind, Reset

_VS121_P_TIME = "%Y/%m/%d %H:%M:%S"
_DAY_S = 86_400.0
_DEVICE = frozenset({"device_info", "device_sn", "time_info", "dst_status", "end_time"})
"""What both decoders read of the device and its time."""


class MilesightJsonOptions(NameableOptions, ClockOptions):
    """Options of both decoders; the device's name is its serial number (``device_sn``) unless given."""

    time_zone: ZoneInfo | None = None
    """Zone of the device's clock, where its messages don't state an offset that can be read."""


class Vs125Options(MilesightJsonOptions):
    """Options of ``milesight_vs125``."""

    count_from: Literal["periodic", "trigger"] = "periodic"
    """Which of the two reports is counted; both tell of the same crossings."""
    clock: Literal["device", "arrival"] = "device"
    """Whose clock dates a report; ``arrival`` for a device whose own clock stands still."""


def _zone(time_info: dict[str, Any], name: str, options: MilesightJsonOptions) -> ZoneInfo | timezone | None:
    """Return the offset that a message states, with the hour of its summer time, or else the option's zone."""
    label = time_info.get(name)
    words = label.split() if isinstance(label, str) else []
    offset = fixed_offset(words[0]) if words else None
    if offset is None:
        return options.time_zone
    hour = timedelta(hours=1 if time_info.get("dst_status") in (True, 1) else 0)
    return timezone(offset.utcoffset(None) + hour)


def _decode_vs121_p(arrival: Arrival, options: MilesightJsonOptions) -> Decoded:
    document = json_object(arrival.payload)
    if document.get("event") != "Region People Counting":
        raise PayloadRefusedError("unknown_event", "event is not Region People Counting, which alone is documented")
    info = object_if_there(document, "device_info") or {}
    device = device_identity(options.device, info.get("device_sn"), serial=True)
    time_info = object_if_there(document, "time_info") or {}
    t_us, flags = arrival.at_us, int(Flag.NONE)
    if "end_time" in time_info:
        end = text(time_info["end_time"], "end_time")
        t_us, flags = stated(end, _zone(time_info, "timezone", options), _VS121_P_TIME)
        flags = clock_flags(t_us, arrival.at_us, options.clock_allowed_s, flags)
    parts = Parts()
    # The vendor's two samples spell the largest number of the interval in two ways.
    largest = "Max_counted" if "Max_counted" in document else "max_counted"
    for name, quantity in (("current_total", "occupancy"), (largest, "occupancy_max")):
        if name in document:
            with parts.part():
                parts.add(series(device, quantity), t_us, count(document[name], name), flags)
    if "current_counted" in document:
        with parts.part():
            _add_regions(parts, device, document, t_us, flags)
    return parts.outcome()


def _add_regions(parts: Parts, device: str, document: dict[str, Any], t_us: int, flags: int) -> None:
    regions, counts = list_at(document, "numbering_regions"), list_at(document, "current_counted")
    if len(regions) != len(counts):
        raise PayloadRefusedError("not_parallel", "numbering_regions and current_counted differ in length")
    for region, present in zip(regions, counts, strict=True):
        with parts.part():
            channel = f"region-{numeral({'numbering_regions': region}, 'numbering_regions')}"
            parts.add(series(device, "occupancy", channel), t_us, count(present, "current_counted"), flags)


class _Times(NamedTuple):
    """When a report of a VS125 is of; ``period_s`` is None where it states no interval."""

    t_us: int
    period_s: float | None
    flags: int
    start_flags: int


def _times(document: dict[str, Any], arrival: Arrival, options: Vs125Options) -> _Times:
    time_info = object_if_there(document, "time_info") or {}
    zone = _zone(time_info, "time_zone", options)
    read = {
        name: stated(text(time_info[name], name), zone)
        for name in ("start_time", "end_time", "trigger_time")
        if time_info.get(name) is not None
    }
    period_s = None
    if "start_time" in read and "end_time" in read:
        period_s = (read["end_time"][0] - read["start_time"][0]) / 1_000_000
    t_us, flags = read.get("trigger_time") or read.get("end_time") or (arrival.at_us, Flag.NONE)
    if options.clock == "arrival":
        return _Times(arrival.at_us, period_s, 0, 0)
    flags = clock_flags(t_us, arrival.at_us, options.clock_allowed_s, flags)
    start_flags = read["start_time"][1] if "start_time" in read else Flag.NONE
    return _Times(t_us, period_s, flags, int(start_flags | flags & Flag.CLOCK_SUSPECT))


def _decode_vs125(arrival: Arrival, options: Vs125Options) -> Decoded:
    document = json_object(arrival.payload)
    info = object_if_there(document, "device_info") or {}
    device = device_identity(options.device, info.get("device_sn"), serial=True)
    times = _times(document, arrival, options)
    parts = Parts()
    counted = {"periodic": "line_periodic_data", "trigger": "line_trigger_data"}[options.count_from]
    if counted in document:
        with parts.part():
            kind, period_s, t_us, flags = _counted_as(times, options)
            for channel, total in _lines(document[counted], counted, parts):
                for quantity, name in (("entries", "in"), ("exits", "out")):
                    with parts.part():
                        value = count(member(total, name), name)
                        # Of a crossing the other direction, whose count in the message is zero, did not happen.
                        if value or kind is Kind.INTERVAL:
                            parts.add(series(device, quantity, channel, kind, period_s), t_us, value, flags)
    if "line_total_data" in document:
        with parts.part():
            for channel, total in _lines(document["line_total_data"], "line_total_data", parts):
                _add_totals(parts, device, channel, total, times)
    if "running_time" in info:
        with parts.part():
            running_s = number(info["running_time"], "running_time")
            parts.add(series(device, "running_time"), times.t_us, running_s, times.flags)
    return parts.decoded() if counted in document else parts.outcome()


def _counted_as(times: _Times, options: Vs125Options) -> tuple[Kind, float | None, int, int]:
    """Return kind, length, time and flags of what is counted: intervals by their start, or single crossings."""
    if options.count_from == "trigger":
        return Kind.EVENT, None, times.t_us, times.flags
    period_s = _period_s(times)
    return Kind.INTERVAL, period_s, times.t_us - round(period_s * 1_000_000), times.start_flags


def _period_s(times: _Times) -> float:
    if times.period_s is None or not 0 < times.period_s <= _DAY_S:
        raise PayloadRefusedError("time", "start_time and end_time don't state an interval of at most a day")
    return times.period_s


def _lines(value: Any, name: str, parts: Parts) -> list[tuple[str, dict[str, Any]]]:
    """Return (channel, counts) of each line; the counts stand in ``total`` (VS125) or beside it (seen of a VS135)."""
    found = []
    for entry in as_list(value, name):
        with parts.part():
            line = as_object(entry, name)
            total = as_object(line["total"], "total") if "total" in line else line
            found.append((f"line-{numeral(line, 'line')}", total))
    return found


def _add_totals(parts: Parts, device: str, channel: str, total: dict[str, Any], times: _Times) -> None:
    for quantity, name in (("entries_total", "in_counted"), ("exits_total", "out_counted")):
        with parts.part():
            cumulative = series(device, quantity, channel, Kind.CUMULATIVE, reset=Reset.UNKNOWN)
            parts.add(cumulative, times.t_us, count(member(total, name), name), times.flags)


VS121_P = Decoder(
    name="milesight_vs121_p",
    title="Milesight VS121-P occupancy sensor, JSON over MQTT or HTTP",
    made_from=MadeFrom.DOCUMENTATION,
    source="Milesight, VS121-P communication protocol (periodic reports; of trigger reports what they share with them)",
    options=MilesightJsonOptions,
    decode=_decode_vs121_p,
    fields=_DEVICE.union(
        """
        event timezone current_total Max_counted max_counted numbering_regions current_counted
        """.split()
    ),
)
VS125 = Decoder(
    name="milesight_vs125",
    title="Milesight VS125 and VS135 people counters, JSON over MQTT or HTTP",
    made_from=MadeFrom.CAPTURE,
    source="published captures and notes of a fleet of VS125 (V_125-LW.1.0.3-r2) and of one VS135 (V_135.1.0.7-r1)",
    options=Vs125Options,
    decode=_decode_vs125,
    fields=_DEVICE.union(
        """
        running_time time_zone start_time trigger_time line_periodic_data line_trigger_data line_total_data
        line total in out in_counted out_counted
        """.split()
    ),
)
