"""Xovis PC2 and PC3 stereo sensors, JSON push of firmware 5: logics (intervals), live events, status.

The sensor's only identity is its serial number, which is its MAC address: the option ``device`` names it. One crossing
is told up to three times, as an interval's count, as an event of a person and, some two seconds later, as an event of a
group; ``count_from`` and ``object_type`` choose the one that counts. Track ids join an event to its object inside one
frame and go no further. Names of lines and zones, positions, gender and mask counters are not read.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, ClockOptions, Decoded, Decoder, MadeFrom, NamedOptions, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.device_time import clock_flags, epoch_us, stated
from edge.decoders.json_parts import as_object, list_at, numeral, object_at, object_if_there
from edge.decoders.reading_json import count, json_object, member, number, text
from edge.wire.batch import Flag
from edge.wire.series import Kind, Reset, Series

_LINE_LOGICS = MappingProxyType(
    {
        "PERSON": frozenset(
            {
                "XLT_4X_LINE_IN_OUT_COUNT",
                "XLT_4X_LINE_LATE_COUNT",
                "XLT_LINE_IN_OUT_COUNT",
                "XLT_LINE_LATE_COUNT",
            }
        ),
        "GROUP": frozenset({"XLT_GROUP_LINE_IN_OUT_COUNT", "XLT_GROUP_LINE_LATE_COUNT"}),
    }
)
_ZONE_LOGICS = frozenset({"XLT_4X_ZONE_COUNT", "XLT_ZONE_OCCUPANCY_COUNT"})
_COUNTERS = MappingProxyType({"fw": "entries", "bw": "exits"})
_CROSSINGS = MappingProxyType({"LINE_CROSS_FORWARD": "entries", "LINE_CROSS_BACKWARD": "exits"})
_SHORTEST_MS = 100_000_000_000.0
"""In March 1973 as milliseconds; a smaller number is an epoch in seconds, which the push can be set to."""


class XovisOptions(NamedOptions, ClockOptions):
    """Options of ``xovis``; forward is counted as entries and backward as exits, the registry turns them where needed.

    An interval that ended more than ``clock_allowed_s`` before its arrival is late history up to ``history_allowed_s``
    (the sensor keeps what it could not send), and beyond that, or in the future, a matter of the sensor's clock.
    """

    count_from: Literal["logics", "live"] = "logics"
    object_type: Literal["PERSON", "GROUP"] = "PERSON"
    history_allowed_s: float = Field(default=86_400, gt=0)


def decode(arrival: Arrival, options: XovisOptions) -> Decoded:
    """Return the intervals, crossings or states of one pushed package."""
    document = json_object(arrival.payload)
    messages = {"logics_data": _read_logics, "live_data": _read_frames, "status_data": _read_status}
    if not any(name in document for name in messages):
        raise PayloadRefusedError("unknown_message", "there is none of logics_data, live_data and status_data")
    parts = Parts()
    for name, read in messages.items():
        if name in document:
            with parts.part():
                data = object_at(document, name)
                _read_sequence(data, arrival, options, parts)
                read(data, arrival, options, parts)
    return parts.decoded()


def _read_sequence(data: dict[str, Any], arrival: Arrival, options: XovisOptions, parts: Parts) -> None:
    """Take the number of the package, of which each push agent has its own, so that a gap shows what was lost."""
    with parts.part():
        package = object_if_there(data, "package_info")
        if package is not None and "id" in package and "agent_id" in package:
            channel = f"agent{numeral(package, 'agent_id')}"
            sequence = series(options.device, "message_sequence", channel, Kind.CUMULATIVE, reset=Reset.UNKNOWN)
            parts.add(sequence, arrival.at_us, count(package["id"], "id"))


def _read_logics(data: dict[str, Any], arrival: Arrival, options: XovisOptions, parts: Parts) -> None:
    for entry in list_at(data, "logics"):
        with parts.part():
            _read_logic(as_object(entry, "a logic"), arrival, options, parts)


def _read_logic(logic: dict[str, Any], arrival: Arrival, options: XovisOptions, parts: Parts) -> None:
    kind = text(member(logic, "info"), "info")
    is_line = options.count_from == "logics" and kind in _LINE_LOGICS[options.object_type]
    if not is_line and kind not in _ZONE_LOGICS:
        return
    channel = f"logic{numeral(logic, 'id')}"
    for entry in list_at(logic, "records"):
        with parts.part():
            record = as_object(entry, "a record")
            start_us, end_us = _epoch_us(record, "from"), _epoch_us(record, "to")
            if not 0 < end_us - start_us <= 86_400_000_000:
                raise PayloadRefusedError("time", "a record is empty, or longer than a day")
            flags = _interval_flags(end_us, arrival.at_us, options)
            if is_line:
                length_s = (end_us - start_us) / 1_000_000
                for name, value in _counters(record, frozenset(_COUNTERS)).items():
                    of = series(options.device, _COUNTERS[name], channel, Kind.INTERVAL, length_s)
                    parts.add(of, start_us, count(value, name), flags)
            else:
                balance = number(_counters(record, frozenset({"balance"}))["balance"], "balance")
                # The counter is a state: what the record holds is the level that its interval ended with.
                parts.add(series(options.device, "occupancy", channel), end_us, balance, flags)


def _counters(record: dict[str, Any], wanted: frozenset[str]) -> dict[str, Any]:
    """Return the values of the wanted counters of a record; absent ones are absent."""
    found: dict[str, Any] = {}
    for entry in list_at(record, "counts"):
        counter = as_object(entry, "a counter")
        name = text(member(counter, "name"), "a counter's name")
        if name in wanted:
            if name in found:
                raise PayloadRefusedError("repeated", "a record holds one counter twice")
            found[name] = member(counter, "value")
    if not found:
        raise PayloadRefusedError("missing", "a record holds none of the counters that are read")
    return found


def _epoch_us(document: dict[str, Any], name: str) -> int:
    milliseconds = number(member(document, name), name)
    if milliseconds < _SHORTEST_MS:
        raise PayloadRefusedError("time", f"{name} is not in milliseconds; set the push to UNIX_TIME_MS")
    return epoch_us(milliseconds / 1000)


def _interval_flags(end_us: int, at_us: int, options: XovisOptions) -> int:
    if not clock_flags(end_us, at_us, options.clock_allowed_s):
        return Flag.NONE
    is_history = end_us < at_us and not clock_flags(end_us, at_us, options.history_allowed_s)
    return Flag.LATE if is_history else Flag.CLOCK_SUSPECT


def _read_frames(data: dict[str, Any], arrival: Arrival, options: XovisOptions, parts: Parts) -> None:
    for entry in list_at(data, "frames"):
        with parts.part():
            frame = as_object(entry, "a frame")
            t_us = _epoch_us(frame, "time")
            flags = clock_flags(t_us, arrival.at_us, options.clock_allowed_s)
            types = _object_types(frame) if options.count_from == "live" else {}
            for event in list_at(frame, "events"):
                with parts.part():
                    of = _happened(as_object(event, "an event"), types, options)
                    if of is not None:
                        parts.add(of, t_us, 1.0, flags)


def _object_types(frame: dict[str, Any]) -> dict[float, str]:
    """Return the type of each tracked object of a frame; the ids are forgotten with the frame."""
    types = {}
    for entry in list_at(frame, "tracked_objects"):
        tracked = as_object(entry, "a tracked object")
        types[count(member(tracked, "track_id"), "track_id")] = text(member(tracked, "type"), "type")
    return types


def _happened(event: dict[str, Any], types: dict[float, str], options: XovisOptions) -> Series | None:
    """Return the series that an event belongs to; None where it is not counted."""
    kind = text(member(event, "type"), "type")
    if kind == "COUNT_RESET":
        return series(options.device, "counter_reset", "", Kind.EVENT)
    if kind not in _CROSSINGS or options.count_from != "live":
        return None
    attributes = object_at(event, "attributes")
    of_type = types.get(count(member(attributes, "track_id"), "track_id"))
    if of_type is None:
        raise PayloadRefusedError("object_type", "the frame lacks the object that crossed; push tracked objects too")
    if of_type != options.object_type:
        return None
    return series(options.device, _CROSSINGS[kind], f"line{numeral(attributes, 'geometry_id')}", Kind.EVENT)


def _read_status(data: dict[str, Any], arrival: Arrival, options: XovisOptions, parts: Parts) -> None:
    states = object_at(data, "states")
    t_us, flags = arrival.at_us, int(Flag.NONE)
    clock = None
    with parts.part():
        clock = object_if_there(states, "time", "state", "details")
        if clock is not None and "time" in clock:
            t_us, flags = stated(text(clock["time"], "time"), None)
            flags = clock_flags(t_us, arrival.at_us, options.clock_allowed_s, flags)
    with parts.part():
        if clock is not None and "ntp_rms_offset" in clock:
            offset_s = number(clock["ntp_rms_offset"], "ntp_rms_offset")
            parts.add(series(options.device, "clock_offset", "ntp-rms"), t_us, offset_s, flags)
    with parts.part():
        state = object_if_there(states, "device", "state")
        if state is not None:
            is_faulty = text(member(state, "state"), "state") != "OK"
            parts.add(series(options.device, "equipment_fault", "", Kind.STATE), t_us, float(is_faulty), flags)
            details = object_if_there(state, "details")
            if details is not None and "uptime_sec" in details:
                uptime_s = count(details["uptime_sec"], "uptime_sec")
                parts.add(series(options.device, "running_time"), t_us, uptime_s, flags)
    with parts.part():
        status = object_if_there(states, "singlesensor", "data", "push", "agents", "status")
        for entry in list_at(status, "agent_states") if status is not None else []:
            with parts.part():
                agent = as_object(entry, "a push agent")
                channel = f"agent{numeral(agent, 'id')}"
                of = series(options.device, "packages_dropped", channel, Kind.CUMULATIVE, reset=Reset.UNKNOWN)
                dropped = count(member(object_at(agent, "package_info"), "no_of_dropped"), "no_of_dropped")
                parts.add(of, t_us, dropped, flags)


XOVIS = Decoder(
    name="xovis",
    title="Xovis PC2, PC3: JSON push of firmware 5 (logics, live events, status) over HTTP or MQTT",
    made_from=MadeFrom.CAPTURE,
    source="captures of a PC2S, firmware 5.0.3, in the tests of a public uplink decoder; counter and logic names of a "
    "public client of the sensor's API; the maker's documentation was not available",
    options=XovisOptions,
    decode=decode,
    fields=frozenset(
        """
        logics_data live_data status_data package_info id agent_id logics info records from to counts name value
        frames time events tracked_objects track_id type attributes geometry_id
        states state details ntp_rms_offset device uptime_sec
        singlesensor data push agents status agent_states no_of_dropped
        """.split()
    ),
)
