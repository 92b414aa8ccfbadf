"""In and out swapped: people would leave a store before they come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.detection.like_slots import members
from analytics.metrics.spans import Float64, Int64


@dataclass(frozen=True, slots=True)
class Direction:
    """Days on which more time was spent inside than owed, days of the opposite, and the opposite's probability.

    ``p_value`` is the probability of as many days of the opposite if either were as likely; 1 without days.
    """

    right_days: int
    swapped_days: int
    p_value: float


def direction(entries: Float64, exits: Float64, day: Int64) -> Direction:
    """Return whether entries and exits seem to be swapped, over all perimeter doors of a store.

    Parameters
    ----------
    entries, exits
        float64, persons a slot, in order of time; slots where either is no count are left out.
    day
        int64, the local day of each slot, on which nobody is inside at its start and its end.

    Returns
    -------
    Direction
        A day's sign is that of the person-time between the walk of sum(in - out) and the straight line to its end, so
        that a counter that misses one direction more than the other does not decide it; a day without any is left out.

    Notes
    -----
    Who comes in leaves later, so the walk arches over its chord; swapped, it hangs below. The sign test over days is
    exact: P(B >= swapped days), B binomial with n days and one half (Dixon and Mood 1946).

    Examples
    --------
    >>> came, left = np.array([5.0, 0.0, 0.0, 5.0, 0.0, 0.0]), np.array([0.0, 0.0, 5.0, 0.0, 0.0, 5.0])
    >>> day = np.array([0, 0, 0, 1, 1, 1])
    >>> direction(came, left, day).right_days, direction(left, came, day).p_value
    (2, 0.25)
    """
    from scipy import stats  # noqa: PLC0415 - it takes its time, and most commands need none of it

    known = np.isfinite(entries) & np.isfinite(exits)
    net = entries[known] - exits[known]
    areas = [_arch(net[places]) for places in members(day[known])]
    right, swapped = sum(area > 0 for area in areas), sum(area < 0 for area in areas)
    p_value = float(stats.binom.sf(swapped - 1, right + swapped, 0.5))
    return Direction(right, swapped, p_value)


def _arch(net: Float64) -> float:
    walk = np.cumsum(net)
    chord = walk[-1] * np.arange(1, walk.size + 1) / walk.size
    return float(np.sum(walk - chord))
