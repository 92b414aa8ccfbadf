"""Occupancy of a store from its doors: as summed, and as each method of correction has it.

Counters miss people, and what they miss coming in differs from what they miss going out: the sum drifts. None of the
corrections is the truth; each says what it takes for granted. Source: F. C. Sangogboye and M. B. Kjærgaard, PreCount,
doi 10.1186/s42162-018-0016-4, for the drift and for learning it; D. V. Lindley 1952 for the reflected walk.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics.counts import Slots
from analytics.metrics.polylines import integral
from analytics.metrics.spans import Bool, Float64, Int64, Spans

FEWEST_DAYS_LEARNED = 5
"""Whole days that must lie before one whose drift is learned from them."""
_CLOCK_US = np.arange(0, 289, dtype=np.int64) * 300_000_000
"""Times of day at which drift is kept, every five minutes."""


@dataclass(frozen=True, slots=True, eq=False)
class Flows:
    """Who came and who left, per slot: int64 arrays, one element per distinct end of a slot, by day and end."""

    start_us: Int64
    end_us: Int64
    day: Int64
    """Index of the business day in which the slot begins."""
    came: Int64
    left: Int64
    bounds_us: Int64
    """Starts of the business days and the end of the last."""

    @property
    def net(self) -> Int64:
        """Came less left."""
        return self.came - self.left

    def of_day(self, day: int) -> slice:
        """Return where the slots of a business day stand."""
        first, last = np.searchsorted(self.day, [day, day + 1])
        return slice(int(first), int(last))

    @property
    def days(self) -> range:
        """Indices of the business days."""
        return range(self.bounds_us.size - 1)


def flows(entries: Slots, exits: Slots, bounds_us: Int64) -> Flows:
    """Return the flows over the business days; several doors' slots that end together are added first.

    Parameters
    ----------
    entries, exits
        Slots of all doors, in persons.
    bounds_us
        Starts of the business days and the end of the last, int64 µs.

    Examples
    --------
    >>> def slots(counts):
    ...     start = np.arange(len(counts)) * 10
    ...     return Slots(start, start + 10, np.array(counts, dtype=float), np.zeros(len(counts), dtype=bool))
    >>> flows(slots([1, 5, 0]), slots([3, 0, 2]), np.array([0, 100])).net.tolist()
    [-2, 5, -2]
    """
    start = np.concatenate([entries.start_us, exits.start_us])
    end = np.concatenate([entries.end_us, exits.end_us])
    none = np.zeros_like(start)
    came, left = none.copy(), none.copy()
    came[: entries.start_us.size], left[entries.start_us.size :] = entries.whole(), exits.whole()
    day = np.searchsorted(bounds_us, start, side="right") - 1
    inside = (day >= 0) & (day < bounds_us.size - 1)
    order = np.lexsort((end[inside], day[inside]))
    start, end, day, came, left = (column[inside][order] for column in (start, end, day, came, left))
    if end.size == 0:
        return Flows(start, end, day, came, left, bounds_us)
    first = np.flatnonzero(np.concatenate([[True], (np.diff(end) != 0) | (np.diff(day) != 0)]))
    came, left = np.add.reduceat(came, first), np.add.reduceat(left, first)
    return Flows(np.minimum.reduceat(start, first), end[first], day[first], came, left, bounds_us)


def raw(flow: Flows) -> Int64:
    """Return the occupancy at each slot's end as summed since the first day began: O(t) = sum(in - out), no correction.

    Examples
    --------
    >>> made = Flows(*np.array([[0, 10], [10, 20], [0, 1], [5, 2], [4, 3]]), np.array([0, 10, 20]))
    >>> raw(made).tolist()
    [1, 0]
    """
    return np.cumsum(flow.net, dtype=np.int64)


def reset(flow: Flows) -> Int64:
    """Return the occupancy reset to zero at the start of each business day, when the store is taken to be empty.

    Examples
    --------
    >>> made = Flows(*np.array([[0, 10], [10, 20], [0, 1], [5, 2], [4, 3]]), np.array([0, 10, 20]))
    >>> reset(made).tolist()
    [1, -1]
    """
    net = flow.net
    level = np.empty_like(net)
    for day in flow.days:
        here = flow.of_day(day)
        level[here] = np.cumsum(net[here])
    return level


def clamped(flow: Flows) -> Int64:
    """Return the occupancy held at or above zero and reset each day: O = max(0, O + in - out), a reflected walk.

    Notes
    -----
    Lindley 1952, computed as the sum less the least sum so far where that is below zero. Clamping hides negative drift
    and so biases upward.

    Examples
    --------
    >>> made = Flows(*np.array([[0, 10], [10, 20], [0, 1], [5, 2], [4, 3]]), np.array([0, 10, 20]))
    >>> clamped(made).tolist()
    [1, 0]
    """
    level = reset(flow)
    for day in flow.days:
        here = flow.of_day(day)
        level[here] -= np.minimum(np.minimum.accumulate(level[here]), 0)
    return level


def scaled(flow: Flows, day: int) -> Float64 | None:
    """Return the occupancy of one whole day, scaled so that as many leave as came; None where that can't be.

    Entries are multiplied by T / in and exits by T / out, with T = (in + out) / 2. It takes for granted that the day
    begins and ends empty and that a counter's misses are spread over the day as its counts are; it is known only when
    the day is over.

    Returns
    -------
    float64 array or None
        Persons at the end of each slot of the day; may be slightly negative.

    Examples
    --------
    >>> made = Flows(*np.array([[0, 10], [10, 20], [0, 0], [6, 0], [1, 3]]), np.array([0, 20]))
    >>> scaled(made, 0).tolist()
    [3.75, 0.0]
    """
    came, left = flow.came[flow.of_day(day)], flow.left[flow.of_day(day)]
    total_in, total_out = int(came.sum()), int(left.sum())
    if total_in == 0 or total_out == 0:
        return np.zeros(came.size) if total_in == total_out else None
    target = (total_in + total_out) / 2
    # Multiplied once more by the other's total, sums that are equal as whole numbers end at exactly zero.
    balance = np.cumsum(came) * total_out - np.cumsum(left) * total_in
    return np.asarray(balance * (target / (total_in * total_out)), dtype=np.float64)


def learned(flow: Flows, whole: Bool, clock_us: Int64) -> dict[int, Float64]:
    """Return the occupancy less the drift that past days show at that time of day, for each day that can be learned.

    Parameters
    ----------
    whole
        bool (days,): the days that began and ended empty, whose drift is known afterwards.
    clock_us
        int64 (slots,): local time since the business day's start at the slot's end, µs.

    Returns
    -------
    dict
        By index of the day float64 persons at the end of each of its slots, at least 0. A day is learned from all whole
        days before it, at least ``FEWEST_DAYS_LEARNED``.

    Notes
    -----
    After PreCount: the mean, over past days, of the summed occupancy less the one scaled afterwards, by time of day,
    is taken from today's sum. It takes for granted that the counters err today as they did.
    """
    level, found = reset(flow), dict[int, Float64]()
    drift, days = np.zeros(_CLOCK_US.size), 0
    for day in flow.days:
        here = flow.of_day(day)
        if days >= FEWEST_DAYS_LEARNED:
            found[day] = np.maximum(level[here] - np.interp(clock_us[here], _CLOCK_US, drift / days), 0.0)
        truth = scaled(flow, day) if whole[day] else None
        if truth is not None and truth.size:
            order = np.argsort(clock_us[here], kind="stable")  # an hour that the clock shows twice stands twice
            drift += np.interp(_CLOCK_US, clock_us[here][order], (level[here] - truth)[order])
            days += 1
    return found


def person_time(flow: Flows, level: Int64 | Float64, spans: Spans, *, carried: bool = False) -> float:
    """Return the integral of an occupancy over some time, in person-µs.

    Parameters
    ----------
    level
        Persons at the end of each slot.
    spans
        Time over which to integrate; what lies outside the business days is left out.
    carried
        Whether a day begins with the level at which the day before ended, not with zero.

    Notes
    -----
    Within a slot people are taken to come and go evenly: occupancy runs straight from the level before to that at its
    end. Over a gap between slots it stays.

    Examples
    --------
    >>> made = Flows(*np.array([[0, 10], [10, 20], [0, 0], [6, 0], [0, 6]]), np.array([0, 30]))
    >>> person_time(made, reset(made), Spans.of([(0, 30)]))
    60.0
    """
    at, value, before = [], [], 0.0
    for day in flow.days:
        here = flow.of_day(day)
        bounds = flow.bounds_us[day : day + 2]
        begins = np.array([before if carried else 0.0])
        reached = np.maximum.accumulate(np.concatenate([bounds[:1], np.minimum(flow.end_us[here], bounds[1])]))
        start = np.maximum(flow.start_us[here], reached[:-1])
        levels = np.concatenate([begins, level[here]])
        at += [bounds[:1], np.stack([start, reached[1:]], axis=1).ravel(), bounds[1:]]
        value += [begins, np.stack([levels[:-1], levels[1:]], axis=1).ravel(), levels[-1:]]
        before = float(levels[-1])
    wanted = spans.intersect(Spans.of([(int(flow.bounds_us[0]), int(flow.bounds_us[-1]))]))
    return integral(np.concatenate(at), np.concatenate(value), wanted)
