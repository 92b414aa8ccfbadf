"""Footfall through the perimeter doors, and whether what came in went out again."""

from __future__ import annotations

import numpy as np

from analytics.metrics.doors import DoorCounts, audited, doors
from analytics.metrics.inputs import Bounds, Inputs, Outcome, bounded
from analytics.metrics.spans import Int64

LEVEL = 0.95


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
    bounds = [_bounds(inputs, side, (1 + LEVEL) / 2) for side in sides]
    if bounds[0] is None or bounds[1] is None:
        return Outcome(value, detail=detail)
    low, high = closure_bounds((bounds[0].low, bounds[0].high), (bounds[1].low, bounds[1].high))
    return Outcome(value, Bounds(low, high, LEVEL, f"from the bounds of entries and exits; {bounds[0].method}"), detail)


def _footfall(inputs: Inputs, direction: str) -> Outcome:
    counters = doors(inputs, direction)
    return Outcome(_counted(inputs, counters), _bounds(inputs, counters, LEVEL))


def _counted(inputs: Inputs, counters: list[DoorCounts]) -> int:
    start, end = inputs.window.start_us, inputs.window.end_us
    return sum(total(counter.slots.within(start, end).whole()) for counter in counters)


def _bounds(inputs: Inputs, counters: list[DoorCounts], level: float) -> Bounds | None:
    """Return the interval of the true count: capture rate, thinning, missing periods and slots across the edges.

    A missing period is taken to have held at most the largest count that its counter shows in the window.
    """
    rates = audited(counters, inputs.audits, level)
    if rates is None:
        return None
    start, end = inputs.window.start_us, inputs.window.end_us
    counts = np.array([[total(c.slots.within(start, end).whole())] for c in counters], dtype=np.int64)
    largest = max(counter.largest() for counter in counters)
    unseen = sum(c.unseen(inputs.window.spans) * (c.largest() or largest) for c in counters)
    into, out_of = (sum(_straddling(c, edge) for c in counters) for edge in (start, end))
    low = rates.bounds(np.maximum(counts - _straddling_each(counters, end), 0), np.zeros(1, np.int64))[0]
    high = rates.bounds(counts, np.array([unseen + into], dtype=np.int64))[1]
    ground = [rates.method]
    if unseen:
        ground.append("missing periods up to the counter's largest count")
    if into or out_of:
        ground.append("slots across the window's edges")
    return bounded(low[0], high[0], level, "; ".join(ground))


def _straddling(counter: DoorCounts, edge_us: int) -> int:
    across = (counter.slots.start_us < edge_us) & (counter.slots.end_us > edge_us)
    return total(counter.slots.where(across).whole())


def _straddling_each(counters: list[DoorCounts], edge_us: int) -> Int64:
    return np.array([[_straddling(counter, edge_us)] for counter in counters], dtype=np.int64)
