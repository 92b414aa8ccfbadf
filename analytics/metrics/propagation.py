"""How missed and falsely counted crossings of entries and exits propagate into occupancy.

A counter shows of N true crossings N (1 - m) + F, so a difference of two sums drifts: its bias grows with N, its noise
with the root of N only.

Sources: G. Y. Zou and A. Donner 2008 (MOVER, difference of sums); B. Efron, Bootstrap methods, Ann. Stat. 7 (1979) 1
(bias of a drawn figure); I. Karatzas and S. Shreve, Brownian Motion and Stochastic Calculus, 1991, section 2.8 (the
maximum of a bridge).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics.intervals import CaptureRate, Spread, quantile, true_spread
from analytics.metrics.spans import Float64, Int64

SEED = 20_260_102
DRAWS = 600

Rates = list[CaptureRate]


def occupancy_spread(came: Int64, left: Int64, rates: tuple[Rates, Rates], level: float) -> Spread:
    """Return the true occupancy behind counts since the reset, each instant on its own.

    Parameters
    ----------
    came, left
        int64 (strata, bins): counted since the reset, by capture rate.
    rates
        Capture rates of the strata of entries and of exits; their intervals are of ``level``.
    level
        Confidence level at each instant.

    Returns
    -------
    Spread
        float64 (bins,); ``ends`` are its interval.

    Notes
    -----
    Entries and exits corrected by their audited rates; audits and thinning noise add as squares.

    Examples
    --------
    >>> rates = [CaptureRate(0.96, 0.95, 0.97, 0.04 / 0.96**2)]
    >>> occupancy_spread(np.array([[480]]), np.array([[384]]), (rates, rates), 0.95).centre.tolist()
    [100.0]
    """
    return true_spread(came, rates[0], level).less(true_spread(left, rates[1], level))


@dataclass(frozen=True, slots=True)
class RawError:
    """Mean and standard deviation of raw occupancy less true occupancy."""

    bias: float
    sd: float


def raw_error(came: Float64, left: Float64, rates: tuple[Rates, Rates]) -> RawError:
    """Return the error to expect of occupancy as it is summed from counts, at known capture rates.

    Parameters
    ----------
    came, left
        True crossings since the reset, by stratum of capture rate.
    rates
        Capture rates of entries and of exits: 1 - m below 1, 1 + false counts per crossing above.

    Notes
    -----
    After N in and N out: bias N (m_out - m_in), sd about sqrt(2 N m (1 - m)).

    Examples
    --------
    >>> rates = [CaptureRate(0.97, 0, 1, 0)], [CaptureRate(0.96, 0, 1, 0)]
    >>> error = raw_error(np.array([1000.0]), np.array([1000.0]), rates)
    >>> round(error.bias, 6), round(error.sd, 3)
    (10.0, 8.216)
    """
    points = [np.array([rate.point for rate in side]) for side in rates]
    bias = float((came * (points[0] - 1)).sum() - (left * (points[1] - 1)).sum())
    variance = sum(
        float((n * np.where(p <= 1, p * (1 - p), p - 1)).sum()) for n, p in zip((came, left), points, strict=True)
    )
    return RawError(bias, float(np.sqrt(variance)))


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Counts since the reset at the start and the end of each of some slots, in order of time.

    ``came`` and ``left`` are int64 (strata, slots, 2); ``day`` tells the slots of each reset, ``factor`` the dispersion
    of entries and of exits between neighbouring slots.
    """

    came: Int64
    left: Int64
    day: Int64
    factor: tuple[float, float]


def peak_interval(walk: Walk, rates: tuple[Rates, Rates], level: float) -> tuple[float, float]:
    """Return the interval of the greatest true occupancy, within slots too.

    Notes
    -----
    ``DRAWS`` true walks that the counts allow, at a fixed seed: capture rates drawn by their audits (a normal with its
    own width to either side), missed crossings drawn slot by slot, and within each slot the maximum of a bridge whose
    variance is that of the crossings in it. The greatest of a noisy walk is too great; how much is shown by the draws
    against the walk that they were drawn about, and is taken off for both.

    Examples
    --------
    >>> rates = [CaptureRate(0.97, 0.96, 0.98, 0.03 / 0.97**2)]
    >>> came, left = np.array([[[300, 320], [320, 330]]]), np.array([[[100, 110], [110, 140]]])
    >>> low, high = peak_interval(Walk(came, left, np.array([0, 0]), (1.0, 1.0)), (rates, rates), 0.95)
    >>> 200 < low < 217 < high < 232
    True
    """
    rng = np.random.default_rng(SEED)
    z = quantile(level)
    centre = _centre(walk.came, rates[0]) - _centre(walk.left, rates[1])
    drawn = _drawn(walk.came, walk.day, rates[0], z, rng) - _drawn(walk.left, walk.day, rates[1], z, rng)
    sides = ((walk.came, rates[0], walk.factor[0]), (walk.left, rates[1], walk.factor[1]))
    variance = np.sum([factor * _centre(side[..., 1] - side[..., 0], of) for side, of, factor in sides], axis=0)
    peaks = _bridge_peak(drawn, variance, rng)
    about = _bridge_peak(np.broadcast_to(centre, drawn.shape), variance, rng)
    excess = 2 * (np.median(peaks) - np.median(about))
    low, high = np.quantile(peaks - excess, [(1 - level) / 2, (1 + level) / 2])
    return max(float(low), 0.0), float(high)


def _centre(counts: Int64, rates: Rates) -> Float64:
    points = np.array([rate.point for rate in rates])
    return np.asarray(np.tensordot(1 / points, counts, axes=1), dtype=np.float64)


def _drawn(counts: Int64, day: Int64, rates: Rates, z: float, rng: np.random.Generator) -> Float64:
    """Return drawn true counts since the reset, (draws, slots, 2)."""
    knots = counts.reshape(counts.shape[0], -1)
    of_day = np.repeat(day, 2)
    first = np.concatenate([[True], np.diff(of_day) != 0])
    step = np.where(first, knots, np.diff(knots, axis=1, prepend=0))
    begins = np.maximum.accumulate(np.where(first, np.arange(first.size), 0))
    total = np.zeros((DRAWS, knots.shape[1]))
    for row, rate in enumerate(rates):
        at = rng.standard_normal((DRAWS, 1))
        up, down = 1 / rate.low - 1 / rate.point, 1 / rate.point - 1 / rate.high
        each = 1 / rate.point + np.where(at > 0, up, down) / z * at
        noise = rng.standard_normal(total.shape) * np.sqrt(np.maximum(step[row], 0) * rate.variance_per_count)
        summed = np.concatenate([np.zeros((DRAWS, 1)), np.cumsum(noise, axis=1)], axis=1)
        total += knots[row] * each + summed[:, 1:] - summed[:, begins]
    return total.reshape(DRAWS, -1, 2)


def _bridge_peak(ends: Float64, variance: Float64, rng: np.random.Generator) -> Float64:
    """Return the greatest value of each walk, of bridges between the slots' ends with these variances."""
    start, end = ends[..., 0], ends[..., 1]
    reach = (end - start) ** 2 - 2 * variance * np.log(1 - rng.random(start.shape))
    return np.asarray(((start + end + np.sqrt(reach)) / 2).max(axis=1), dtype=np.float64)
