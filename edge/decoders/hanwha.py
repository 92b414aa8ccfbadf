"""Hanwha cameras that count persons, by SUNAPI: running totals (``check``) and hourly results of a search."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from edge.decoders.counting import Parts, StatedInterval
from edge.decoders.decoder import Arrival, ClockOptions, Decoded, Decoder, MadeFrom, NamedOptions, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.device_time import stated
from edge.decoders.identity import ChannelName
from edge.decoders.json_parts import as_object, list_at, numeral
from edge.decoders.reading_json import count, json_object, member, text
from edge.wire.batch import Flag
from edge.wire.series import Kind, Reset, Series

_HOURS = 24
_HOUR_S = 3600.0
_FROM_DATE = re.compile(r"[?&]FromDate=([0-9]{4}-[0-9]{2}-[0-9]{2})")
_DIRECTIONS = {"In": "entries", "Out": "exits"}
_TOTALS = (("InCount", "entries"), ("OutCount", "exits"))


class HanwhaOptions(NamedOptions, ClockOptions):
    """Options of ``hanwha_people_count``: no answer identifies the camera."""

    count_from: Literal["total", "interval"] = "total"
    """What is counted as entries and exits: the running totals of ``check``, or the hours of a search (the totals are
    then kept beside them as the device's own)."""
    time_zone: ZoneInfo | None = None
    """Zone of the camera's clock: the hours of a search are its local ones. Needed with ``interval``."""
    lines: Mapping[str, ChannelName] = Field(default_factory=dict)
    """Channel by a line's name, needed with ``interval``: a search names lines, ``check`` numbers them. ``0.1`` is the
    first line of video channel 0."""
    days_before: Annotated[int, Field(ge=0, le=366)] = 1
    """How many local days before the arrival a search's day is, where the request's path does not say (FromDate):
    the answer itself does not."""
    reset: Reset = Reset.UNKNOWN
    """When the camera clears its running totals, as it is configured there."""

    @model_validator(mode="after")
    def _search_needs_zone_and_lines(self) -> Self:
        if self.count_from == "interval" and (self.time_zone is None or not self.lines):
            msg = "count_from = 'interval' needs time_zone, the camera's zone, and lines, the channel by a line's name"
            raise ValueError(msg)
        if len(set(self.lines.values())) < len(self.lines):
            msg = "lines gives two names one channel, which would count them as one line"
            raise ValueError(msg)
        return self


def decode(arrival: Arrival, options: HanwhaOptions) -> Decoded:
    """Read the answer to ``check``, or to the view of a search's results, asked for as JSON."""
    document = json_object(arrival.payload)
    parts = Parts()
    if "PeopleCount" in document:
        for place, camera in enumerate(list_at(document, "PeopleCount")):
            with parts.part():
                _totals(parts, as_object(camera, "PeopleCount"), place, arrival, options)
    elif "PeopleCountSearchResults" in document:
        _search(parts, document, arrival, options)
    else:
        raise PayloadRefusedError("not_counting", "neither PeopleCount nor PeopleCountSearchResults")
    return parts.decoded()


def _totals(parts: Parts, camera: dict[str, Any], place: int, arrival: Arrival, options: HanwhaOptions) -> None:
    video = numeral(camera, "Channel") if "Channel" in camera else str(place)
    for entry in list_at(camera, "Lines"):
        with parts.part():
            line = as_object(entry, "Lines")
            channel = f"{video}.{numeral(line, 'LineIndex')}"
            for name, quantity in _TOTALS:
                with parts.part():
                    value = count(member(line, name), name)
                    named = quantity if options.count_from == "total" else f"{quantity}_total"
                    total = series(options.device, named, channel, Kind.CUMULATIVE, reset=options.reset)
                    parts.add(total, arrival.at_us, value)


def _search(parts: Parts, document: dict[str, Any], arrival: Arrival, options: HanwhaOptions) -> None:
    if options.count_from != "interval" or options.time_zone is None:
        raise PayloadRefusedError("not_chosen", "search results are read with count_from = 'interval'")
    if member(document, "ResultInterval") != "Hourly":
        raise PayloadRefusedError("interval_length", "only hourly results are read; search a single day")
    hours = _hours(_day(arrival, options, options.time_zone), options.time_zone)
    for camera in list_at(document, "PeopleCountSearchResults"):
        with parts.part():
            for line in list_at(as_object(camera, "PeopleCountSearchResults"), "LineResults"):
                with parts.part():
                    _line(parts, as_object(line, "LineResults"), hours, arrival, options)


def _line(
    parts: Parts, line: dict[str, Any], hours: list[StatedInterval], arrival: Arrival, options: HanwhaOptions
) -> None:
    channel = options.lines.get(text(member(line, "Line"), "Line"))
    if channel is None:
        raise PayloadRefusedError("unmapped_line", "the option lines names no channel for a line")
    for entry in list_at(line, "DirectionResults"):
        with parts.part():
            direction = as_object(entry, "DirectionResults")
            quantity = _DIRECTIONS.get(text(member(direction, "Direction"), "Direction"))
            if quantity is None:
                raise PayloadRefusedError("direction", "Direction is neither In nor Out")
            numbers = text(member(direction, "Result"), "Result", longest=1000).split(",")
            if len(numbers) != _HOURS:
                raise PayloadRefusedError("not_24_hours", "Result does not hold 24 numbers")
            counted = series(options.device, quantity, channel, Kind.INTERVAL, _HOUR_S)
            # The camera fills hours that have not been with zeros, which are not counts.
            over = (hour.over(arrival.at_us, options.clock_allowed_s) for hour in hours)
            for hour, number, ended in zip(hours, numbers, over, strict=True):
                if ended:
                    with parts.part():
                        _hour(parts, counted, hour, count(number, "Result"))


def _hour(parts: Parts, counted: Series, hour: StatedInterval, value: float) -> None:
    if not hour.skipped:
        parts.add(counted, hour.start_us, value, hour.flags | Flag.LATE)
    elif value:
        raise PayloadRefusedError("time", "a count in an hour that the local day does not have")


def _day(arrival: Arrival, options: HanwhaOptions, zone: ZoneInfo) -> date:
    match = _FROM_DATE.search(arrival.topic)
    try:
        if match:
            return date.fromisoformat(match[1])
        arrived = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=arrival.at_us)
        return arrived.astimezone(zone).date() - timedelta(days=options.days_before)
    except (ValueError, OverflowError):
        raise PayloadRefusedError("time", "the day of the search cannot be told") from None


def _hours(day: date, zone: ZoneInfo) -> list[StatedInterval]:
    """Return the camera's 24 hours of a local day: of a repeated hour the first run, flagged; a skipped one flagged."""
    starts = (stated(f"{day.isoformat()}T{hour:02}:00:00", zone) for hour in range(_HOURS))
    return [StatedInterval(start_us, _HOUR_S, int(flags)) for start_us, flags in starts]


HANWHA_PEOPLE_COUNT = Decoder(
    name="hanwha_people_count",
    title="Hanwha Vision cameras with people counting: SUNAPI eventsources check and people count search, JSON",
    made_from=MadeFrom.DOCUMENTATION,
    source="SUNAPI application programmer's guide: event sources, people count; recording, people count search",
    options=HanwhaOptions,
    decode=decode,
    fields=frozenset(
        """
        PeopleCount Channel Lines LineIndex InCount OutCount PeopleCountSearchResults ResultInterval LineResults Line
        DirectionResults Direction Result
        """.split()
    ),
)
