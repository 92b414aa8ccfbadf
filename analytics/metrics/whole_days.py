"""Days that begin and end empty: who came must have left, so what the counters missed moves no one's stay by much.

When every visitor of a day has gone again, the person-time spent inside is the number of visitors times the difference
of two means: of the times of exit and of the times of entry. A counter that misses the same share at every hour leaves
both means where they are; only the number of visitors is short.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from analytics.metrics.counts import Slots
from analytics.metrics.doors import Audited, DoorCounts, all_slots, audited, doors
from analytics.metrics.inputs import Bounds, Inputs, bounded
from analytics.metrics.intervals import LEVEL, quantile
from analytics.metrics.occupancy import Flows, flows
from analytics.metrics.spans import Bool, Float64, Int64, Spans

Weigh = Callable[[Int64], Int64]
"""From instants to a number that falls or rises with them, in µs."""


@dataclass(frozen=True, slots=True, eq=False)
class DoorFlows:
    """The counters of both directions, and their flows over the business days."""

    entries: list[DoorCounts]
    exits: list[DoorCounts]
    flow: Flows

    @classmethod
    def of(cls, inputs: Inputs) -> DoorFlows:
        """Return those of a store's doors."""
        entries, exits = doors(inputs, "entries"), doors(inputs, "exits")
        bounds_us = inputs.days.bounds_us

        def flow() -> Flows:
            return flows(all_slots(entries), all_slots(exits), bounds_us)

        if not entries:
            return cls(entries, exits, flow())
        sources = tuple(counter.source for counter in (*entries, *exits))
        return cls(entries, exits, entries[0].source.once(("flows", sources, bounds_us.tobytes()), flow))


