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
from analytics.metrics.intervals import quantile
from analytics.metrics.occupancy import Flows, flows
from analytics.metrics.spans import Bool, Float64, Int64, Spans
from analytics.metrics.traffic import LEVEL

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
        return cls(entries, exits, flows(all_slots(entries), all_slots(exits), inputs.days.bounds_us))


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
    bounds_us = made.flow.bounds_us
    of_days = [(int(bounds_us[day]), int(bounds_us[day + 1])) for day in days]
    doubt, unseen = Doubt(), 0
    for side, rate in ((made.entries, rates[0]), (made.exits, rates[1])):
        for start_us, end_us in of_days:
            missing = _unseen(side, start_us, end_us)
            unseen += missing if side is made.entries else 0
            doubt += _doubt(side, rate, (start_us, end_us), weigh, missing)
    slack_of = {at: quantile(at) * sqrt(doubt.variance) + doubt.bias for at in (LEVEL, half)}
    visitors = _visitors(made.entries, rates[0], of_days, unseen)
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


def _visitors(entries: list[DoorCounts], rates: Audited, of_days: list[tuple[int, int]], unseen: int) -> list[float]:
    counts = [[sum(int(c.slots.within(*day).whole().sum()) for day in of_days)] for c in entries]
    low, _ = rates.bounds(np.array(counts, dtype=np.int64), np.zeros(1, np.int64))
    _, high = rates.bounds(np.array(counts, dtype=np.int64), np.array([unseen], dtype=np.int64))
    return [float(low[0]), float(high[0])]


def _unseen(side: list[DoorCounts], start_us: int, end_us: int) -> int:
    largest = max((counter.largest() for counter in side), default=0)
    day = Spans.of([(start_us, end_us)])
    return sum(counter.unseen(day) * (counter.largest() or largest) for counter in side)


def _doubt(side: list[DoorCounts], rates: Audited, day_us: tuple[int, int], weigh: Weigh, unseen: int) -> Doubt:
    """Return the error of one side of a day: see ``person_time_bounds``."""
    parts = [_weighed(counter.slots.within(*day_us), weigh) for counter in side]
    counts, weights = (np.concatenate([part[column] for part in parts]) for column in (0, 1))
    total = float(counts.sum())
    edges = weigh(np.array(day_us, dtype=np.int64)).astype(np.float64)
    if total == 0:
        return Doubt(0.0, unseen * abs(float(edges[1] - edges[0])))
    mean = float((counts * weights).sum()) / total
    missed = max(max(abs(1 - rate.low), abs(1 - rate.high)) for rate in rates.rates)
    variance = missed * float((counts * (weights - mean) ** 2).sum())
    bias = unseen * float(np.abs(edges - mean).max())
    centre = total / sum(
        float(part[0].sum()) / rates.rates[stratum].point for part, stratum in zip(parts, rates.stratum, strict=True)
    )
    for (count, weight, width), stratum in zip(parts, rates.stratum, strict=True):
        rate, seen = rates.rates[stratum], float(count.sum())
        variance += float((count * width**2).sum()) / 12
        unlike = max(abs(centre / rate.low - 1), abs(centre / rate.high - 1)) if len(side) > 1 else 0.0
        bias += unlike * abs(float((count * weight).sum()) - mean * seen) if seen else 0.0
    return Doubt(variance, bias)


def _weighed(slots: Slots, weigh: Weigh) -> tuple[Float64, Float64, Float64]:
    """Return each slot's count, mean weight and the difference of the weights at its ends."""
    start, end = (weigh(edge).astype(np.float64) for edge in (slots.start_us, slots.end_us))
    return slots.whole().astype(np.float64), (start + end) / 2, np.abs(end - start)
