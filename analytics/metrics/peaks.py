"""When a store is fullest: occupancy, peak hours and the busiest day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analytics.metrics.doors import Audited, DoorCounts, all_slots, audited, doors
from analytics.metrics.inputs import Bounds, Inputs, Outcome, bounded
from analytics.metrics.occupancy import Flows, clamped, flows, reset
from analytics.metrics.spans import Bool, Float64, Int64, Spans
from analytics.metrics.traffic import LEVEL
from analytics.windows import from_us, local_hours

BIN_FLOOR = 0.9
"""Hours and days of which less than this was received are left out of peaks."""


def measure_occupancy_peak(inputs: Inputs) -> Outcome:
    """Return the greatest clamped occupancy of a slot in the window.

    Detail: method, raw_peak (the greatest raw occupancy), raw (that of the same slot), slot_start, slot_end,
    day_residue (raw occupancy at the end of the last business day: what the counters left inside).
    """
    entries, exits = doors(inputs, "entries"), doors(inputs, "exits")
    walk = flows(all_slots(entries), all_slots(exits), inputs.days.bounds_us)
    within = (walk.start_us >= inputs.window.start_us) & (walk.start_us < inputs.window.end_us)
    if not within.any():
        return Outcome(None, undefined="nothing_counted")
    level, summed = clamped(walk), reset(walk)
    peak = int(np.flatnonzero(within)[np.argmax(level[within])])
    detail = {
        "method": "clamped at zero, reset each business day",
        "raw": int(summed[peak]),
        "raw_peak": int(summed[within].max()),
        "day_residue": int(summed[-1]),
        "slot_start": _local(inputs, int(walk.start_us[peak])),
        "slot_end": _local(inputs, int(walk.end_us[peak])),
    }
    return Outcome(int(level[peak]), _occupancy_bounds(inputs, entries, exits, walk, within), detail)


def _occupancy_bounds(
    inputs: Inputs, entries: list[DoorCounts], exits: list[DoorCounts], walk: Flows, within: Bool
) -> Bounds | None:
    """Return bounds of the true peak, within slots too."""
    band = occupancy_band(inputs, entries, exits, walk, LEVEL)
    return None if band is None else bounded(band.low[within].max(), band.high[within].max(), LEVEL, band.method)


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Bounds of the true occupancy, all at once: at each slot's end from below, within each slot from above."""

    low: Float64
    high: Float64
    method: str


def occupancy_band(
    inputs: Inputs, entries: list[DoorCounts], exits: list[DoorCounts], walk: Flows, level: float
) -> Band | None:
    """Return each side's true count since the reset, at every slot at once, as bounds of the occupancy.

    The noise of a sum over a day never exceeds its bound at twice the probability of its end (Lévy's inequality);
    days and sides share the level (Bonferroni), hence ``sharpen``. None where no counter was audited.
    """
    rates = [audited(side, inputs.audits, (1 + level) / 2) for side in (entries, exits)]
    if rates[0] is None or rates[1] is None:
        return None
    sharpen = 2 * (inputs.days.bounds_us.size - 1)
    came = _since_reset(inputs, entries, walk, rates[0], sharpen)
    left = _since_reset(inputs, exits, walk, rates[1], sharpen)
    first = np.concatenate([[True], np.diff(walk.day) != 0])
    # Within a slot all who come may be in before the first leaves: entries to its end less exits to its start.
    left_before = np.where(first, 0.0, np.concatenate([[0.0], left[0][:-1]]))
    method = f"counting error since the reset, at every slot at once; {rates[0].method}"
    return Band(np.maximum(came[0] - left[1], 0.0), came[1] - left_before, method)