def whole_days(inputs: Inputs) -> Bool:
    """Return which business days lie whole in the window and begin and end in closed hours.

    A day on which the store is open at its first and at its last instant is never empty at its bounds: open day and
    night, or past the start of the business day.
    """
    bounds, window = inputs.days.bounds_us, inputs.window
    inside = (bounds[:-1] >= window.start_us) & (bounds[1:] <= window.end_us)
    open_over = inputs.opening.contains(bounds[:-1]) & inputs.opening.contains(bounds[1:] - 1)
    return np.asarray(inside & ~open_over, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Error of a side's sum of weights, in person-µs: variance, and what comes on top of it whatever the chance."""

    variance: float = 0.0
    bias: float = 0.0

    def __add__(self, other: Doubt) -> Doubt:
        return Doubt(self.variance + other.variance, self.bias + other.bias)


def person_time_bounds(
    inputs: Inputs, made: DoorFlows, days: Sequence[int], weigh: Weigh, area: float
) -> tuple[Bounds, Bounds] | None:
    """Return bounds of the person-time (person-µs) of whole days, and of the same for each person (µs).

    Parameters
    ----------
    weigh
        What one crossing at an instant adds to the person-time (an entry) or takes from it (an exit), but for a
        constant of the day: the time until its end, or the part of it that is to be counted.
    area
        The person-time of these days as counted and scaled.

    Returns
    -------
    tuple of Bounds or None
        Each holds at ``LEVEL``; None where no counter was audited or nobody counted.

    Notes
    -----
    Of N visitors a counter sees C, each with the same chance p, at any hour: the mean weight of those seen has the
    variance (1 - p) S² / C about that of all (sampling without replacement), and crossings spread evenly in slots of
    length h add h² / 12 each. Counters of unlike capture rates pull the mean towards their own: by their audits'
    intervals at most. What missing periods may have held, at the counters' largest counts, may have come at any time
    of the day. The number of visitors is bounded by the entries, and both stand together at the level
    (Bonferroni).
    """
    half = (1 + LEVEL) / 2
    rates = [audited(side, inputs.audits, half) for side in (made.entries, made.exits)]
    came, left = (sum(int(c[made.flow.of_day(d)].sum()) for d in days) for c in (made.flow.came, made.flow.left))
    counted = (came + left) / 2
    if rates[0] is None or rates[1] is None or counted == 0:
        return None
    of_days = np.array([made.flow.bounds_us[[day, day + 1]] for day in days])
    unseen = [_unseen(side, of_days) for side in (made.entries, made.exits)]
    doubt = _doubt(made.entries, rates[0], of_days, weigh, unseen[0])
    doubt += _doubt(made.exits, rates[1], of_days, weigh, unseen[1])
    slack_of = {at: quantile(at) * sqrt(doubt.variance) + doubt.bias for at in (LEVEL, half)}
    visitors = _visitors(made.entries, rates[0], of_days, int(unseen[0].sum()))
    method = (
        f"days that end empty; sampling of the crossings' times, spread evenly in their slots; {rates[0].method}; "
        "missing periods up to the counter's largest count"
    )
    low, high = ((area + side * slack_of[LEVEL]) / counted for side in (-1, 1))
    of_each = bounded(max(0.0, low), high, LEVEL, method)
    low, high = (
        (area + side * slack_of[half]) * people / counted for side, people in zip((-1, 1), visitors, strict=True)
    )
    of_all = bounded(max(0.0, low), high, LEVEL, method)
    return None if of_each is None or of_all is None else (of_all, of_each)


def _visitors(entries: list[DoorCounts], rates: Audited, of_days: Int64, unseen: int) -> list[float]:
    counts = np.array([[int(_in_days(c.slots, of_days)[1].whole().sum())] for c in entries], dtype=np.int64)
    low, _ = rates.bounds(counts, np.zeros(1, np.int64))
    _, high = rates.bounds(counts, np.array([unseen], dtype=np.int64))
    return [float(low[0]), float(high[0])]


def _in_days(slots: Slots, of_days: Int64) -> tuple[Int64, Slots]:
    """Return the slots that begin in one of these days (starts and ends, in order of time), and in which."""
    day = np.searchsorted(of_days[:, 0], slots.start_us, side="right") - 1
    inside = (day >= 0) & (slots.start_us < of_days[np.maximum(day, 0), 1])
    return day[inside], slots.where(inside)


def _unseen(side: list[DoorCounts], of_days: Int64) -> Int64:
    """Return for each day the most that missing periods, and registers' resets, may have held."""
    most = [counter.largest() for counter in side]
    unseen = np.zeros(len(of_days), dtype=np.int64)
    expected = Spans.union(of_days[:, 0], of_days[:, 1])
    for counter, largest in zip(side, most, strict=True):
        source = counter.source
        missing = expected.intersect(source.registered).without(source.accounted(counter.slots))
        periods = -(-missing.measure(of_days[:, 0], of_days[:, 1]) // source.period_us)
        day, slots = _in_days(counter.slots, of_days)
        periods += np.bincount(day[slots.reset], minlength=len(of_days))
        unseen += periods * (largest or max(most))
    return unseen


def _doubt(side: list[DoorCounts], rates: Audited, of_days: Int64, weigh: Weigh, unseen: Int64) -> Doubt:
    """Return the error of one side over some days: see ``person_time_bounds``."""
    parts = [_weighed(counter.slots, of_days, weigh) for counter in side]
    seen = np.array([part.sums(part.count) for part in parts])
    weighed = np.array([part.sums(part.count * part.weight) for part in parts])
    mean = weighed.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    first, last = (weigh(of_days[:, column]).astype(np.float64) for column in (0, 1))
    reach = np.where(seen.sum(axis=0) > 0, np.maximum(abs(first - mean), abs(last - mean)), abs(last - first))
    missed = max(max(abs(1 - rate.low), abs(1 - rate.high)) for rate in rates.rates)
    doubt = Doubt(0.0, float((unseen * reach).sum()))
    own = [rates.rates[stratum] for stratum in rates.stratum]
    total = seen.sum()
    centre = (
        total / sum(of_one.sum() / rate.point for of_one, rate in zip(seen, own, strict=True) if rate.point)
        if total
        else 1.0
    )
    for part, rate in zip(parts, own, strict=True):
        away = part.weight - mean[part.day]
        spread = missed * float((part.count * away**2).sum()) + float((part.count * part.width**2).sum()) / 12
        unlike = max(abs(centre / rate.low - 1), abs(centre / rate.high - 1)) if len(side) > 1 and rate.low else 0.0
        doubt += Doubt(spread, unlike * float(np.abs(part.sums(part.count * away)).sum()))
    return doubt


@dataclass(frozen=True, slots=True, eq=False)
class _Weighed:
    """A counter's slots in some days: the day, the count, its mean weight, and how far the weights at its ends are."""

    day: Int64
    count: Float64
    weight: Float64
    width: Float64
    days: int

    def sums(self, amount: Float64) -> Float64:
        """Return the sums of an amount by day."""
        return np.asarray(np.bincount(self.day, weights=amount, minlength=self.days), dtype=np.float64)


def _weighed(slots: Slots, of_days: Int64, weigh: Weigh) -> _Weighed:
    day, mine = _in_days(slots, of_days)
    start, end = (weigh(edge).astype(np.float64) for edge in (mine.start_us, mine.end_us))
    return _Weighed(day, mine.whole().astype(np.float64), (start + end) / 2, np.abs(end - start), len(of_days))
