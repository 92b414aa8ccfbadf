"""Air: for how many hours the carbon dioxide was within its limit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from analytics.metrics.holding import held
from analytics.metrics.inputs import Bounds, Inputs, Observed, Outcome, SeriesArrays
from analytics.metrics.spans import Bool, Float64, Int64, Spans
from analytics.windows import local_hours

VALID_SHARE = 0.75
"""An hour is valid with at least 45 minutes of sampling, the rule of GB 3095-2012 for one-hour means of gases."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of one sensor: valid ones, those within the limit as measured, at worst and at best, and the rest."""

    valid: int
    within: int
    surely: int
    possibly: int
    invalid: int


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Readings in order of time (µs), in the quantity's unit, and how much each weighs in a mean."""

    t_us: Int64
    value: Float64
    weight: Float64


@dataclass(frozen=True, slots=True, eq=False)
class HourMeans:
    """Mean, least and greatest reading per hour, and the share of the hour that the readings cover."""

    mean: Float64
    least: Float64
    greatest: Float64
    share: Float64
    start_us: Int64 = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """Starts of the hours."""

    @property
    def valid(self) -> Bool:
        """Which hours have enough readings to be judged."""
        return np.asarray((self.share >= VALID_SHARE) & np.isfinite(self.mean), dtype=np.bool_)


def hour_means(levels: Levels, cover: Spans, start_us: Int64, end_us: Int64) -> HourMeans:
    """Return the means of a level over hours.

    Parameters
    ----------
    levels
        Readings in order of time.
    cover
        Time that the readings cover.
    start_us, end_us
        Hours, sorted and disjoint, µs.

    Returns
    -------
    HourMeans
        float64 arrays, one element an hour; NaN where an hour has no reading.

    Notes
    -----
    The mean of the readings whose time is in the hour: plain for regular sampling, and by the time for which each
    holds where a rule reported them on change or by windows.

    Examples
    --------
    >>> levels = Levels(np.array([0, 30, 60]), np.array([400.0, 600.0, 900.0]), np.ones(3))
    >>> hour_means(levels, Spans.of([(0, 90)]), np.array([0, 60]), np.array([60, 120])).mean.tolist()
    [500.0, 900.0]
    """
    of = np.searchsorted(start_us, levels.t_us, side="right") - 1
    inside = (of >= 0) & (levels.t_us < end_us[np.maximum(of, 0)])
    of, level, weight = of[inside], levels.value[inside], levels.weight[inside]
    number = np.bincount(of, weights=weight, minlength=start_us.size)
    total = np.bincount(of, weights=level * weight, minlength=start_us.size)
    least, greatest = np.full(start_us.size, np.nan), np.full(start_us.size, np.nan)
    np.fmin.at(least, of, level)
    np.fmax.at(greatest, of, level)
    mean = np.divide(total, number, out=np.full(start_us.size, np.nan), where=number > 0)
    return HourMeans(mean, least, greatest, cover.measure(start_us, end_us) / (end_us - start_us), start_us)


def judge(hours: HourMeans, limit: float, accuracy: float) -> Hours:
    """Return how many hours were within a limit (mean <= limit).

    Parameters
    ----------
    hours
        Means per hour.
    limit, accuracy
        Limit of the one-hour mean and the device's greatest error, in the quantity's unit.

    Notes
    -----
    Surely within: also if every reading was too low by the accuracy, and the minutes without readings were at the
    hour's greatest reading. Possibly within: likewise the other way.

    Examples
    --------
    >>> one = np.ones(3)
    >>> judge(HourMeans(np.array([900.0, 1490.0, 1600.0]), 0 * one, 2000 * one, one), 1500, 50)
    Hours(valid=3, within=2, surely=1, possibly=2, invalid=0)
    """
    valid = hours.valid
    missing = np.clip(1 - hours.share, 0.0, 1.0)
    worst = hours.mean + accuracy + missing * (hours.greatest - hours.mean)
    best = hours.mean - accuracy - missing * (hours.mean - hours.least)
    within = _count(valid & (hours.mean <= limit))
    return Hours(
        _count(valid), within, _count(valid & (worst <= limit)), _count(valid & (best <= limit)), _count(~valid)
    )


def measure(inputs: Inputs) -> Outcome:
    """Return the share of valid zone-hours within the shops' limit, whole local hours in opening hours and window.

    Detail: hours_valid, hours_invalid, hours_within, undeclared_accuracy.
    """
    return _carbon_dioxide(inputs, "carbon_dioxide.store_max")


def measure_indoor(inputs: Inputs) -> Outcome:
    """Return the same share against the limit of rooms where people live and work; detail as for the shops' limit."""
    return _carbon_dioxide(inputs, "carbon_dioxide.indoor_max")


def _carbon_dioxide(inputs: Inputs, limit: str) -> Outcome:
    if limit not in inputs.limits:
        return Outcome(None, undefined="no_limit_in_force")
    judged = [
        judge(zone_hours(inputs, series), inputs.limits[limit], series.error) for series in inputs.of("carbon_dioxide")
    ]
    valid, within, surely, possibly, invalid = (
        sum(getattr(h, name) for h in judged) for name in ("valid", "within", "surely", "possibly", "invalid")
    )
    undeclared = sorted({s.device for s in inputs.of("carbon_dioxide") if s.accuracy is None})
    detail = {
        "hours_valid": valid,
        "hours_invalid": invalid,
        "hours_within": within,
        "undeclared_accuracy": undeclared,
    }
    if valid == 0:
        return Outcome(None, detail=detail, undefined="no_valid_hour")
    every = valid + invalid
    bounds = Bounds(surely / every, (possibly + invalid) / every, None, "device accuracy; missing hours either way")
    return Outcome(within / valid, bounds, detail)


def zone_hours(inputs: Inputs, series: Observed) -> HourMeans:
    """Return the means of a zone's level over the whole local hours in opening hours, window and its registration."""
    hours = local_hours(inputs.window)
    length = hours.end_us - hours.start_us
    due = series.registered.intersect(inputs.opening).measure(hours.start_us, hours.end_us) == length
    start, end = hours.start_us[due], hours.end_us[due]
    return hour_means(_levels(series, np.union1d(start, end)), series.cover(), start, end)


def _levels(series: Observed, edges_us: Int64) -> Levels:
    """Return the readings of a series, cut at the edges where they weigh by time."""
    parts = [_weighed(part, part.period_us or series.period_us, edges_us, series) for part in series.parts]
    if not parts:
        return Levels(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
    return Levels(
        np.concatenate([part.t_us for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def _weighed(part: SeriesArrays, period_us: int, edges_us: Int64, series: Observed) -> Levels:
    if not series.by_rule:
        return Levels(part.t_us, part.value, np.ones(part.t_us.size))
    t_us, value, held_us = held(part.t_us, part.value, period_us, edges_us)
    return Levels(t_us, value, held_us.astype(np.float64))


def _count(which: Bool) -> int:
    return int(which.sum())