def _since_reset(
    inputs: Inputs, counters: list[DoorCounts], walk: Flows, rates: Audited, sharpen: int
) -> tuple[Float64, Float64]:
    counts = np.zeros((len(counters), walk.end_us.size), dtype=np.int64)
    unseen = np.zeros(walk.end_us.size, dtype=np.int64)
    day_start = inputs.days.bounds_us[walk.day]
    for row, counter in enumerate(counters):
        slots = counter.slots
        upto = np.concatenate([[0], np.cumsum(slots.whole())])
        # Slots of one counter are in order of start and end alike.
        reached = np.searchsorted(slots.end_us, walk.end_us, side="right")
        counts[row] = upto[reached] - upto[np.searchsorted(slots.start_us, day_start, side="left")]
        missing = inputs.wanted.intersect(counter.source.registered).without(Spans.union(slots.start_us, slots.end_us))
        periods = -(-missing.measure(day_start, walk.end_us) // counter.source.period_us)
        unseen += periods * counter.largest()
    return rates.bounds(np.maximum(counts, 0), unseen, sharpen)


@dataclass(frozen=True, slots=True, eq=False)
class _Bins:
    """Entries per bin of time (hour or day), and which bins were received well enough to be compared."""

    start_us: Int64
    counts: Int64
    """int64 (counters, bins)"""
    unseen: Int64
    """int64 (bins,): the most that missing periods may have held, at the counters' largest counts"""
    kept: Bool
    rates: Audited | None

    @property
    def entries(self) -> Int64:
        return np.asarray(self.counts.sum(axis=0), dtype=np.int64)


def measure_peak_hour(inputs: Inputs) -> Outcome:
    """Return the entries of the busiest clock hour; detail: start, end, hours_compared, hours_dropped.

    The earliest on ties. Clock hours that the window cuts, and those received below 90 %, are dropped.
    """
    hours = local_hours(inputs.window)
    bins = _binned(inputs, hours.start_us, hours.end_us)
    outcome = _largest(inputs, bins, hours.end_us)
    if outcome.value is None:
        return outcome
    kept = int(bins.kept.sum())
    return Outcome(
        outcome.value,
        outcome.bounds,
        {**outcome.detail, "hours_compared": kept, "hours_dropped": int(bins.kept.size) - kept},
    )


def measure_busiest_day(inputs: Inputs) -> Outcome:
    """Return the entries of the busiest business day; detail: date, start, end, days_compared, days_dropped.

    The earliest on ties. A day that the window cuts counts with its part; days received below 90 % are dropped.
    """
    bounds = np.clip(inputs.days.bounds_us, inputs.window.start_us, inputs.window.end_us)
    bins = _binned(inputs, bounds[:-1], bounds[1:])
    outcome = _largest(inputs, bins, bounds[1:])
    if outcome.value is None:
        return outcome
    kept, best = int(bins.kept.sum()), _argmax(bins)
    detail = {"date": inputs.days.dates[best].isoformat(), **outcome.detail}
    return Outcome(
        outcome.value,
        outcome.bounds,
        {**detail, "days_compared": kept, "days_dropped": int(bins.kept.size) - kept},
    )


def measure_typical_peak_hour(inputs: Inputs) -> Outcome:
    """Return the hour of the local day (0 to 23) with the greatest mean entries; detail: mean, profile, hours_dropped.

    The profile is the mean over the kept occurrences of each clock hour; the earliest hour on ties. Bounds: the hours
    that the counting error doesn't tell from the best one.
    """
    hours = local_hours(inputs.window)
    bins = _binned(inputs, hours.start_us, hours.end_us)
    kept = bins.kept
    if not kept.any():
        return Outcome(None, undefined="no_complete_hour")
    seen = np.bincount(hours.hour[kept], minlength=24)
    entries = np.bincount(hours.hour[kept], weights=bins.entries[kept], minlength=24)
    mean = np.divide(entries, seen, out=np.zeros(24), where=seen > 0)
    best = int(np.argmax(np.where(seen > 0, mean, -1.0)))
    if entries[best] == 0:
        return Outcome(None, undefined="nobody_counted")
    profile = {str(hour): float(mean[hour]) for hour in range(24) if seen[hour]}
    detail = {"mean": float(mean[best]), "profile": profile, "hours_dropped": int(kept.size - kept.sum())}
    return Outcome(best, _typical_bounds(bins, hours.hour, seen, best), detail)


def _typical_bounds(bins: _Bins, hour: Int64, seen: Int64, best: int) -> Bounds | None:
    if bins.rates is None:
        return None
    by_hour = np.zeros((bins.counts.shape[0], 24), dtype=np.int64)
    for row in range(bins.counts.shape[0]):
        np.add.at(by_hour[row], hour[bins.kept], bins.counts[row, bins.kept])
    unseen = np.zeros(24, dtype=np.int64)
    np.add.at(unseen, hour[bins.kept], bins.unseen[bins.kept])
    low, high = bins.rates.bounds(by_hour, unseen, sharpen=24)
    times = np.maximum(seen, 1)
    likely = np.flatnonzero((seen > 0) & (high / times >= low[best] / times[best]))
    method = f"hours not told apart by counting error; {bins.rates.method}"
    return bounded(likely.min(), likely.max(), LEVEL, method)


def _binned(inputs: Inputs, start_us: Int64, end_us: Int64) -> _Bins:
    counters = doors(inputs, "entries")
    counts = np.zeros((len(counters), start_us.size), dtype=np.int64)
    seen, expected, unseen = np.zeros((3, start_us.size), dtype=np.int64)
    edges = np.concatenate([start_us, end_us[-1:]])
    for row, counter in enumerate(counters):
        bin_of = np.searchsorted(edges, counter.slots.start_us, side="right") - 1
        inside = (bin_of >= 0) & (bin_of < start_us.size)
        np.add.at(counts[row], bin_of[inside], counter.slots.whole()[inside])
        seen_here = counter.source.cover().intersect(inputs.window.spans).measure(start_us, end_us)
        expected_here = counter.source.registered.measure(start_us, end_us)
        unseen += -((seen_here - expected_here) // counter.source.period_us) * counter.largest()
        seen, expected = seen + seen_here, expected + expected_here
    kept = (expected > 0) & (seen >= BIN_FLOOR * expected)
    return _Bins(start_us, counts, unseen, kept, audited(counters, inputs.audits, LEVEL))


def _argmax(bins: _Bins) -> int:
    return int(np.argmax(np.where(bins.kept, bins.entries, -1)))


def _largest(inputs: Inputs, bins: _Bins, end_us: Int64) -> Outcome:
    if not bins.kept.any():
        return Outcome(None, undefined="no_complete_period")
    best = _argmax(bins)
    detail: dict[str, Any] = {
        "start": _local(inputs, int(bins.start_us[best])),
        "end": _local(inputs, int(end_us[best])),
    }
    bounds = None
    if bins.rates is not None:
        number = int(bins.kept.sum())
        kept = bins.counts[:, bins.kept]
        low, high = bins.rates.bounds(kept, bins.unseen[bins.kept], sharpen=number)
        method = f"the greatest of {number} true counts, all bounded at once (Bonferroni); {bins.rates.method}"
        bounds = bounded(low.max(), high.max(), LEVEL, method)
    return Outcome(int(bins.entries[best]), bounds, detail)


def _local(inputs: Inputs, instant_us: int) -> str:
    return from_us(instant_us, inputs.window.zone).isoformat()
