"""Intervals of ratios of sums: conversion, capture, intensity.

Two questions are kept apart. How far is the ratio of *this* window off the true one, since its sums were miscounted or
have gaps: ``ratio_of_bounds``, from the intervals of the sums. How well do these days tell the rate at which a store
*goes on*: ``fieller``, or ``resampling.by_day``, from the differences between the days.

Sources: E. C. Fieller, Some problems in interval estimation, J. R. Stat. Soc. B 16 (1954) 175; W. G. Cochran, Sampling
Techniques, 3rd ed. 1977, chapter 6 (ratio estimator, delta method); G. Y. Zou and A. Donner 2008 (MOVER, on
logarithms).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, isfinite, log, sqrt

import numpy as np
from numpy.typing import ArrayLike

from analytics.metrics.inputs import Bounds, bounded
from analytics.metrics.overdispersion import spread


@dataclass(frozen=True, slots=True)
class RatioByDay:
    """A ratio of sums over days, with intervals of the rate behind it."""

    value: float
    low: float
    high: float
    """Fieller's; both infinite where the days don't tell the denominator from 0."""
    delta_low: float
    delta_high: float
    """The delta method's, for comparison: symmetric, and close to Fieller's where the denominator varies little."""
    level: float
    days: int

    @property
    def method(self) -> str:
        """How the interval was made, in words."""
        return f"ratio of sums over {self.days} days, Fieller"


def fieller(numerator: ArrayLike, denominator: ArrayLike, level: float = 0.95) -> RatioByDay | None:
    """Return the ratio of two sums over days with Fieller's interval of the underlying ratio of means.

    Parameters
    ----------
    numerator, denominator
        (n,) totals of each local day (or store-day).
    level
        Confidence level; Student's quantile with n - 1 degrees of freedom.

    Returns
    -------
    RatioByDay or None
        None where there are fewer than two days or the denominator sums to 0.

    Notes
    -----
    The ratios r with |mean(y - r x)| <= t s(y - r x) / sqrt(n). Days are taken as independent of each other.

    Examples
    --------
    >>> ratio = fieller([30, 44, 50, 36], [100, 150, 160, 130])
    >>> [round(each, 4) for each in (ratio.value, ratio.low, ratio.high)]
    [0.2963, 0.2669, 0.3197]
    """
    y, x = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    n = y.size
    if n < 2 or x.sum() == 0:
        return None
    value = float(y.sum() / x.sum())
    t = spread(level, n - 1)
    (yy, xy), (_, xx) = np.cov(y, x) * t * t / n
    half = sqrt(max(yy - 2 * value * xy + value * value * xx, 0.0)) / abs(x.mean())
    a, b, c = x.mean() ** 2 - xx, x.mean() * y.mean() - xy, y.mean() ** 2 - yy
    low, high = -inf, inf
    if a > 0:
        root = sqrt(max(b * b - a * c, 0.0))
        low, high = float((b - root) / a), float((b + root) / a)
    return RatioByDay(value, low, high, value - half, value + half, level, n)


def ratio_of_bounds(numerator: Bounds, denominator: Bounds) -> Bounds | None:
    """Return bounds of the true ratio of two sums from bounds of each, both at least 0.

    Parameters
    ----------
    numerator, denominator
        Bounds of the two true sums: confidence intervals of one level, or hard bounds; independent of each other. What
        is known exactly (a feed of receipts, a floor area) has equal ends and no level.

    Returns
    -------
    Bounds or None
        None where the denominator may be 0. Of two confidence intervals: their deviations add as squares on
        logarithms (MOVER), at their level. Where one is hard its ends are taken either way: at the other's level, and
        hard where both are.

    Notes
    -----
    The bounds are of the truth, so a measured ratio may lie outside of them: counters that miss visitors overstate
    what each buys.

    Examples
    --------
    >>> receipts, entries = Bounds(300, 300, None, "receipts"), Bounds(1000, 1200, 0.95, "audits")
    >>> bounds = ratio_of_bounds(receipts, entries)
    >>> bounds.low, bounds.high, bounds.level
    (0.25, 0.3, 0.95)
    """
    if min(numerator.low, denominator.low) < 0:
        msg = f"a ratio of sums needs bounds of at least 0, not {numerator.low:g} and {denominator.low:g}"
        raise ValueError(msg)
    levels = {each.level for each in (numerator, denominator)} - {None}
    if len(levels) > 1:
        msg = f"a ratio needs two intervals of one level, not of {numerator.level:g} and {denominator.level:g}"
        raise ValueError(msg)
    if denominator.low == 0:
        return None
    low, high = numerator.low / denominator.high, numerator.high / denominator.low
    both = numerator.level is not None and denominator.level is not None
    if both and low > 0 and isfinite(low) and isfinite(high):
        centre = (log(low) + log(high)) / 2
        half = sqrt(log(numerator.high / numerator.low) ** 2 + log(denominator.high / denominator.low) ** 2) / 2
        low, high = exp(centre - half), exp(centre + half)
    grounds = "; ".join(dict.fromkeys((numerator.method, denominator.method)))
    return bounded(low, high, next(iter(levels), None), f"ratio of sums: {grounds}")
