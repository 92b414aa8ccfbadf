"""Counts that are too large or too small for their slot, judged with the over-dispersion of their like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.detection.like_slots import counted, members
from analytics.metrics.spans import Bool, Float64, Int64, Spans

LEAST_MEAN = 0.5
"""Persons a slot: below it a single person at night would be an event."""
TRIMMED_SHARE = 0.1
"""Share of a group that is left out of its dispersion, the farthest first: what is looked for must not hide itself."""
POOLED_MEMBERS = 30
"""Like slots that a group must have for its own dispersion to count as much as the median of all: a few tell little."""
_OF_TRIMMED = 1.6051
"""1 / the mean of the lowest nine tenths of a chi-square of one degree."""
_POISSON_BELOW = 1.0 + 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What is expected in each slot: the mean, and variance ÷ mean (at least 1); NaN where too few are alike."""

    mean: Float64
    dispersion: Float64


def expected(count: Float64, group: Int64, least_members: int = 4) -> Expected:
    """Return the mean and the over-dispersion of each slot, from the slots of its group.

    Parameters
    ----------
    count
        float64, persons a slot; what is no count is left out.
    group
        int64, equal where slots are alike.
    least_members
        A group of fewer counts expects nothing.

    Returns
    -------
    Expected
        Of the same length.

    Notes
    -----
    mean = max(0.5, median). A group's dispersion is 1.6051 times the mean of the lowest nine tenths of
    (x - mean)² / mean: Pearson's dispersion of a quasi-Poisson model (McCullagh and Nelder 1989, section 6.2),
    trimmed, and multiplied by what trimming takes from a chi-square of one degree, and by n / (n - 1) for the mean
    that is estimated from the same n counts. What is expected is n / (n + 30) of it and for the rest the median of the
    groups with a mean above 1, at least 1, times 1 + pi / (2 n): the variance of a median of n, added to a new count's.

    Examples
    --------
    >>> like = expected(np.array([4.0, 9.0, 1.0, 4.0, 60.0]), np.zeros(5, dtype=np.int64))
    >>> like.mean[0], like.dispersion[0].round(3)
    (np.float64(4.0), np.float64(5.603))
    """
    clean = counted(count)
    mean, own, number = (np.full(count.size, np.nan) for _ in range(3))
    busy = []
    for places in members(group):
        known = clean[places][~np.isnan(clean[places])]
        if known.size >= least_members:
            mean[places] = max(LEAST_MEAN, float(np.median(known)))
            own[places], number[places] = _dispersion(known, mean[places[0]]), known.size
            if mean[places[0]] > 1:
                busy.append(own[places[0]])
    pooled = float(np.median(busy)) if busy else own
    own_share = number / (number + POOLED_MEMBERS)
    drawn = np.maximum(1.0, own_share * own + (1 - own_share) * pooled)
    return Expected(mean, drawn * (1 + np.pi / (2 * number)))


def _dispersion(known: Float64, mean: float) -> float:
    parts = np.sort((known - mean) ** 2 / mean)
    kept = parts[: max(1, int((1 - TRIMMED_SHARE) * parts.size))]
    return _OF_TRIMMED * float(np.mean(kept)) * known.size / max(known.size - 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Tails:
    """Probabilities of a count as large, and of one as small, in each window; NaN where a slot of it is not known."""

    upper: Float64
    lower: Float64


def tails(count: Float64, like: Expected, window_slots: int = 1) -> Tails:
    """Return the tail probabilities of sums of ``window_slots`` slots in a row, one for each slot that begins a window.

    Parameters
    ----------
    count
        float64, one for each slot of a grid without holes: NaN where nothing was received.
    like
        What is expected in these slots.
    window_slots
        Slots of a window, at least 1.

    Returns
    -------
    Tails
        One fewer for each further slot of a window; empty when the grid is shorter than a window.

    Notes
    -----
    A window's count is taken as negative binomial with mean m and variance d m, both summed over its slots: the
    distribution of a quasi-Poisson count (McCullagh and Nelder 1989); Poisson where d is 1. So r = m / (d - 1) and
    p = 1 / d in scipy's terms. Slots in a row are taken as independent.

    Examples
    --------
    >>> like = Expected(np.array([4.0, 4.0]), np.array([1.0, 3.0]))
    >>> tails(np.array([9.0, 9.0]), like).upper.round(4).tolist()
    [0.0214, 0.104]
    """
    from scipy import stats  # noqa: PLC0415 - it takes its time, and most commands need none of it

    clean = counted(count)
    total, mean, variance = (
        _window_sums(each, window_slots) for each in (clean, like.mean, like.mean * like.dispersion)
    )
    known = ~np.isnan(total + mean + variance)
    spread = np.where(known, variance / np.where(known, mean, 1.0), 2.0)
    over = np.maximum(spread, _POISSON_BELOW)
    mean = np.where(known, mean, 1.0)
    total = np.where(known, total, 0.0)
    poisson = spread <= _POISSON_BELOW
    of = stats.nbinom(mean / (over - 1), 1 / over)
    upper = np.where(poisson, stats.poisson.sf(total - 1, mean), of.sf(total - 1))
    lower = np.where(poisson, stats.poisson.cdf(total, mean), of.cdf(total))
    return Tails(np.where(known, upper, np.nan), np.where(known, lower, np.nan))


def _window_sums(value: Float64, window_slots: int) -> Float64:
    if value.size < window_slots:
        return np.zeros(0)
    sums: Float64 = np.lib.stride_tricks.sliding_window_view(value, window_slots).sum(axis=1)
    return sums


def flagged_slots(probability: Float64, alpha: float, window_slots: int = 1) -> Bool:
    """Return for each slot of the grid whether it lies in a window whose probability is below ``alpha``.

    Examples
    --------
    >>> flagged_slots(np.array([0.5, 0.001, np.nan]), 0.01, window_slots=2).tolist()
    [False, True, True, False]
    """
    slots = probability.size + window_slots - 1 if probability.size else 0
    flagged = np.zeros(slots, dtype=np.bool_)
    below = np.flatnonzero(probability < alpha)
    for shift in range(window_slots):
        flagged[below + shift] = True
    return flagged


def flagged_spans(start_us: Int64, slot_us: int, flagged: Bool) -> Spans:
    """Return what is flagged as time; slots that touch are one span, that is, one detection.

    Examples
    --------
    >>> flagged_spans(np.array([0, 10, 20, 30]), 10, np.array([True, True, False, True])).pairs()
    [(0, 20), (30, 40)]
    """
    return Spans.union(start_us[flagged], start_us[flagged] + slot_us)
