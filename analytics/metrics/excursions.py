"""Excursions of cold cabinets: stretches out of band that last, how far they went, and whether a door explains them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analytics.metrics.cold_chain import BAND_LIMITS, Band, bands
from analytics.metrics.completeness import holds_us
from analytics.metrics.inputs import Bounds, Inputs, Observed, Outcome
from analytics.metrics.spans import Bool, Float64, Int64, Spans
from analytics.windows import MINUTE_US, from_us

MOST_NAMED = 20
HOLD = "excursion.hold_min"
_GROUND = "device accuracy; each crossing known to one period; missing time taken either way"


@dataclass(frozen=True, slots=True, eq=False)
class Excursions:
    """Excursions of one cabinet as read, and hard bounds of their number and total time (µs)."""

    spans: Spans
    number_low: int
    number_high: int
    total_low_us: int
    total_high_us: int


@dataclass(frozen=True, slots=True)
class Rule:
    """When a stretch is an excursion: out of the band, read with the device's greatest error, for at least so long."""

    band: Band
    hold_us: int


def excursions(t_us: Int64, temperature_c: Float64, rule: Rule, period_us: int, due: Spans) -> Excursions:
    """Return the excursions of one cabinet.

    Parameters
    ----------
    t_us
        int64 µs, sorted.
    temperature_c
        degC at t.
    rule
        Band, and the length in µs from which on a stretch out of it counts.
    period_us
        Sampling period in µs.
    due
        Time to judge.

    Notes
    -----
    A stretch goes from its first reading out of band to the next one within; time without readings ends it.

    Surely an excursion: readings out of band at the device's best follow each other for as long as the hold time. At
    most: readings that may be out of band, the period before each, and missing time; such a stretch holds at most as
    many excursions as the hold time fits in. What begins and ends between two readings is not seen.

    Examples
    --------
    >>> t, c = np.arange(5) * 60, np.array([4.0, 9.0, 9.0, 9.0, 4.0])
    >>> found = excursions(t, c, Rule(Band(0.0, 8.0), 120), 60, Spans.of([(0, 300)]))
    >>> found.spans.pairs(), found.number_low, found.number_high
    ([(60, 240)], 1, 2)
    """
    hold_us = rule.hold_us
    if t_us.size == 0:
        return Excursions(Spans.of([]), 0, _fitting(due, hold_us), 0, _lasting(due, hold_us).total_us)
    judged, end_us = rule.band.judge(t_us, temperature_c), t_us + holds_us(t_us, period_us)
    joins = np.append(end_us[:-1] == t_us[1:], [False])
    read = _lasting(_stretches(t_us, end_us, ~judged.held).intersect(due), hold_us)
    surely_out = ~judged.possibly
    both = surely_out & joins & np.append(surely_out[1:], [False])
    low = _lasting(_stretches(t_us, end_us, both).intersect(due), hold_us)
    may_be_out = ~judged.surely
    # Before a reading that may be out, and before a gap, the temperature may have left the band from the last one on.
    before = ~joins | np.append(may_be_out[1:], [False])
    missing = due.without(Spans.union(t_us, end_us))
    doubtful = _stretches(t_us, end_us, may_be_out | before)
    high = Spans.of([*doubtful.intersect(due).pairs(), *missing.pairs()])
    return Excursions(
        read,
        _apart(low, t_us[judged.surely]),
        _fitting(high, hold_us),
        low.total_us,
        _lasting(high, hold_us).total_us,
    )


def degree_minutes(t_us: Int64, temperature_c: Float64, band: Band, period_us: int, spans: Spans) -> float:
    """Return how far beyond its band a cabinet was, summed over the minutes of these spans.

    Examples
    --------
    >>> t, c = np.array([0, 60_000_000]), np.array([10.0, 9.0])
    >>> degree_minutes(t, c, Band(0.0, 8.0), 60_000_000, Spans.of([(0, 120_000_000)]))
    3.0
    """
    beyond = np.maximum(np.maximum(temperature_c - band.upto_c, band.above_c - temperature_c), 0.0)
    held = spans.measure(t_us, t_us + holds_us(t_us, period_us))
    return float(np.dot(beyond, held / MINUTE_US))


def measure_number(inputs: Inputs) -> Outcome:
    """Return the number of excursions of all cabinets.

    Detail: total_minutes, longest_minutes, degree_minutes, hold_min, explained_by_door, undeclared_accuracy, and the
    longest excursions one by one (device, start, end, minutes, degree_minutes, door: open, closed, not_known).
    """
    if (found := _found(inputs)) is None:
        return Outcome(None, undefined="no_limit_in_force")
    parts = [part for _, part, _ in found]
    low, high = sum(part.number_low for part in parts), sum(part.number_high for part in parts)
    number = sum(part.spans.start.size for part in parts)
    return Outcome(number, Bounds(min(low, number), max(high, number), None, _GROUND), _detail(inputs, found))


