"""Hikvision cameras that count persons: ISAPI events (pushed, or parts of the alert stream) and search results."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from edge.decoders.counting import Parts, StatedInterval, stated_interval
from edge.decoders.decoder import Arrival, ClockOptions, Decoded, Decoder, MadeFrom, NamedOptions, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.device_time import clock_flags, stated
from edge.decoders.multipart import whole
from edge.decoders.reading_json import count
from edge.decoders.reading_xml import xml_root
from edge.wire.batch import Flag
from edge.wire.series import Kind, Reset

_NUMBER = re.compile(r"[0-9]{1,6}")
_CHANNEL_OF_PATH = re.compile(r"/channels/([0-9]{1,6})/counting/search")
_COUNTED = (("enter", "entries", True), ("exit", "exits", True), ("pass", "passages", False))
"""Field, quantity, whether it is always there."""
_SEARCHED = (("enterCount", "entries"), ("exitCount", "exits"))


class HikvisionOptions(NamedOptions, ClockOptions):
    """Options of ``hikvision_people_counting``: a camera's messages name its MAC and IP address only, which stay."""

    count_from: Literal["interval", "total"] = "interval"
    """Which of the two forms that one camera sends is counted as entries and exits: its intervals (``timeRange``; its
    running totals are then kept beside them as the device's own), or its running totals (``realTime``) alone."""
    interval_s: Annotated[int, Field(gt=0, le=86_400)] | None = None
    """The one length of intervals that is read. A camera that pushes quarter hours and is searched by hours would be
    counted twice, so search results are read only where this is given."""
    reset: Reset = Reset.UNKNOWN
    """When the camera clears its running totals, as it is configured there."""
    time_zone: ZoneInfo | None = None
    """Zone of the camera's clock, for search results that state no offset."""

    @model_validator(mode="after")
    def _interval_of_intervals(self) -> Self:
        if self.interval_s is not None and self.count_from != "interval":
            msg = "interval_s has a meaning with count_from = 'interval' only"
            raise ValueError(msg)
        return self


def decode(arrival: Arrival, options: HikvisionOptions) -> Decoded:
    """Read an event, a multipart body with events and pictures, or search results; other events say nothing here."""
    parts = Parts()
    if not arrival.content_type.lower().startswith("multipart/"):
        _document(parts, arrival.payload, arrival, options)
    else:
        for piece in whole(arrival.payload, arrival.content_type):
            if piece.content_type in {"application/xml", "text/xml"}:
                with parts.part():
                    _document(parts, piece.body, arrival, options)
    return parts.decoded()


def _document(parts: Parts, payload: bytes, arrival: Arrival, options: HikvisionOptions) -> None:
    root = xml_root(payload)
    if root.tag == "EventNotificationAlert":
        if _text(root, "eventType").lower() == "peoplecounting":
            _event(parts, root, arrival, options)
    elif root.tag == "CountingStatisticsResult":
        _results(parts, root, arrival, options)
    else:
        raise PayloadRefusedError("not_counting", "neither an event nor results of a counting search")


def _event(parts: Parts, root: Element, arrival: Arrival, options: HikvisionOptions) -> None:
    block = root.find("peopleCounting")
    if block is None:
        raise PayloadRefusedError("missing", "peopleCounting is missing")
    method = _text(block, "statisticalMethods")
    if method not in {"timeRange", "realTime"}:
        raise PayloadRefusedError("method", "statisticalMethods is neither timeRange nor realTime")
    if method == "realTime":
        _totals(parts, root, block, arrival, options)
    elif options.count_from == "interval":
        _interval_counts(parts, root, block, arrival, options)


def _interval_counts(parts: Parts, root: Element, block: Element, arrival: Arrival, options: HikvisionOptions) -> None:
    channel = _channel(root, block)
    interval = _checked(_interval(block, "TimeRange", options), options)
    end_us = interval.start_us + round(interval.length_s * 1_000_000)
    flags = _trust(root, end_us, interval.flags, arrival, options)
    for name, quantity, always in _COUNTED:
        with parts.part():
            value = _count(block, name, always=always)
            if value is not None:
                counted = series(options.device, quantity, channel, Kind.INTERVAL, interval.length_s)
                parts.add(counted, interval.start_us, value, flags)


