"""Bootstrap by whole local days: intervals of whatever is computed from sums over days.

Counts within a day hang together (a fair, rain, a school holiday), so days are drawn, never slots or visitors.

Sources: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 (percentile) and 14 (BCa);
A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application, 1997, section 3.2 (strata).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike

from analytics.metrics.spans import Float64, Int64

SEED = 20_260_101
"""Fixed, so that whoever computes an interval again gets the same one."""
RESAMPLES = 9_999
_AT_ONCE = 1_000_000
"""Draws that are held in memory at once."""

Statistic = Callable[[Float64], Float64]
"""From sums (..., k) over drawn days to a figure (...)."""


class Correction(StrEnum):
    """How the ends are read off the resampled figures."""

    PERCENTILE = "percentile"
    BCA = "BCa"
    """Bias-corrected and accelerated."""


@dataclass(frozen=True, slots=True)
class Resampled:
    """A figure with its bootstrap interval, and everything that is needed to draw it again."""

    value: float
    low: float
    high: float
    level: float
    correction: Correction
    days: int
    resamples: int
    seed: int

    @property
    def method(self) -> str:
        """How the interval was made, in words."""
        return f"bootstrap of {self.days} days, {self.correction}, {self.resamples} resamples, seed {self.seed}"


def by_day(  # noqa: PLR0913 - what is drawn, and how, each with its usual value
    days: ArrayLike,
    statistic: Statistic,
    level: float = 0.95,
    *,
    correction: Correction = Correction.BCA,
    strata: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Resampled | None:
    """Return the bootstrap interval of a figure made of sums over days.

    Parameters
    ----------
    days
        (n,) or (n, k) totals of each day, or of each store-day of a district; what belongs to one day in one row.
    statistic
        Function of sums over days (..., k), vectorised over the leading axes: a total is ``sums[..., 0]``, a ratio of
        sums ``sums[..., 0] / sums[..., 1]``.
    level
        Confidence level.
    correction
        Percentile or BCa.
    strata
        (n,) labels; days are drawn within each (a store of a district, a day type), so that each keeps its number.
    resamples, seed
        How many times the days are drawn, and the generator's seed.

    Returns
    -------
    Resampled or None
        None where there are fewer than two days, or a resample has no figure (a ratio to nothing).

    Notes
    -----
    BCa's acceleration from the jackknife over days; ties of the bias correction count half.

    Examples
    --------
    >>> drawn = by_day([3.0, 5.0, 4.0, 6.0], lambda sums: sums[..., 0] / 4)
    >>> drawn.value, drawn.low, drawn.high
    (4.5, 3.5, 5.5)
    """
    table = np.asarray(days, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    n = table.shape[0]
    if n < 2:
        return None
    groups = _groups(n, strata)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(table.sum(axis=0)))
        drawn = statistic(_sums(table, groups, resamples, np.random.default_rng(seed)))
        ends = np.array([(1 - level) / 2, (1 + level) / 2])
        if correction is Correction.BCA:
            ends = _accelerated(ends, drawn, value, statistic(table.sum(axis=0) - table))
        low, high = np.quantile(drawn, ends) if np.isfinite(ends).all() else (np.nan, np.nan)
    if not (isfinite(value) and isfinite(low) and isfinite(high)):
        return None
    return Resampled(value, float(low), float(high), level, correction, n, resamples, seed)


def _groups(n: int, strata: ArrayLike | None) -> list[Int64]:
    if strata is None:
        return [np.arange(n, dtype=np.int64)]
    label = np.unique(np.asarray(strata), return_inverse=True)[1].reshape(-1)
    return [np.flatnonzero(label == each).astype(np.int64) for each in range(label.max() + 1)]


def _sums(table: Float64, groups: list[Int64], resamples: int, rng: np.random.Generator) -> Float64:
    """Return the sums over drawn days, (resamples, k): how often each day was drawn, times the days."""
    sums = np.zeros((resamples, table.shape[1]))
    for members in groups:
        size = members.size
        step = max(1, _AT_ONCE // size)
        for first in range(0, resamples, step):
            number = min(step, resamples - first)
            which = rng.integers(0, size, (number, size)) + size * np.arange(number)[:, None]
            times = np.bincount(which.ravel(), minlength=number * size).reshape(number, size)
            sums[first : first + number] += times @ table[members]
    return sums


def _accelerated(ends: Float64, drawn: Float64, value: float, without_one: Float64) -> Float64:
    """Return the quantiles that BCa reads in place of these."""
    from scipy.special import ndtr, ndtri  # noqa: PLC0415 - slow to import, and few commands need it

    share = ((drawn < value).mean() + (drawn <= value).mean()) / 2
    bias = ndtri(share)
    influence = without_one.mean() - without_one
    scale = (influence**2).sum() ** 1.5
    acceleration = (influence**3).sum() / (6 * scale) if scale > 0 else 0.0
    z = bias + ndtri(ends)
    return np.asarray(ndtr(bias + z / (1 - acceleration * z)), dtype=np.float64)
