"""What a store's series said in each hour: all that alerts are judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analytics.detection.like_slots import LocalSlots, local_slots
from analytics.increments import fetch_increments
from analytics.metrics.spans import Float64, Int64
from analytics.windows import HOUR_US
from edge.wire.series import Kind, OnChange, Series
from ingest.store.buckets import Measure, SeriesBuckets, fetch_buckets
from ingest.store.connection import Database
from ingest.store.known_series import Key

_WHOLE = 0.999
"""Share of an hour that a register's increments must cover: they are split by time, with rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class SeriesHours:
    """One series by hours: float64 arrays, NaN (``readings``: 0) where nothing was received.

    ``count`` is what was counted in the hour, NaN where it was not received as a whole; ``rounded`` says that the agent
    reports changes alone, so that equal values mean nothing.
    """

    readings: Float64
    least: Float64
    most: Float64
    count: Float64
    kind: Kind
    rounded: bool

    @classmethod
    def none(cls, hours: int, kind: Kind, *, rounded: bool) -> SeriesHours:
        """Return a series without a reading."""
        least, most, count = (np.full(hours, np.nan) for _ in range(3))
        return cls(np.zeros(hours), least, most, count, kind, rounded)


@dataclass(frozen=True, slots=True, eq=False)
class StoreHours:
    """The hours of a store: their starts (int64 µs), where they lie on its clock, and its series by key."""

    start_us: Int64
    slots: LocalSlots
    series: Mapping[Key, SeriesHours] = field(default_factory=dict)

    @classmethod
    def of(cls, start_us: Int64, time_zone: str, series: Mapping[Key, SeriesHours]) -> StoreHours:
        """Place hours on a store's clock."""
        return cls(start_us, local_slots(start_us, HOUR_US, time_zone), series)


def read_hours(c: Database, keys: Sequence[Key], start_us: int, end_us: int, time_zone: str) -> StoreHours:
    """Return what series said in each hour of [start, end), whole hours in µs since 1970.

    Raises
    ------
    ingest.store.retention.ReadingsRemovedError
        Buckets of that time can't answer, and its readings are removed.
    """
    bounds = np.arange(start_us, end_us + 1, HOUR_US, dtype=np.int64)
    hours = bounds.size - 1
    found: dict[Key, SeriesHours] = {}
    wanted = (Measure.N, Measure.SUM, Measure.MIN, Measure.MAX)
    for part in fetch_buckets(c, keys, bounds, wanted):
        key = part.device, part.quantity, part.channel
        series = found.setdefault(key, _empty(part, hours))
        _add(series, part)
    for increments in fetch_increments(c, keys, start_us, end_us):
        of = increments.series
        key = of.device, of.quantity, of.channel
        series = found.setdefault(key, SeriesHours.none(hours, Kind.CUMULATIVE, rounded=False))
        place = (increments.increments.bucket_us - start_us) // HOUR_US
        amount = np.bincount(place, weights=increments.increments.amount, minlength=hours)
        covered = np.bincount(place, weights=increments.increments.covered_us, minlength=hours)
        whole = covered >= _WHOLE * HOUR_US
        series.count[whole] = amount[whole]
    return StoreHours.of(bounds[:-1], time_zone, found)


def _empty(part: SeriesBuckets, hours: int) -> SeriesHours:
    report = Series.model_validate_json(part.definition).report
    return SeriesHours.none(hours, Kind(part.kind), rounded=isinstance(report, OnChange))


def _add(series: SeriesHours, part: SeriesBuckets) -> None:
    """Add what one definition of a series said."""
    at, number = part.interval, part.measures[Measure.N]
    series.readings[at] += number
    series.least[at] = np.fmin(series.least[at], part.measures[Measure.MIN])
    series.most[at] = np.fmax(series.most[at], part.measures[Measure.MAX])
    if part.kind == Kind.INTERVAL and part.period_s is not None:
        whole = number * part.period_s * 1e6 >= HOUR_US
        series.count[at[whole]] = part.measures[Measure.SUM][whole]
