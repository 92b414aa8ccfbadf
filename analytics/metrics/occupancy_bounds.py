"""Bounds of the greatest true occupancy behind what the doors counted since each reset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics.doors import Audited, DoorCounts, audited
from analytics.metrics.inputs import Bounds, Inputs, bounded
from analytics.metrics.intervals import LEVEL
from analytics.metrics.propagation import Walk, occupancy_spread, peak_interval, raw_error
from analytics.metrics.spans import Bool, Float64, Int64, Spans

_MOST_LIKELY = 400
"""Slots that the peak is drawn from, those of the highest upper bounds."""


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Ends of slots in order (int64 µs), the business day of each, and which lie in the window."""

    end_us: Int64
    day: Int64
    within: Bool


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One direction since the reset, (counters, slots) at the end of each slot, with what missing periods may hold."""

    counts: Int64
    unseen: Int64
    counters: list[DoorCounts]

    def strata(self, rates: Audited, which: Int64 | Bool) -> Int64:
        """Return counts by capture rate at some slots."""
        summed = np.zeros((len(rates.rates), self.counts[:, which].shape[1]), dtype=np.int64)
        np.add.at(summed, rates.stratum, self.counts[:, which])
        return summed


def _since_reset(inputs: Inputs, counters: list[DoorCounts], ends: Ends) -> _Side:
    counts = np.zeros((len(counters), ends.end_us.size), dtype=np.int64)
    unseen = np.zeros(ends.end_us.size, dtype=np.int64)
    day_start = inputs.days.bounds_us[ends.day]
    for row, counter in enumerate(counters):
        slots = counter.slots
        upto = np.concatenate([[0], np.cumsum(slots.whole())])
        # Slots of one counter are in order of start and end alike.
        reached = np.searchsorted(slots.end_us, ends.end_us, side="right")
        counts[row] = upto[reached] - upto[np.searchsorted(slots.start_us, day_start, side="left")]
        missing = inputs.wanted.intersect(counter.source.registered).without(Spans.union(slots.start_us, slots.end_us))
        periods = -(-missing.measure(day_start, ends.end_us) // counter.source.period_us)
        unseen += periods * counter.largest()
    return _Side(np.maximum(counts, 0), unseen, counters)


def _simultaneous(inputs: Inputs, sides: tuple[_Side, _Side], ends: Ends) -> tuple[Float64, Float64] | None:
    """Return bounds of the true occupancy within each slot, at every slot at once, None without an audit.

    The noise of a sum over a day never exceeds its bound at twice the probability of its end (Lévy's inequality);
    days and sides share the level (Bonferroni), hence ``sharpen``.
    """
    sharpen = 2 * (inputs.days.bounds_us.size - 1)
    found = [audited(side.counters, inputs.audits, (1 + LEVEL) / 2) for side in sides]
    if found[0] is None or found[1] is None:
        return None
    came, left = (of.bounds(side.counts, side.unseen, sharpen) for of, side in zip(found, sides, strict=True) if of)
    first = np.concatenate([[True], np.diff(ends.day) != 0])
    # Within a slot all who come may be in before the first leaves: entries to its end less exits to its start.
    left_before = np.where(first, 0.0, np.concatenate([[0.0], left[0][:-1]]))
    return np.maximum(came[0] - left[1], 0.0), came[1] - left_before


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Bounds of the true occupancy, all at once: at each slot's end from below, within each slot from above."""

    low: Float64
    high: Float64
    method: str


def occupancy_band(inputs: Inputs, doors_of: tuple[list[DoorCounts], list[DoorCounts]], ends: Ends) -> Band | None:
    """Return bounds of the true occupancy at every slot at once, None where no counter was audited."""
    sides = (_since_reset(inputs, doors_of[0], ends), _since_reset(inputs, doors_of[1], ends))
    at_once, came = _simultaneous(inputs, sides, ends), audited(sides[0].counters, inputs.audits, LEVEL)
    if at_once is None or came is None:
        return None
    return Band(*at_once, f"counting error since the reset, at every slot at once; {came.method}")


def peak_bounds(
    inputs: Inputs, doors_of: tuple[list[DoorCounts], list[DoorCounts]], ends: Ends, shown: int
) -> tuple[Bounds | None, dict[str, float]]:
    """Return bounds of the true peak, within slots too, and the corrected occupancy at the end of the slot ``shown``.

    Where periods are missing since a reset, what they held shifts everything after them: bounds at every slot at once,
    missing periods up to the counters' largest counts.
    """
    within = ends.within
    sides = (_since_reset(inputs, doors_of[0], ends), _since_reset(inputs, doors_of[1], ends))
    at_once = _simultaneous(inputs, sides, ends)
    came, left = (audited(side.counters, inputs.audits, LEVEL) for side in sides)
    if at_once is None or came is None or left is None:
        return None, {}
    low, high = at_once
    if any(side.unseen[within].any() for side in sides):
        method = f"counting error since the reset and missing periods, at every slot at once; {came.method}"
        return bounded(low[within].max(), high[within].max(), LEVEL, method), {}
    rates = (list(came.rates), list(left.rates))
    likely = np.flatnonzero(within & (high >= low[within].max()))
    likely = np.sort(likely[np.argsort(high[likely], kind="stable")[-_MOST_LIKELY:]])
    peak = peak_interval(_walk_at(ends, sides, (came, left), likely), rates, LEVEL)
    of_slot = (sides[0].strata(came, np.array([shown])), sides[1].strata(left, np.array([shown])))
    spread = occupancy_spread(*of_slot, rates, LEVEL)
    points = [np.array([rate.point for rate in side]) for side in rates]
    error = raw_error(of_slot[0][:, 0] / points[0], of_slot[1][:, 0] / points[1], rates)
    detail = {
        "corrected": float(spread.centre[0]),
        "corrected_low": max(0.0, float(spread.ends[0][0])),
        "corrected_high": float(spread.ends[1][0]),
        "raw_bias": error.bias,
        "raw_sd": error.sd,
    }
    return bounded(*peak, LEVEL, f"counting error since the reset propagated to the peak; {came.method}"), detail


def _walk_at(ends: Ends, sides: tuple[_Side, _Side], rates: tuple[Audited, Audited], which: Int64) -> Walk:
    """Return what was counted since the reset at the start and the end of some slots."""
    opens = np.concatenate([[True], np.diff(ends.day) != 0])
    knots: list[Int64] = []
    factors: list[float] = []
    for side, of in zip(sides, rates, strict=True):
        closing = side.strata(of, which)
        starts = np.where(opens[which], 0, side.strata(of, np.maximum(which - 1, 0)))
        knots.append(np.stack([starts, closing], axis=2))
        steps = np.diff(side.counts.sum(axis=0), prepend=0)[~opens]
        together = float((steps[1:] + steps[:-1]).sum())
        factors.append(max(1.0, float((np.diff(steps) ** 2).sum()) / together) if together > 0 else 1.0)
    return Walk(knots[0], knots[1], ends.day[which], (factors[0], factors[1]))
