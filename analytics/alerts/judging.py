"""Which hours of a store call for an alert: each detector over what its series said, under the thresholds in force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from analytics.alerts.store_hours import SeriesHours, StoreHours
from analytics.alerts.thresholds import Thresholds
from analytics.detection.count_tail import expected, tails
from analytics.detection.direction import direction
from analytics.detection.like_slots import like_groups
from analytics.detection.plausibility import out_of_range
from analytics.detection.stuck import stuck
from analytics.metrics.spans import Bool, Float64, Int64
from analytics.windows import HOUR_US
from edge.wire.series import Kind
from ingest.store.known_series import Key

BASELINE_DAYS = 28
"""Days before the judged one whose like hours say what is expected."""
DIRECTION_DAYS = 7
COUNTED = frozenset({"entries", "exits", "passages"})
LIVELY = frozenset(
    "temperature relative_humidity carbon_dioxide volatile_organics air_pressure voltage frequency".split()
)
"""Quantities that a working sensor never reports without change for hours."""
RANGED = frozenset({"temperature", "relative_humidity", "carbon_dioxide", "power_factor", "battery"})
JUDGED = COUNTED | LIVELY | RANGED
_LEAST_READINGS = 4


class Detector(StrEnum):
    """What finds an alert."""

    COUNT_HIGH = "count_high"
    COUNT_LOW = "count_low"
    OUT_OF_RANGE = "out_of_range"
    STUCK = "stuck"
    SWAPPED = "swapped"


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a detector says of one subject: by hour whether it is flagged, what was measured, and what was expected."""

    detector: Detector
    subject: str
    flagged: Bool
    measured: Float64
    expected: Float64


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """The hours to judge from the place ``first`` on, those before it to look back on, and the store's thresholds."""

    hours: StoreHours
    thresholds: Thresholds
    first: int

    @property
    def day(self) -> Int64:
        """The local day of each hour."""
        return self.hours.slots.day

    @property
    def judged_days(self) -> list[int]:
        """The local days that have hours to judge."""
        days: list[int] = np.unique(self.day[self.first :]).tolist()
        return days

    def threshold(self, name: str) -> Float64:
        """Return the value of a threshold in force at each hour."""
        return self.thresholds.by_day(name, self.day)

    def flagged(self, hours: Bool) -> Bool:
        """Return which of these are to be judged."""
        return hours & (np.arange(hours.size) >= self.first)


def subject_of(key: Key) -> str:
    """Return how an alert names a series."""
    return "/".join(key)


def judge(asked: Question) -> Iterator[Judged]:
    """Yield what each detector says of each series.

    Parameters
    ----------
    asked
        The hours to judge, and before them as many as detectors look back on: ``BASELINE_DAYS``.

    Yields
    ------
    Judged
        Arrays over all the hours.
    """
    for key, series in sorted(asked.hours.series.items()):
        if key[1] in COUNTED:
            yield from _of_counts(key, series, asked)
        if key[1] in RANGED:
            yield _of_range(key, series, asked)
        if key[1] in LIVELY and series.kind is Kind.GAUGE and not series.rounded:
            yield _of_standstill(key, series, asked)
        exits = asked.hours.series.get((key[0], "exits", key[2]))
        if key[1] == "entries" and exits is not None:
            yield _of_direction(key, series.count, exits.count, asked)


def _of_counts(key: Key, series: SeriesHours, asked: Question) -> Iterator[Judged]:
    size = series.count.size
    group = like_groups(asked.hours.slots.weekend, asked.hours.slots, HOUR_US)
    upper, lower, mean = (np.full(size, np.nan) for _ in range(3))
    for day in asked.judged_days:
        of_day = np.flatnonzero(asked.day == day)
        known = (asked.day < day) & (asked.day >= day - BASELINE_DAYS)
        like = expected(np.where(known, series.count, np.nan), group)
        found = tails(series.count, like)
        upper[of_day], lower[of_day], mean[of_day] = found.upper[of_day], found.lower[of_day], like.mean[of_day]
    for detector, probability in ((Detector.COUNT_HIGH, upper), (Detector.COUNT_LOW, lower)):
        flagged = asked.flagged(probability < asked.threshold(f"{detector}.alpha"))
        yield Judged(detector, subject_of(key), flagged, series.count, mean)


def _of_range(key: Key, series: SeriesHours, asked: Question) -> Judged:
    least, most = (asked.threshold(f"out_of_range.{key[1]}_{end}") for end in ("least", "most"))
    flagged = out_of_range(series.least, least, most) | out_of_range(series.most, least, most)
    flagged &= series.readings > 0
    below = series.least < least
    measured, bound = np.where(below, series.least, series.most), np.where(below, least, most)
    return Judged(Detector.OUT_OF_RANGE, subject_of(key), asked.flagged(flagged), measured, bound)


def _of_standstill(key: Key, series: SeriesHours, asked: Question) -> Judged:
    flat = (series.readings >= _LEAST_READINGS) & (series.least == series.most)
    value = np.where(flat, series.least, np.nan)
    needed_h, start_us = asked.threshold("stuck.least_h"), asked.hours.start_us
    flagged = np.zeros(value.size, dtype=np.bool_)
    for hour in np.unique(needed_h).tolist():
        # An hour that begins within a standstill, its last one included, lies in it.
        runs = stuck(start_us, value, round((hour - 1) * HOUR_US), HOUR_US, least_readings=1)
        inside = np.zeros(value.size, dtype=np.bool_)
        for begin_us, last_us in runs.pairs():
            inside |= (start_us >= begin_us) & (start_us <= last_us)
        flagged |= inside & (needed_h == hour)
    return Judged(Detector.STUCK, subject_of(key), asked.flagged(flagged), series.least, np.full(value.size, np.nan))


def _of_direction(key: Key, entries: Float64, exits: Float64, asked: Question) -> Judged:
    day = asked.day
    flagged, reversed_days = np.zeros(day.size, dtype=np.bool_), np.full(day.size, np.nan)
    alpha = asked.threshold("swapped.alpha")
    for each in asked.judged_days:
        before = (day < each) & (day >= each - DIRECTION_DAYS)
        told = direction(entries[before], exits[before], day[before])
        of_day = day == each
        flagged[of_day] = told.p_value < alpha[of_day]
        reversed_days[of_day] = told.swapped_days
    nothing_reversed = np.zeros(day.size)
    return Judged(Detector.SWAPPED, subject_of(key), asked.flagged(flagged), reversed_days, nothing_reversed)
