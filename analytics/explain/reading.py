"""From a store's readings to arrays of counts by counter and local hour, for both windows of a change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from analytics import series as series_room
from analytics.catalogue.metric import Metric
from analytics.day_types import DayType, day_of
from analytics.evaluate import measure_facts
from analytics.evaluation import Calendar
from analytics.explain.parts import HourCounts
from analytics.facts import Facts
from analytics.metrics.doors import DoorCounts, doors
from analytics.metrics.inputs import Inputs
from analytics.metrics.spans import Int64
from analytics.results import Result
from analytics.windows import DAY_US, EPOCH, SATURDAY, local_days, local_hours, utc_offset_us
from ingest.store.connection import Database

Counter = tuple[str, str, str]
"""A counter at its door: device, channel, point."""
DIRECTIONS = {"footfall_entries": "entries", "footfall_exits": "exits"}
"""The metrics that can be explained, with the direction that they count."""
_CODES = {day_type: code for code, day_type in enumerate(DayType)}
_HOUR_ROWS = ("count", "due_us", "seen_us")


@dataclass(frozen=True, slots=True)
class CountedWindow:
    """A window of one store: the facts, the metric's result, and its counters with what each counted by the hour."""

    facts: Facts
    result: Result
    hour: Int64
    day: Int64
    """Local day of each hour, counted from the window's first; -1 of a day that the window cuts."""
    day_type: Int64
    length_us: Int64
    open_us: Int64
    counters: Mapping[Counter, Mapping[str, Int64]]

    def for_counters(self, order: Iterable[Counter]) -> HourCounts:
        """Return the arrays with these counters, in this order; one that is not registered here counts nothing."""
        none = np.zeros(self.hour.size, np.int64)
        rows = [self.counters.get(counter, dict.fromkeys(_HOUR_ROWS, none)) for counter in order]
        count, due, seen = (
            np.array([row[name] for row in rows], np.int64).reshape(len(rows), self.hour.size) for name in _HOUR_ROWS
        )
        return HourCounts(self.hour, self.day_type, self.length_us, self.open_us > 0, count, due, seen)


def read_window(c: Database, metric: Metric, facts: Facts, weekdays_only: bool) -> CountedWindow:
    """Read what the counters of a store counted over a window; the sum of all is the metric's count.

    ``weekdays_only`` tells days by weekday and weekend alone, for windows of which one's calendar is not known.
    """
    watched = facts.watched_by(metric)
    found = series_room.fetch(c, facts, watched)
    calendar = Calendar.of(facts)
    inputs = Inputs(
        window=facts.window,
        days=calendar.days,
        midnights_us=calendar.midnights_us,
        opening=calendar.opening,
        wanted=facts.window.spans,
        series=tuple(found[each] for each in watched),
    )
    hours = local_hours(facts.window)
    start = np.maximum(hours.start_us, facts.window.start_us)
    end = np.minimum(hours.end_us, facts.window.end_us)
    counters: dict[Counter, dict[str, Int64]] = {}
    for counter in doors(inputs, DIRECTIONS[metric.name]):
        source = counter.source
        of_one = counters.setdefault(
            (source.device, source.channel, source.point_id),
            {name: np.zeros(start.size, np.int64) for name in _HOUR_ROWS},
        )
        for name, values in _by_hour(counter, facts, start, end).items():
            of_one[name] += values
    return CountedWindow(
        facts=facts,
        result=measure_facts(c, [metric], facts, found).results[metric.name],
        hour=hours.hour,
        day=_whole_days(start, facts),
        day_type=_day_types(start, facts, weekdays_only),
        length_us=end - start,
        open_us=calendar.opening.measure(start, end),
        counters=counters,
    )


def _by_hour(counter: DoorCounts, facts: Facts, start_us: Int64, end_us: Int64) -> dict[str, Int64]:
    slots = counter.slots.within(facts.window.start_us, facts.window.end_us)
    count = np.zeros(start_us.size, np.int64)
    # A slot counts in the hour in which it begins, as it counts in the window in which it begins.
    np.add.at(count, np.searchsorted(start_us, slots.start_us, side="right") - 1, slots.whole())
    registered = counter.source.registered.intersect(facts.window.spans)
    seen = registered.intersect(counter.source.accounted(counter.slots))
    return {
        "count": count,
        "due_us": registered.measure(start_us, end_us),
        "seen_us": seen.measure(start_us, end_us),
    }


def _whole_days(start_us: Int64, facts: Facts) -> Int64:
    window, bounds_us = facts.window, local_days(facts.window).bounds_us
    day = np.searchsorted(bounds_us, start_us, side="right") - 1
    whole = (bounds_us[day] >= window.start_us) & (bounds_us[day + 1] <= window.end_us)
    return np.where(whole, day, -1)


def _day_types(start_us: Int64, facts: Facts, weekdays_only: bool) -> Int64:
    local_day = (start_us + utc_offset_us(start_us, facts.window.time_zone)) // DAY_US
    days, index = np.unique(local_day, return_inverse=True)
    codes = [_code((EPOCH + timedelta(days=day)).date(), weekdays_only) for day in days.tolist()]
    return np.array(codes, np.int64)[index]


def _code(on: date, weekdays_only: bool) -> int:
    if weekdays_only:
        return _CODES[DayType.WEEKEND if on.weekday() >= SATURDAY else DayType.WORKDAY]
    return _CODES[day_of(on).day_type]