def _totals(parts: Parts, root: Element, block: Element, arrival: Arrival, options: HikvisionOptions) -> None:
    channel = _channel(root, block)
    t_us, flags = stated(_optional(block, "RealTime/time") or _text(root, "dateTime"), options.time_zone)
    flags = _trust(root, t_us, flags, arrival, options)
    beside = options.count_from == "interval"
    for name, quantity, always in _COUNTED:
        with parts.part():
            value = _count(block, name, always=always)
            if value is not None:
                named = f"{quantity}_total" if beside else quantity
                total = series(options.device, named, channel, Kind.CUMULATIVE, reset=options.reset)
                parts.add(total, t_us, value, flags)


def _trust(root: Element, t_us: int, flags: int, arrival: Arrival, options: HikvisionOptions) -> int:
    """Return the flags of a live value, respectively of one that the camera sends again after a failure."""
    if _optional(root, "isDataRetransmission") == "true":
        return flags | Flag.LATE
    return clock_flags(t_us, arrival.at_us, options.clock_allowed_s, flags)


def _results(parts: Parts, root: Element, arrival: Arrival, options: HikvisionOptions) -> None:
    if options.interval_s is None:
        raise PayloadRefusedError("not_chosen", "search results are read where interval_s names their length")
    match = _CHANNEL_OF_PATH.search(arrival.topic)
    channel = match[1] if match else ""
    for element in root.iterfind("matchList/matchElement"):
        with parts.part():
            interval = _interval(element, "timeSpan", options)
            if interval.over(arrival.at_us, options.clock_allowed_s):
                _result(parts, element, _checked(interval, options), channel, options)


def _result(parts: Parts, element: Element, interval: StatedInterval, channel: str, options: HikvisionOptions) -> None:
    for name, quantity in _SEARCHED:
        with parts.part():
            value = _count(element, name, always=True)
            if value is None or (interval.skipped and value == 0):
                continue
            if interval.skipped:
                raise PayloadRefusedError("time", "a count in an hour that the local day does not have")
            counted = series(options.device, quantity, channel, Kind.INTERVAL, interval.length_s)
            parts.add(counted, interval.start_us, value, interval.flags | Flag.LATE)


def _interval(block: Element, name: str, options: HikvisionOptions) -> StatedInterval:
    return stated_interval(_text(block, f"{name}/startTime"), _text(block, f"{name}/endTime"), options.time_zone)


def _checked(interval: StatedInterval, options: HikvisionOptions) -> StatedInterval:
    if options.interval_s is not None and interval.length_s != options.interval_s:
        raise PayloadRefusedError("interval_length", "the interval is not as long as interval_s says")
    return interval


def _channel(root: Element, block: Element) -> str:
    """Return the video channel and, where the camera names one, the counting region: ``1`` or ``1.2``."""
    numbers = [_optional(root, "channelID"), _optional(block, "regionsID")]
    stated_numbers = [number for number in numbers if number]
    if not all(_NUMBER.fullmatch(number) for number in stated_numbers):
        raise PayloadRefusedError("channel", "channelID or regionsID is not a number")
    return ".".join(stated_numbers)


def _optional(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _text(element: Element, path: str) -> str:
    found = _optional(element, path)
    if not found:
        raise PayloadRefusedError("missing", f"{path} is missing")
    return found


def _count(element: Element, name: str, *, always: bool) -> float | None:
    if not always and element.find(name) is None:
        return None
    return count(_text(element, name), name)


HIKVISION_PEOPLE_COUNTING = Decoder(
    name="hikvision_people_counting",
    title="Hikvision people counting cameras: ISAPI event push (XML), alert stream, counting search",
    made_from=MadeFrom.CAPTURE,
    source=(
        "event bodies that operators captured and published (2017 to 2024, firmware with and without regions); "
        "search results as public clients read them"
    ),
    options=HikvisionOptions,
    decode=decode,
    fields=frozenset(
        """
        EventNotificationAlert eventType dateTime isDataRetransmission channelID peopleCounting statisticalMethods
        regionsID RealTime time TimeRange startTime endTime enter exit pass
        CountingStatisticsResult matchList matchElement timeSpan enterCount exitCount
        """.split()
    ),
)
