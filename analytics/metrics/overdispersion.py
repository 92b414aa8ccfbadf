"""Over-dispersed counts: how much more they vary than Poisson's, and intervals of rates that allow for it.

People come in parties and on good days: the variance of real counts is a multiple of their mean, and a Poisson interval
is too narrow by its root. Quasi-Poisson keeps the mean and lets the variance be ``factor`` times it.

Sources: P. McCullagh and J. A. Nelder, Generalized Linear Models, 2nd ed. 1989, sections 6.2 and 9.2 (Pearson's
estimate of the dispersion); E. B. Wilson 1927 for the score interval of a share, here of effective numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import ArrayLike

from analytics.metrics.intervals import quantile
from analytics.metrics.spans import Int64


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Variance ÷ mean of counts within cells of like time."""

    factor: float
    """Pearson's estimate over all cells; 1 is Poisson's."""
    median: float
    """Median of the cells' own variance ÷ mean."""
    cells: int
    freedom: int
    """Degrees of freedom of ``factor``: counts less cells."""


def cells_of(day_type: ArrayLike, slot: ArrayLike) -> Int64:
    """Return a number for each (day type, slot of the day), the cell in which a count has its like.

    Examples
    --------
    >>> cells_of([0, 0, 1, 0], [3, 4, 3, 3]).tolist()
    [0, 1, 2, 0]
    """
    kind, place = np.asarray(day_type, dtype=np.int64), np.asarray(slot, dtype=np.int64)
    pair = kind * (int(place.max(initial=0)) + 1) + place
    return np.asarray(np.unique(pair, return_inverse=True)[1].reshape(-1), dtype=np.int64)


def dispersion(counts: ArrayLike, cell: ArrayLike, least_mean: float = 0.0) -> Dispersion | None:
    """Return how far counts are over-dispersed within cells.

    Parameters
    ----------
    counts
        (n,) counts of slots of equal length; missing slots are left out, never 0.
    cell
        (n,) integer labels of cells, see ``cells_of``.
    least_mean
        Cells whose mean is not above this are left out: a shop that is shut varies not at all.

    Returns
    -------
    Dispersion or None
        None where no cell has two counts and a mean above ``least_mean``.

    Notes
    -----
    factor = sum over cells of (y - mean)^2 / mean, over the degrees of freedom: Pearson's chi-square of the saturated
    Poisson model of the cells, which is the ``scale`` of that generalised linear model.

    Examples
    --------
    >>> dispersion([2, 6, 1, 3], [0, 0, 1, 1])
    Dispersion(factor=1.5, median=1.5, cells=2, freedom=2)
    """
    y = np.asarray(counts, dtype=np.float64)
    label = np.unique(np.asarray(cell), return_inverse=True)[1].reshape(-1)
    number = np.bincount(label)
    mean = np.bincount(label, weights=y) / np.maximum(number, 1)
    squares = np.bincount(label, weights=(y - mean[label]) ** 2)
    told = (number >= 2) & (mean > least_mean) & (mean > 0)
    freedom = int((number[told] - 1).sum())
    if freedom == 0:
        return None
    ratio = squares[told] / mean[told]
    return Dispersion(
        float(ratio.sum() / freedom), float(np.median(ratio / (number[told] - 1))), int(told.sum()), freedom
    )


def spread(level: float, freedom: float | None) -> float:
    """Return the quantile of a two-sided interval: Student's with these degrees of freedom, the normal one for None.

    Examples
    --------
    >>> round(spread(0.95, 10), 6), round(spread(0.95, None), 6)
    (2.228139, 1.959964)
    """
    if freedom is None:
        return quantile(level)
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import, and few commands need it

    return float(stdtrit(freedom, 0.5 + level / 2))


def rate_interval(
    count: float, exposure: float, factor: float, level: float = 0.95, freedom: float | None = None
) -> tuple[float, float]:
    """Return the quasi-Poisson interval of a rate.

    Parameters
    ----------
    count
        What was counted, at least 0.
    exposure
        Over how much: hours, days, square metres; above 0.
    factor
        Dispersion, above 0.
    level
        Confidence level of the two-sided interval.
    freedom
        Degrees of freedom of the dispersion where it was estimated; None: it is known.

    Returns
    -------
    tuple of float
        (low, high) per unit of exposure, low at least 0.

    Notes
    -----
    Score interval: the means mu with |count - mu| <= z sqrt(factor mu). It holds for a count of 0, too.

    Examples
    --------
    >>> [round(end, 4) for end in rate_interval(100, 10, 2.76)]
    [7.2311, 13.8291]
    """
    if count < 0 or exposure <= 0 or factor <= 0:
        msg = f"a rate needs count >= 0, exposure > 0 and factor > 0, not {count}, {exposure}, {factor}"
        raise ValueError(msg)
    square = spread(level, freedom) ** 2 * factor
    half = sqrt(square * count + square * square / 4)
    return max(0.0, count + square / 2 - half) / exposure, (count + square / 2 + half) / exposure


def rate_ratio_interval(
    counts: tuple[float, float],
    exposures: tuple[float, float],
    factor: float,
    level: float = 0.95,
    freedom: float | None = None,
) -> tuple[float, float]:
    """Return the quasi-Poisson interval of the second rate over the first.

    Parameters
    ----------
    counts, exposures
        Of the first and of the second; counts at least 0 and not both 0, exposures above 0.
    factor, level, freedom
        As for ``rate_interval``; one dispersion for both.

    Returns
    -------
    tuple of float
        (low, high); high is infinite where the first count doesn't exclude 0.

    Notes
    -----
    Given the sum, the second count is a share of it: Wilson's interval of that share, of sum ÷ factor effective
    trials, turned into a ratio. Exchanging the two inverts the interval exactly.

    Examples
    --------
    >>> [round(end, 4) for end in rate_ratio_interval((100, 150), (7.0, 7.0), 2.0)]
    [1.0508, 2.1413]
    """
    total = counts[0] + counts[1]
    if min(counts) < 0 or total <= 0 or min(exposures) <= 0 or factor <= 0:
        msg = f"a ratio of rates needs counts, not both 0, exposures and a factor above 0, not {counts}, {exposures}"
        raise ValueError(msg)
    share, trials, z = counts[1] / total, total / factor, spread(level, freedom)
    centre = share + z * z / (2 * trials)
    half = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = exposures[0] / exposures[1]
    low = 0.0 if counts[1] == 0 else _odds((centre - half) / (1 + z * z / trials))
    high = inf if counts[0] == 0 else _odds((centre + half) / (1 + z * z / trials))
    return low * scale, high * scale


def _odds(share: float) -> float:
    return share / (1 - share)
