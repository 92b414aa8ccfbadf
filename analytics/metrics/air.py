"""Air: for how many hours the carbon dioxide was within its limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics.inputs import Bounds, Inputs, Observed, Outcome
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
class HourMeans:
    """Mean, least and greatest reading per hour, and the share of the hour that the readings cover."""

    mean: Float64
    least: Float64
    greatest: Float64
    share: Float64


def hour_means(t_us: Int64, value: Float64, cover: Spans, start_us: Int64, end_us: Int64) -> HourMeans:
    """Return the means of a sampled level over hours.

    Parameters
    ----------
    t_us, value
        Readings in order of time, in the quantity's unit.
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
    The plain mean of the readings whose time is in the hour, as for regular sampling.

    Examples
    --------
    >>> t, ppm = np.array([0, 30, 60]), np.array([400.0, 600.0, 900.0])
    >>> hour_means(t, ppm, Spans.of([(0, 90)]), np.array([0, 60]), np.array([60, 120])).mean.tolist()
    [500.0, 900.0]
    """
    of = np.searchsorted(start_us, t_us, side="right") - 1
    inside = (of >= 0) & (t_us < end_us[np.maximum(of, 0)])
    of, level = of[inside], value[inside]
    number = np.bincount(of, minlength=start_us.size)
    total = np.bincount(of, weights=level, minlength=start_us.size)
    least, greatest = np.full(start_us.size, np.nan), np.full(start_us.size, np.nan)
    np.fmin.at(least, of, level)
    np.fmax.at(greatest, of, level)
    mean = np.divide(total, number, out=np.full(start_us.size, np.nan), where=number > 0)
    return HourMeans(mean, least, greatest, cover.measure(start_us, end_us) / (end_us - start_us))


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
    valid = (hours.share >= VALID_SHARE) & np.isfinite(hours.mean)
    missing = np.clip(1 - hours.share, 0.0, 1.0)
    worst = hours.mean + accuracy + missing * (hours.greatest - hours.mean)
    best = hours.mean - accuracy - missing * (hours.mean - hours.least)
    within = _count(valid & (hours.mean <= limit))
    return Hours(
        _count(valid), within, _count(valid & (worst <= limit)), _count(valid & (best <= limit)), _count(~valid)
    )


def measure(inputs: Inputs) -> Outcome:
    """Return the share of valid zone-hours within the limit, whole local clock hours in opening hours and window.

    Detail: hours_valid, hours_invalid, hours_within, undeclared_accuracy.
    """
    if "carbon_dioxide.store_max" not in inputs.limits:
        return Outcome(None, undefined="no_limit_in_force")
    judged = [_zone(inputs, series) for series in inputs.of("carbon_dioxide")]
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


def _zone(inputs: Inputs, series: Observed) -> Hours:
    hours = local_hours(inputs.window)
    length = hours.end_us - hours.start_us
    due = series.registered.intersect(inputs.opening).measure(hours.start_us, hours.end_us) == length
    start, end = hours.start_us[due], hours.end_us[due]
    t_us = np.concatenate([part.t_us for part in series.parts]) if series.parts else np.zeros(0, dtype=np.int64)
    value = np.concatenate([part.value for part in series.parts]) if series.parts else np.zeros(0)
    means = hour_means(t_us, value, series.cover(), start, end)
    return judge(means, inputs.limits["carbon_dioxide.store_max"], series.accuracy or 0.0)


def _count(which: Bool) -> int:
    return int(which.sum())
