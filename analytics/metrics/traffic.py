"""Footfall through the perimeter doors, and whether what came in went out again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum, inf, sqrt

import numpy as np

from analytics.metrics.doors import DoorCounts, audited, doors
from analytics.metrics.inputs import Bounds, Inputs, Outcome, bounded
from analytics.metrics.intervals import LEVEL
from analytics.metrics.missing_counts import NOTHING_MISSING, Imputed
from analytics.metrics.spans import Int64


def total(counts: Int64) -> int:
    """Return the sum of counts, exact.

    Parameters
    ----------
    counts
        int64 array of persons per slot.

    Returns
    -------
    int
        Persons; 0 for no slot.

    Notes
    -----
    Footfall as RetailNext's traffic in and traffic out: the sum over doors; staff are included.

    Examples
    --------
    >>> total(np.array([3, 0, 4]))
    7
    """
    return int(np.asarray(counts, dtype=np.int64).sum())


def closure(entries: int, exits: int) -> float | None:
    """Return 1 - |in - out| / (in + out).

    Parameters
    ----------
    entries, exits
        Persons over the same time.

    Returns
    -------
    float or None
        Ratio from 0 to 1; None where nobody came or went.

    Notes
    -----
    Needs every door. It tells whether the counters agree with each other, not whether they agree with the truth.
    Source: StoreTraffic's accuracy calculator.

    Examples
    --------
    >>> round(closure(19597, 18837), 6)
    0.980226
    """
    return None if entries + exits == 0 else 1 - abs(entries - exits) / (entries + exits)


def closure_bounds(entries: tuple[float, float], exits: tuple[float, float]) -> tuple[float, float]:
    """Return the least and the greatest closure where both counts may be anywhere within their bounds.

    Examples
    --------
    >>> closure_bounds((90, 110), (100, 120))
    (0.8571428571428572, 1.0)
    """
    corners = [closure_of_bounds(entries[0], exits[1]), closure_of_bounds(entries[1], exits[0])]
    overlap = entries[0] <= exits[1] and exits[0] <= entries[1]
    return min(corners), 1.0 if overlap else max(corners)


def closure_of_bounds(entries: float, exits: float) -> float:
    """Return the closure of two bounds; 1 of two zeros, 0 where one is unbounded."""
    if entries + exits == 0:
        return 1.0
    return 0.0 if np.isinf(entries) or np.isinf(exits) else 1 - abs(entries - exits) / (entries + exits)


def measure_entries(inputs: Inputs) -> Outcome:
    """Return the entries through the perimeter doors in the window."""
    return _footfall(inputs, "entries")


def measure_exits(inputs: Inputs) -> Outcome:
    """Return the exits through the perimeter doors in the window."""
    return _footfall(inputs, "exits")


def measure_net_closure(inputs: Inputs) -> Outcome:
    """Return the net closure over the window; detail: entries, exits."""
    sides = [doors(inputs, direction) for direction in ("entries", "exits")]
    entries, exits = (_counted(inputs, side) for side in sides)
    value = closure(entries, exits)
    detail = {"entries": entries, "exits": exits}
    if value is None:
        return Outcome(None, detail=detail, undefined="nobody_counted")
    # Two intervals at 97.5 % hold together at 95 % (Bonferroni).
    bounds = [_bounds(inputs, side, (1 + LEVEL) / 2).bounds for side in sides]
    if bounds[0] is None or bounds[1] is None:
        return Outcome(value, detail=detail)
    low, high = closure_bounds((bounds[0].low, bounds[0].high), (bounds[1].low, bounds[1].high))
    return Outcome(value, Bounds(low, high, LEVEL, f"from the bounds of entries and exits; {bounds[0].method}"), detail)


def _footfall(inputs: Inputs, direction: str) -> Outcome:
    """Return the count; detail, where periods are missing: what they may have held."""
    counters = doors(inputs, direction)
    found = _bounds(inputs, counters, LEVEL)
    return Outcome(_counted(inputs, counters), found.bounds, found.detail)


def _counted(inputs: Inputs, counters: list[DoorCounts]) -> int:
    start, end = inputs.window.start_us, inputs.window.end_us
    return sum(total(counter.slots.within(start, end).whole()) for counter in counters)


@dataclass(frozen=True, slots=True)
class _Found:
    bounds: Bounds | None
    detail: Mapping[str, float]


def _bounds(inputs: Inputs, counters: list[DoorCounts], level: float) -> _Found:
    """Return the interval of the true count: capture rate, thinning, missing periods and slots across the edges.

    What missing periods held is imputed from like slots where there are some; else each is taken to have held nothing
    at least and, at most, the largest count that its counter shows in the window.
    """
    gaps = _gaps(inputs, counters)
    rates = audited(counters, inputs.audits, level)
    if rates is None:
        return _Found(None, gaps.detail(level))
    start, end = inputs.window.start_us, inputs.window.end_us
    counts = np.array([total(c.slots.within(start, end).whole()) for c in counters], dtype=np.int64)
    into, out_of = (np.array([_straddling(c, edge) for c in counters], dtype=np.int64) for edge in (start, end))
    spared = gaps.at_largest + int(into.sum())
    extra = spared / rates.least_rate if rates.least_rate > 0 else inf if spared else 0.0
    low = rates.of_total(np.maximum(counts - out_of, 0), gaps.imputed).ends[0]
    high = rates.of_total(counts, gaps.imputed).ends[1] + extra
    ground = [rates.method]
    if gaps.mean > 0:
        ground.append("missing periods imputed from like slots of other days (quasi-Poisson)")
    if gaps.at_largest:
        ground.append("missing periods up to the counter's largest count")
    if into.any() or out_of.any():
        ground.append("slots across the window's edges")
    detail = dict(gaps.detail(level))
    if gaps.mean > 0:
        hard = rates.bounds(counts[:, None], np.array([gaps.all_at_largest + int(into.sum())]))[1]
        detail["high_at_largest"] = float(hard[0])
    return _Found(bounded(max(0.0, low[0]), high[0], level, "; ".join(ground)), detail)


@dataclass(frozen=True, slots=True)
class _Gaps:
    imputed: tuple[Imputed, ...]
    at_largest: int
    """The most that periods without like slots may have held, at the counters' largest counts."""
    all_at_largest: int
    """The same for all missing periods."""

    @property
    def mean(self) -> float:
        return fsum(each.mean for each in self.imputed)

    def detail(self, level: float) -> dict[str, float]:
        """Return what was imputed, as the counters would have counted it, with the ends of its own interval."""
        if self.mean == 0:
            return {}
        half = sqrt(fsum(each.squared(level) for each in self.imputed))
        shown = [each.factor for each in self.imputed if each.mean > 0]
        return {
            "imputed": self.mean,
            "imputed_low": max(0.0, self.mean - half),
            "imputed_high": self.mean + half,
            "imputed_dispersion": max(shown),
        }


def _gaps(inputs: Inputs, counters: list[DoorCounts]) -> _Gaps:
    imputed, at_largest, all_at_largest = [], 0, 0
    store_largest = max((counter.largest() for counter in counters), default=0)
    for counter in counters:
        unseen, largest = counter.unseen(inputs.window.spans), counter.largest() or store_largest
        found, without_like = counter.imputed(inputs) if unseen else (NOTHING_MISSING, 0)
        imputed.append(found)
        at_largest += (without_like + counter.resets(inputs.window.spans)) * largest
        all_at_largest += unseen * largest
    return _Gaps(tuple(imputed), at_largest, all_at_largest)


def _straddling(counter: DoorCounts, edge_us: int) -> int:
    across = (counter.slots.start_us < edge_us) & (counter.slots.end_us > edge_us)
    return total(counter.slots.where(across).whole())
