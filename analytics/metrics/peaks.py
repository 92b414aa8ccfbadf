"""When a store is fullest: occupancy, peak hours and the busiest day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analytics.metrics.doors import Audited, audited, doors
from analytics.metrics.inputs import Bounds, Inputs, Outcome, bounded
from analytics.metrics.intervals import LEVEL
from analytics.metrics.occupancy import clamped, reset
from analytics.metrics.occupancy_bounds import Ends, peak_bounds
from analytics.metrics.spans import Bool, Float64, Int64
from analytics.metrics.whole_days import DoorFlows
from analytics.windows import from_us, local_hours

BIN_FLOOR = 0.9
"""Hours and days of which less than this was received are left out of peaks."""


def measure_occupancy_peak(inputs: Inputs) -> Outcome:
    """Return the greatest clamped occupancy of a slot in the window.

    Detail: method, raw_peak (the greatest raw occupancy), raw (that of the same slot), slot_start, slot_end,
    day_residue (raw occupancy at the end of the last business day: what the counters left inside); with audits and
    without gaps also corrected (by the audited rates, at the end of that slot), its 95 % interval corrected_low and
    corrected_high, and the error to expect of the raw sum there, raw_bias and raw_sd.
    """
    counted = DoorFlows.of(inputs)
    walk = counted.flow
    within = (walk.start_us >= inputs.window.start_us) & (walk.start_us < inputs.window.end_us)
    if not within.any():
        return Outcome(None, undefined="nothing_counted")
    level, summed = clamped(walk), reset(walk)
    peak = int(np.flatnonzero(within)[np.argmax(level[within])])
    bounds, corrected = peak_bounds(inputs, (counted.entries, counted.exits), Ends(walk.end_us, walk.day, within), peak)
    detail = {
        "method": "clamped at zero, reset each business day",
        "raw": int(summed[peak]),
        "raw_peak": int(summed[within].max()),
        "day_residue": int(summed[-1]),
        "slot_start": _local(inputs, int(walk.start_us[peak])),
        "slot_end": _local(inputs, int(walk.end_us[peak])),
        **corrected,
    }
    return Outcome(int(level[peak]), bounds, detail)


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
    mean = mean_by_hour(hours.hour[kept], bins.entries[kept])
    best = int(np.argmax(np.where(seen > 0, mean, -1.0)))
    if mean[best] == 0:
        return Outcome(None, undefined="nobody_counted")
    profile = {str(hour): float(mean[hour]) for hour in range(24) if seen[hour]}
    detail = {"mean": float(mean[best]), "profile": profile, "hours_dropped": int(kept.size - kept.sum())}
    return Outcome(best, _typical_bounds(bins, hours.hour, seen, best), detail)


def mean_by_hour(hour: Int64, entries: Int64) -> Float64:
    """Return the mean entries of each hour of the local day over its occurrences.

    Parameters
    ----------
    hour
        int64 (occurrences,), 0 to 23.
    entries
        int64 (occurrences,).

    Returns
    -------
    Float64
        float64 (24,); 0 where an hour does not occur.

    Examples
    --------
    >>> import numpy as np
    >>> mean_by_hour(np.array([9, 10, 9]), np.array([3, 8, 4]))[8:11].tolist()
    [0.0, 3.5, 8.0]
    """
    seen = np.bincount(hour, minlength=24)
    total = np.bincount(hour, weights=entries, minlength=24)
    return np.divide(total, seen, out=np.zeros(24), where=seen > 0)


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
