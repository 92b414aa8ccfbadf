"""How many people are in the store on average while it is open, and how much of its capacity that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analytics.metrics.inputs import Bounds, Inputs, Outcome, bounded
from analytics.metrics.intervals import LEVEL
from analytics.metrics.occupancy import clamped, learned, person_time, raw, reset, scaled
from analytics.metrics.occupancy_bounds import Ends, occupancy_band
from analytics.metrics.spans import Bool, Float64, Int64, Spans
from analytics.metrics.whole_days import DoorFlows, person_time_bounds, whole_days
from analytics.windows import utc_offset_us

WARN_RATIO = "crowd.warn_ratio"


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """Occupancy at each slot's end by the method that each business day justifies, and the methods used."""

    level: Float64
    method: str
    learned: Float64 | None
    """By learning where a day has enough whole days before it, clamped on the others; None where none has."""


def corrected(inputs: Inputs, made: DoorFlows) -> Corrected:
    """Return the occupancy by the justified method of each day.

    A whole day that began and ended empty is scaled, so that as many leave as came; any other is corrected by what the
    whole days before it in the window teach; where they are too few, it is held at or above zero.
    """
    flow, whole = made.flow, whole_days(inputs)
    by_learning = learned(flow, whole, _clock_us(inputs, made))
    held = clamped(flow).astype(np.float64)
    taught = held.copy()
    for day, level in by_learning.items():
        taught[flow.of_day(day)] = level
    chosen, methods = taught.copy(), set()
    for day in flow.days:
        here = flow.of_day(day)
        balanced = scaled(flow, day) if whole[day] else None
        if balanced is not None:
            chosen[here] = balanced
        if here.stop > here.start:
            methods.add("scaled" if balanced is not None else "learned" if day in by_learning else "clamped")
    return Corrected(chosen, "_and_".join(sorted(methods)), taught if by_learning else None)


def mean_level(made: DoorFlows, level: Int64 | Float64, spans: Spans, *, carried: bool = False) -> float:
    """Return the mean over some time of an occupancy given at each slot's end; see ``person_time``."""
    return person_time(made.flow, level, spans, carried=carried) / spans.total_us


def measure_occupancy(inputs: Inputs) -> Outcome:
    """Return the mean occupancy over the opening hours of the window; detail: the method, and what each method gives.

    Detail: method, mean_raw (summed since the first business day), mean_reset (summed since each day's start),
    mean_clamped, mean_scaled (None unless every day is whole), mean_learned (None where too few days teach).
    """
    made, spans = DoorFlows.of(inputs), inputs.opening
    if spans.total_us == 0 or made.flow.end_us.size == 0:
        return Outcome(None, undefined="no_time_to_measure" if spans.total_us == 0 else "nothing_counted")
    best = corrected(inputs, made)
    value = mean_level(made, best.level, spans)
    detail: dict[str, Any] = {
        "method": best.method,
        "mean_raw": mean_level(made, raw(made.flow), spans, carried=True),
        "mean_reset": mean_level(made, reset(made.flow), spans),
        "mean_clamped": mean_level(made, clamped(made.flow), spans),
        "mean_scaled": value if best.method == "scaled" else None,
        "mean_learned": None if best.learned is None else mean_level(made, best.learned, spans),
    }
    if value < 0:
        return Outcome(None, detail=detail, undefined="leave_before_coming")
    return Outcome(value, _bounds(inputs, made, best, spans, value), detail)


def measure_capacity_use(inputs: Inputs) -> Outcome:
    """Return the mean occupancy over the opening hours, of the store's capacity; it may exceed 1.

    Detail: method, capacity, peak_share (greatest occupancy of a slot, of capacity), minutes_over_warning and
    minutes_over_capacity (opening time of the slots that end above the warning share of capacity, and above it).
    """
    capacity = None if inputs.premises is None else inputs.premises.capacity
    if WARN_RATIO not in inputs.limits or not capacity:
        return Outcome(None, undefined="no_capacity" if not capacity else "no_limit_in_force")
    made, spans = DoorFlows.of(inputs), inputs.opening
    if spans.total_us == 0 or made.flow.end_us.size == 0:
        return Outcome(None, undefined="no_time_to_measure" if spans.total_us == 0 else "nothing_counted")
    best, flow = corrected(inputs, made), made.flow
    level, mean = best.level, mean_level(made, best.level, spans)
    if mean < 0:
        return Outcome(None, undefined="leave_before_coming")
    open_us = inputs.opening.measure(flow.start_us, flow.end_us)

    def minutes_over(share: float) -> float:
        return float(open_us[level > share * capacity].sum()) / 6e7

    detail = {
        "method": best.method,
        "capacity": capacity,
        "peak_share": float(level[open_us > 0].max(initial=0.0)) / capacity,
        "minutes_over_warning": minutes_over(inputs.limits[WARN_RATIO]),
        "minutes_over_capacity": minutes_over(1.0),
    }
    bounds = _bounds(inputs, made, best, spans, mean)
    if bounds is not None:
        bounds = bounded(bounds.low / capacity, bounds.high / capacity, bounds.level, bounds.method)
    return Outcome(mean / capacity, bounds, detail)


def _bounds(inputs: Inputs, made: DoorFlows, best: Corrected, spans: Spans, value: float) -> Bounds | None:
    if best.method == "scaled":
        days = _days_with_slots(made)

        def still_to_come(instant_us: Int64) -> Int64:
            return spans.total_us - spans.before(instant_us)

        found = person_time_bounds(inputs, made, days, still_to_come, value * spans.total_us)
        if found is None:
            return None
        whole = found[0]
        return bounded(whole.low / spans.total_us, whole.high / spans.total_us, LEVEL, whole.method)
    band = occupancy_band(
        inputs,
        (made.entries, made.exits),
        Ends(made.flow.end_us, made.flow.day, np.ones_like(made.flow.end_us, dtype=np.bool_)),
    )
    if band is None:
        return None
    # At the ends of slots; between them people are taken to come and go evenly.
    return bounded(mean_level(made, band.low, spans), mean_level(made, band.high, spans), LEVEL, band.method)


def _days_with_slots(made: DoorFlows) -> list[int]:
    return [day for day in made.flow.days if made.flow.of_day(day).stop > made.flow.of_day(day).start]


def _clock_us(inputs: Inputs, made: DoorFlows) -> Int64:
    """Return the local time since the business day's start at each slot's end, by the clock on the wall."""
    zone, flow = inputs.window.time_zone, made.flow
    starts = flow.bounds_us[flow.day]
    return flow.end_us + utc_offset_us(flow.end_us, zone) - starts - utc_offset_us(starts, zone)


def closed_days(made: DoorFlows, whole: Bool) -> list[int]:
    """Return the whole days whose person-time is known: scaled, with somebody counted."""
    found = [day for day in _days_with_slots(made) if whole[day]]
    return [day for day in found if scaled(made.flow, day) is not None and made.flow.came[made.flow.of_day(day)].sum()]
