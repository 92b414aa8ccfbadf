"""How much a rate has changed from one period to another, and how sure that is.

Sources: as for ``overdispersion`` and ``resampling``; T. Hesterberg, What teachers should know about the bootstrap, Am.
Stat. 69 (2015) 371, section 5 (expanded percentiles: a bootstrap of few days is too narrow). Days are the unit: their
totals differ by more than Poisson's noise, and that they do is what tells a change from chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from analytics.metrics.overdispersion import Dispersion, dispersion, rate_ratio_interval, spread
from analytics.metrics.resampling import SEED, by_day
from analytics.metrics.spans import Float64, Int64

LEAST_DAYS_TO_DRAW = 14
"""Days of each period from which on days are drawn; of fewer, draws are too few to show their tails."""


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """Totals of the local days of a period: of what is counted, and of the time or visitors that it relates to.

    Parameters
    ----------
    amount
        (n,) total of each day.
    exposure
        (n,) what the rate is per: hours observed, visitors, 1 for a day; above 0.
    day_type
        (n,) integer labels of like days.
    """

    amount: Float64
    exposure: Float64
    day_type: Int64

    @classmethod
    def of(cls, amount: ArrayLike, exposure: ArrayLike | None = None, day_type: ArrayLike | None = None) -> Period:
        """Return a period; by default the rate is per day and all days are alike."""
        total = np.asarray(amount, dtype=np.float64)
        per = np.ones_like(total) if exposure is None else np.asarray(exposure, dtype=np.float64)
        label = np.zeros(total.size, dtype=np.int64) if day_type is None else np.asarray(day_type, dtype=np.int64)
        if per.size and per.min() <= 0:
            msg = "the exposure of a day must be above 0: leave a day out that saw nothing"
            raise ValueError(msg)
        return cls(total, per, label)

    @property
    def rate(self) -> float:
        """Ratio of sums."""
        return float(self.amount.sum() / self.exposure.sum())


@dataclass(frozen=True, slots=True)
class Comparison:
    """The later rate over the earlier one, with its interval."""

    ratio: float
    low: float
    high: float
    level: float
    method: str

    @property
    def told_apart(self) -> bool:
        """Whether the interval excludes that nothing has changed."""
        return not self.low <= 1 <= self.high


def compare_periods(before: Period, now: Period, level: float = 0.95) -> Comparison | None:
    """Return how a rate has changed between two periods that don't overlap.

    Returns
    -------
    Comparison or None
        None where a period has no day or nothing was counted before, or no two like days tell how days differ.

    Notes
    -----
    Of ``LEAST_DAYS_TO_DRAW`` days each: bootstrap by day (BCa), drawn within period and day type, its ends widened
    as Student's quantile and the days' number in their strata ask for. Of fewer:
    quasi-Poisson, for amounts that are counts, the dispersion (at least Poisson's) being that of day totals at their
    exposures among like days of one period, with Student's quantile.
    A change of the mix of day types is part of the change: compare like with like.

    Examples
    --------
    >>> change = compare_periods(Period.of([100, 120, 110, 90]), Period.of([150, 140, 165, 145]))
    >>> round(change.ratio, 3), round(change.low, 2), round(change.high, 2), change.told_apart
    (1.429, 1.21, 1.69, True)
    """
    if min(before.amount.size, now.amount.size) == 0 or before.amount.sum() <= 0:
        return None
    ratio = now.rate / before.rate
    strata = _strata(before, now)
    freedom = strata.size - np.unique(strata).size
    if min(before.amount.size, now.amount.size, freedom) >= LEAST_DAYS_TO_DRAW:
        wider = _expanded(level, strata.size, freedom)
        drawn = by_day(_side_by_side(before, now), _ratio, wider, strata=strata, seed=SEED)
        return None if drawn is None else Comparison(ratio, drawn.low, drawn.high, level, drawn.method)
    found = _between_days(before, now)
    if found is None:
        return None
    counts = (float(before.amount.sum()), float(now.amount.sum()))
    exposures = (float(before.exposure.sum()), float(now.exposure.sum()))
    factor = max(found.factor, 1.0)
    low, high = rate_ratio_interval(counts, exposures, factor, level, found.freedom)
    method = f"quasi-Poisson, dispersion {factor:.3g} of day totals, {found.freedom} degrees of freedom"
    return Comparison(ratio, low, high, level, method)


def _expanded(level: float, days: int, freedom: int) -> float:
    """Return the level at which draws of few days must be read for this level (Hesterberg's expanded interval)."""
    return 2 * NormalDist().cdf(sqrt(days / freedom) * spread(level, freedom)) - 1


def _side_by_side(before: Period, now: Period) -> Float64:
    """Return the days of both as rows, each with nothing in the columns of the other."""
    table = np.zeros((before.amount.size + now.amount.size, 4))
    table[: before.amount.size, 0], table[: before.amount.size, 1] = before.amount, before.exposure
    table[before.amount.size :, 2], table[before.amount.size :, 3] = now.amount, now.exposure
    return table


def _ratio(sums: Float64) -> Float64:
    return np.asarray(sums[..., 2] * sums[..., 1] / (sums[..., 3] * sums[..., 0]), dtype=np.float64)


def _strata(before: Period, now: Period) -> Int64:
    return np.concatenate([2 * before.day_type, 2 * now.day_type + 1])


def _between_days(before: Period, now: Period) -> Dispersion | None:
    """Return the dispersion of day totals, at the mean exposure, among like days of one period."""
    amount, exposure = (np.concatenate([getattr(p, n) for p in (before, now)]) for n in ("amount", "exposure"))
    return dispersion(amount / exposure * exposure.mean(), _strata(before, now))
