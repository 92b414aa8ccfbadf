"""Intervals of counts: Wilson's for a proportion, and the true count behind a counter that misses some.

Sources: E. B. Wilson, Probable inference, J. Am. Stat. Assoc. 22 (1927) 209; G. Y. Zou and A. Donner, Construction of
confidence limits about effect measures, Stat. Med. 27 (2008) 1693 (MOVER: limits of a sum from limits of its parts).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np

from analytics.metrics.spans import Float64, Int64

LEVEL = 0.95
"""Of every confidence interval that an answer carries."""


def quantile(level: float) -> float:
    """Return z of a two-sided normal interval of this level.

    Examples
    --------
    >>> round(quantile(0.95), 6)
    1.959964
    """
    return NormalDist().inv_cdf(0.5 + level / 2)


def wilson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a proportion.

    Parameters
    ----------
    successes, trials
        Counts; 0 <= successes <= trials, trials > 0.
    level
        Confidence level of the two-sided interval.

    Returns
    -------
    tuple of float
        (low, high), within [0, 1].

    Notes
    -----
    Wilson 1927, without continuity correction. At 0 or at all successes the bound on that side is exact.

    Examples
    --------
    >>> low, high = wilson(57, 60)
    >>> round(low, 3), round(high, 3)
    (0.863, 0.983)
    """
    if not 0 <= successes <= trials or trials == 0:
        msg = f"wilson needs 0 <= successes <= trials and trials > 0, not {successes} of {trials}"
        raise ValueError(msg)
    z = quantile(level)
    share, n = successes / trials, float(trials)
    centre = share + z * z / (2 * n)
    spread = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == trials else (centre + spread) / scale
    return low, high


@dataclass(frozen=True, slots=True)
class CaptureRate:
    """Counted ÷ true, with its interval, and the variance of the true count per count (thinning or false counts)."""

    point: float
    low: float
    high: float
    variance_per_count: float


def capture_rate(device_count: int, manual_count: int, level: float = 0.95, scatter: float = 0.0) -> CaptureRate:
    """Return the capture rate that an audit shows.

    Parameters
    ----------
    device_count, manual_count
        What the counter and what a person counted of the same crossings; manual_count > 0.
    level
        Confidence level of the rate's interval.
    scatter
        Variance of the counter's counts per crossing, as several audits show it; 0: they don't.

    Notes
    -----
    A counter that misses: captured ~ Binomial(true, p), p by Wilson; of C counted, the true number has the variance
    C (1 - p) / p² about C / p. A counter that over-counts in the audit: the surplus share q by Wilson, rate 1 + q,
    variance C q / (1 + q)³ (false counts as Poisson). Misses and false counts that cancel within one audit are not told
    apart; where several audits ``scatter`` by more than this, it stands in place of either: rate p by the normal
    interval, variance C scatter / p³. Over-counting above twice the truth is beyond the model; q is then taken as 1.

    Examples
    --------
    >>> rate = capture_rate(96, 100)
    >>> rate.point, round(rate.low, 3), round(rate.high, 3)
    (0.96, 0.902, 0.984)
    """
    share = device_count / manual_count
    if scatter > crossing_variance(share) and share > 0:
        half = quantile(level) * sqrt(scatter / manual_count)
        return CaptureRate(share, max(share - half, 0.0), share + half, scatter / share**3)
    if device_count <= manual_count:
        low, high = wilson(device_count, manual_count, level)
        return CaptureRate(share, low, high, (1 - share) / share**2 if share > 0 else float("inf"))
    surplus = min(device_count - manual_count, manual_count)
    low, high = wilson(surplus, manual_count, level)
    share = surplus / manual_count
    return CaptureRate(1 + share, 1 + low, 1 + high, share / (1 + share) ** 3)


def crossing_variance(rate: float) -> float:
    """Return the variance of a counter's counts per crossing where it only misses (rate up to 1) or only adds.

    Examples
    --------
    >>> round(crossing_variance(0.96), 4), round(crossing_variance(1.02), 4)
    (0.0384, 0.02)
    """
    return rate * (1 - rate) if rate <= 1 else rate - 1


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """A centre with the squares of its deviations to either side: parts that are independent add as squares (MOVER)."""

    centre: Float64
    down: Float64
    up: Float64

    def plus(self, other: Spread) -> Spread:
        """Return the spread of a sum of independent parts."""
        return Spread(self.centre + other.centre, self.down + other.down, self.up + other.up)

    def less(self, other: Spread) -> Spread:
        """Return the spread of a difference of independent parts: what takes the other up takes this down."""
        return Spread(self.centre - other.centre, self.down + other.up, self.up + other.down)

    @property
    def ends(self) -> tuple[Float64, Float64]:
        """Lower and upper bound."""
        return self.centre - np.sqrt(self.down), self.centre + np.sqrt(self.up)


def true_spread(counts: Int64 | Float64, rates: list[CaptureRate], level: float, sharpen: int = 1) -> Spread:
    """Return the true counts behind counted ones, summed over strata, with their deviations.

    Parameters
    ----------
    counts
        (strata, bins): what the counters of each capture rate counted in each bin.
    rates
        One capture rate a stratum; their intervals are of ``level``.
    level
        Confidence level of each bin's interval.
    sharpen
        Number of comparisons that the noise must stand at once (Bonferroni); 1 for a single bin.

    Returns
    -------
    Spread
        float64 arrays (bins,).

    Notes
    -----
    Per stratum C / p with the audit's Wilson limits; the strata's deviations and the thinning noise add as squares
    (MOVER). The upper noise term uses C + 1, the mean of the number missed given the number counted.

    Examples
    --------
    >>> true_spread(np.array([[960]]), [capture_rate(960, 1000)], 0.95).centre.tolist()
    [1000.0]
    """
    counted = np.asarray(counts, dtype=np.float64)
    point, rate_low, rate_high, variance = (
        np.array([[getattr(rate, name)] for rate in rates], dtype=np.float64)
        for name in ("point", "low", "high", "variance_per_count")
    )
    z = quantile(1 - (1 - level) / sharpen)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.where(point > 0, counted / point, 0.0)
        down = centre - counted / rate_high
        up = np.where(rate_low > 0, counted / rate_low - centre, np.inf)
        noise_down = np.where(np.isfinite(variance), z * z * counted * variance, 0.0)
    noise_up = z * z * (counted + 1) * variance
    return Spread(centre.sum(axis=0), (down**2 + noise_down).sum(axis=0), (up**2 + noise_up).sum(axis=0))


def true_counts(counts: Int64, rates: list[CaptureRate], level: float, sharpen: int = 1) -> tuple[Float64, Float64]:
    """Return bounds of the true counts behind counted ones, see ``true_spread``.

    Returns
    -------
    tuple of float64 arrays (bins,)
        (low, high), low at least 0.

    Examples
    --------
    >>> low, high = true_counts(np.array([[960]]), [capture_rate(960, 1000)], 0.95)
    >>> round(float(low[0]), 1), round(float(high[0]), 1)
    (983.4, 1019.5)
    """
    low, high = true_spread(counts, rates, level, sharpen).ends
    return np.maximum(low, 0.0), high
