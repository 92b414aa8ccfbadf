"""What whole days tell of a footfall: how many come on a day, and whether two windows differ by more than days do."""

from __future__ import annotations

from math import isfinite

import numpy as np

from analytics.comparison.answer import Bounded
from analytics.explain.answer import DayRateChange
from analytics.explain.reading import CountedWindow
from analytics.metrics.intervals import LEVEL
from analytics.metrics.overdispersion import dispersion, rate_interval
from analytics.metrics.period_comparison import Period, compare_periods
from analytics.metrics.spans import Bool, Int64
from analytics.results import Interval


def day_totals(window: CountedWindow) -> Period:
    """Return what was counted on each whole local day of which nothing is missing, with the day's type."""
    hours, inside = window.for_counters(window.counters), window.day >= 0
    days, place = np.unique(window.day[inside], return_inverse=True)
    counted = _by_day(hours.count, inside, place)
    complete = _by_day(hours.due_us - hours.seen_us, inside, place) == 0
    day_type = window.day_type[inside][np.searchsorted(window.day[inside], days)]
    return Period.of(counted[complete], day_type=day_type[complete])


def _by_day(of_counters: Int64, inside: Bool, place: Int64) -> Int64:
    """Sum (counters, hours) over all counters and the hours of each day."""
    total = of_counters.sum(axis=0, dtype=np.int64)[inside]
    return np.bincount(place, weights=total).astype(np.int64)


def per_day(days: Period) -> Bounded | None:
    """Return the mean of a day, with its quasi-Poisson interval where like days tell how much days differ."""
    if days.amount.size == 0:
        return None
    found, total, number = dispersion(days.amount, days.day_type), float(days.amount.sum()), float(days.amount.size)
    interval = None
    if found is not None:
        factor = max(found.factor, 1.0)
        low, high = rate_interval(total, number, factor, LEVEL, found.freedom)
        method = f"quasi-Poisson, dispersion {factor:.3g} of day totals, {found.freedom} degrees of freedom"
        interval = Interval(low=low, high=high, level=LEVEL, method=method)
    return Bounded(value=total / number, interval=interval)


def rate_change(now: Period, before: Period) -> DayRateChange | None:
    """Return the mean day now over the mean day before; None where too few days tell how much days differ."""
    found = compare_periods(before, now, LEVEL)
    if found is None or not isfinite(found.high):
        return None
    interval = Interval(low=found.low, high=found.high, level=found.level, method=found.method)
    return DayRateChange(
        ratio=Bounded(value=found.ratio, interval=interval),
        told_apart=found.told_apart,
        days_now=now.amount.size,
        days_before=before.amount.size,
    )
