"""Change points: where the level of a series changed for good, by optimal partitioning with pruning (PELT)."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from analytics.metrics.spans import Float64, Int64

_NEVER = np.iinfo(np.int64).max


class Cost(StrEnum):
    """What a segment costs."""

    MEAN = "mean"
    """Squared distances from its mean."""
    RATE = "rate"
    """Twice the negative log-likelihood of Poisson counts of one rate, without what no partition changes."""


def change_points(value: Float64, penalty: float, cost: Cost = Cost.MEAN, least_length: int = 1) -> Int64:
    """Return the places at which a new level begins, ascending.

    Parameters
    ----------
    value
        float64 in order of time; what is not finite, for ``Cost.RATE`` also what is negative, is passed over.
    penalty
        What a further segment must save, in the unit of the cost; ``penalty_of`` gives a usual one.
    cost
        ``Cost.MEAN`` for amounts, ``Cost.RATE`` for counts.
    least_length
        Fewest values of a segment.

    Returns
    -------
    Int64
        Indices into ``value``; empty where the level never changes.

    Notes
    -----
    Minimises the sum of the segments' costs plus a penalty for each segment, exactly: F(t) = min over s of
    F(s) + C(s, t) + penalty, without the s that can't be the last change any more (PELT: Killick, Fearnhead and Eckley
    2012). With a least length, an s that is beaten at t may still be needed until t + least length, so it is dropped
    only then.

    Examples
    --------
    >>> change_points(np.array([1.0, 1.2, 0.9, 5.0, 5.1, 4.8]), penalty=1.0).tolist()
    [3]
    """
    usable = np.isfinite(value) & ((value >= 0) | (cost is Cost.MEAN))
    places = np.flatnonzero(usable)
    known = value[places]
    if known.size < 2 * least_length:
        return np.zeros(0, dtype=np.int64)
    if cost is Cost.MEAN:
        known = known - known.mean()  # sums of squares lose less so
    return places[_partition(known, penalty, cost, least_length)].astype(np.int64)


def _partition(known: Float64, penalty: float, cost: Cost, least_length: int) -> Int64:
    sums, squares = (np.concatenate(([0.0], np.cumsum(part))) for part in (known, known**2))
    best = np.full(known.size + 1, np.inf)
    best[0] = -penalty
    last = np.zeros(known.size + 1, dtype=np.int64)
    starts, dropped_from = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    for end in range(least_length, known.size + 1):
        newest = end - least_length
        if np.isfinite(best[newest]):
            starts, dropped_from = np.append(starts, newest), np.append(dropped_from, _NEVER)
        size, total = end - starts, sums[end] - sums[starts]
        costs = best[starts] + _cost(cost, size, total, squares[end] - squares[starts])
        chosen = int(np.argmin(costs))
        best[end], last[end] = costs[chosen] + penalty, starts[chosen]
        beaten = costs > best[end]
        dropped_from = np.where(beaten, np.minimum(dropped_from, end + least_length), dropped_from)
        kept = dropped_from > end + 1
        starts, dropped_from = starts[kept], dropped_from[kept]
    return _changes(last, known.size)


def _cost(cost: Cost, size: Int64, total: Float64, squares: Float64) -> Float64:
    if cost is Cost.MEAN:
        return squares - total**2 / size
    counts = np.where(total > 0, total, size)  # a segment of zeros costs nothing
    return -2.0 * counts * np.log(counts / size)


def _changes(last: Int64, end: int) -> Int64:
    found = []
    while (end := int(last[end])) > 0:
        found.append(end)
    return np.array(found[::-1], dtype=np.int64)


def penalty_of(value: Float64, cost: Cost = Cost.MEAN) -> float:
    """Return a usual penalty: that of Schwarz's criterion for a level and its place, 2 log n, in units of the noise.

    Parameters
    ----------
    value
        float64 in order of time.
    cost
        The cost that the penalty is for.

    Returns
    -------
    float
        For ``Cost.MEAN`` in squared units of the value, for ``Cost.RATE`` a number; 0 for fewer than three values.

    Notes
    -----
    The noise is measured on differences of neighbours, which a change of level touches once: variance = (1.4826 median
    absolute difference)² / 2 for a mean; for a rate the over-dispersion, half of the mean squared difference ÷ mean,
    at least 1.

    Examples
    --------
    >>> round(penalty_of(np.array([0.0, 1.0, 0.0, 1.0, 0.0])), 3)
    3.538
    """
    known = value[np.isfinite(value)]
    if known.size < 3:
        return 0.0
    steps = np.diff(known)
    if cost is Cost.MEAN:
        noise = (1.482602218505602 * float(np.median(np.abs(steps)))) ** 2 / 2
    else:
        noise = max(1.0, float(np.mean(steps**2)) / 2 / max(float(np.mean(known)), 1e-9))
    return 2.0 * float(np.log(known.size)) * noise