def measure_time(inputs: Inputs) -> Outcome:
    """Return the minutes of all cabinets' excursions together; detail as for their number."""
    if (found := _found(inputs)) is None:
        return Outcome(None, undefined="no_limit_in_force")
    total, low, high = (
        (
            sum(times) / MINUTE_US
            for times in zip(*((p.spans.total_us, p.total_low_us, p.total_high_us) for _, p, _ in found), strict=True)
        )
        if found
        else (0.0, 0.0, 0.0)
    )
    return Outcome(total, Bounds(min(low, total), max(high, total), None, _GROUND), _detail(inputs, found))


_Found = tuple[Observed, Excursions, list[dict[str, object]]]


def _found(inputs: Inputs) -> list[_Found] | None:
    """Return the excursions of each cabinet, with each told by itself; None without the limits."""
    if not inputs.limits.keys() >= {*BAND_LIMITS, HOLD}:
        return None
    of_kind, hold_us = bands(inputs.limits), round(inputs.limits[HOLD] * MINUTE_US)
    found: list[_Found] = []
    for series in inputs.of("temperature"):
        rule = Rule(Band(*of_kind[series.point_kind], series.error), hold_us)
        for t_us, value, period_us, due in series.spells(inputs.wanted):
            part = excursions(t_us, value, rule, period_us, due)
            told = list(_told(inputs, series, part, (t_us, value, rule.band, period_us)))
            found.append((series, part, told))
    return found


def _told(
    inputs: Inputs, series: Observed, part: Excursions, read: tuple[Int64, Float64, Band, int]
) -> Iterator[dict[str, object]]:
    hold_us = round(inputs.limits[HOLD] * MINUTE_US)
    for start_us, end_us in part.spans.pairs():
        yield {
            "device": series.device,
            "start": from_us(start_us, inputs.window.zone).isoformat(),
            "end": from_us(end_us, inputs.window.zone).isoformat(),
            "minutes": (end_us - start_us) / MINUTE_US,
            "degree_minutes": round(degree_minutes(*read, Spans.of([(start_us, end_us)])), 6),
            "door": _door(inputs, series.point_id, start_us - hold_us, end_us),
        }


def _door(inputs: Inputs, point_id: str, start_us: int, end_us: int) -> str:
    """Return whether the cabinet's door was open at some time, closed all the time, or nobody knows."""
    doors = [series for series in inputs.of("door_open") if series.point_id == point_id]
    spells = [spell for door in doors for spell in door.spells(Spans.of([(start_us, end_us)]))]
    for t_us, value, period_us, due in spells:
        is_open = _stretches(t_us, t_us + holds_us(t_us, period_us), value >= 0.5)
        if is_open.intersect(due).total_us:
            return "open"
    known = any(door.cover().measure(start_us, end_us) == end_us - start_us for door in doors)
    return "closed" if known else "not_known"


def _detail(inputs: Inputs, found: list[_Found]) -> dict[str, object]:
    every = [told for _, _, of_one in found for told in of_one]
    minutes = [(part.spans.end - part.spans.start) / MINUTE_US for _, part, _ in found]
    lengths = np.concatenate([np.zeros(0), *minutes])
    order = np.argsort(-lengths, kind="stable")[:MOST_NAMED]
    return {
        "total_minutes": float(lengths.sum()),
        "longest_minutes": float(lengths.max(initial=0.0)),
        "degree_minutes": float(np.sum([told["degree_minutes"] for told in every])),
        "hold_min": inputs.limits[HOLD],
        "explained_by_door": sum(told["door"] == "open" for told in every),
        "undeclared_accuracy": sorted({s.device for s in inputs.of("temperature") if s.accuracy is None}),
        "excursions": [every[i] for i in order.tolist()],
    }


def _stretches(start_us: Int64, end_us: Int64, which: Bool) -> Spans:
    return Spans.union(start_us[which], end_us[which])


def _lasting(spans: Spans, hold_us: int) -> Spans:
    long = spans.end - spans.start >= hold_us
    return Spans(spans.start[long], spans.end[long])


def _fitting(spans: Spans, hold_us: int) -> int:
    return int(((spans.end - spans.start) // hold_us).sum())


def _apart(spans: Spans, within_us: Int64) -> int:
    """Return how many of these excursions are certainly different ones: between two, a reading is surely within."""
    if spans.start.size == 0:
        return 0
    passed = np.searchsorted(within_us, spans.start)
    return int(np.unique(passed).size)
