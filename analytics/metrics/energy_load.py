"""How a store draws its energy over the day: closed hours against opening hours, and its greatest demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics.counts import Slots
from analytics.metrics.energy import grounds, increments_of, main_meters, metered
from analytics.metrics.inputs import Inputs, Outcome, bounded
from analytics.metrics.spans import Bool, Float64, Int64, Spans
from analytics.windows import HOUR_US, from_us

QUARTER_US = HOUR_US // 4
"""Over which demand is averaged, as for billing by maximum demand."""


@dataclass(frozen=True, slots=True, eq=False)
class Quarters:
    """Energy in kWh of each quarter of an hour, with hard bounds, and whether readings lie around all of it."""

    start_us: Int64
    kwh: Float64
    low_kwh: Float64
    high_kwh: Float64
    read: Bool


def quarters_of(slots: Slots, step_kwh: float, start_us: Int64) -> Quarters:
    """Return the energy of quarters of an hour from a register's increments.

    Parameters
    ----------
    slots
        Increments in kWh between consecutive readings (``register_slots``), in order of time.
    step_kwh
        Resolution of the register.
    start_us
        Starts of the quarters, int64 µs, sorted and disjoint.

    Notes
    -----
    An increment counts by its share of time. At least: those that lie within the quarter, less one step; at most:
    those that touch it, and one step. A reset within may have lost up to the largest other increment.

    Examples
    --------
    >>> start = np.array([0, 1]) * QUARTER_US
    >>> none = np.zeros(2, dtype=bool)
    >>> quarters_of(Slots(start, start + QUARTER_US, np.array([2.0, 3.0]), none), 0.01, start).high_kwh.tolist()
    [2.01, 3.01]
    """
    end_us = start_us + QUARTER_US
    bare = np.zeros(start_us.size)
    if slots.start_us.size == 0:
        return Quarters(start_us, bare, bare, bare, np.zeros(start_us.size, dtype=np.bool_))
    register = np.concatenate([[0.0], np.cumsum(slots.amount)])
    edges_us = np.stack([slots.start_us, slots.end_us], axis=1).ravel()
    at_edges = np.stack([register[:-1], register[1:]], axis=1).ravel()
    kwh = np.interp(end_us, edges_us, at_edges) - np.interp(start_us, edges_us, at_edges)
    first = np.searchsorted(slots.end_us, start_us, side="right")
    beyond = np.searchsorted(slots.start_us, end_us, side="left")
    inner_first = np.searchsorted(slots.start_us, start_us, side="left")
    inner_beyond = np.searchsorted(slots.end_us, end_us, side="right")
    most = np.where(beyond > first, register[beyond] - register[np.minimum(first, beyond)], 0.0)
    least = np.where(inner_beyond > inner_first, register[inner_beyond] - register[inner_first], 0.0)
    resets = np.concatenate([[0], np.cumsum(slots.reset)])
    lost = (resets[np.maximum(beyond, first)] - resets[first]) * (
        float(slots.amount[~slots.reset].max(initial=0.0)) + step_kwh
    )
    read = Spans.union(slots.start_us, slots.end_us).measure(start_us, end_us) == QUARTER_US
    return Quarters(start_us, kwh, np.maximum(least - step_kwh, 0.0), most + step_kwh + lost, read)


def measure_night_load(inputs: Inputs) -> Outcome:
    """Return the mean power of closed hours as a ratio to that of opening hours; detail: closed_kw, open_kw.

    Notes
    -----
    (closed kWh / closed hours) / (open kWh / open hours), over the main meters. Refrigeration runs day and night: a
    store compares with itself and with its own format.
    """
    opening = inputs.opening
    closed = inputs.window.spans.without(opening)
    if not opening.total_us or not closed.total_us:
        return Outcome(None, undefined="no_closed_hours" if opening.total_us else "no_opening_hours")
    day, night = (metered(inputs, main_meters(inputs), part) for part in (opening, closed))
    if day is None or night is None or day.energy.kwh == 0:
        return Outcome(None, undefined="no_increment")
    open_h, closed_h = opening.total_us / HOUR_US, closed.total_us / HOUR_US
    detail = {"closed_kw": night.energy.kwh / closed_h, "open_kw": day.energy.kwh / open_h}
    ends = night.energy.over(day.energy) if day.bounded and night.bounded else None
    scale = open_h / closed_h
    bounds = None if ends is None else bounded(ends[0] * scale, ends[1] * scale, None, grounds(day, night))
    return Outcome(night.energy.kwh / day.energy.kwh * scale, bounds, detail)


def measure_peak_demand(inputs: Inputs) -> Outcome:
    """Return the greatest mean power of a quarter of an hour in kW, of all main meters together; detail: start, end.

    Whole quarters of the clock in the window; of equal ones the earliest. Quarters around which a meter was not read
    are left out, and then the true peak has no upper bound.
    """
    first = -(-inputs.window.start_us // QUARTER_US) * QUARTER_US
    start_us = np.arange(first, inputs.window.end_us - QUARTER_US + 1, QUARTER_US, dtype=np.int64)
    meters = [quarters_of(*increments_of(inputs, series), start_us) for series in main_meters(inputs)]
    if start_us.size == 0 or not meters:
        return Outcome(None, undefined="no_increment")
    read = np.logical_and.reduce([meter.read for meter in meters])
    if not read.any():
        return Outcome(None, undefined="no_increment")
    kwh, low, high = (
        np.where(read, np.sum([getattr(meter, name) for meter in meters], axis=0), -np.inf)
        for name in ("kwh", "low_kwh", "high_kwh")
    )
    peak = int(np.argmax(np.round(kwh, 9)))
    zone, per_h = inputs.window.zone, HOUR_US // QUARTER_US
    detail = {
        "start": from_us(int(start_us[peak]), zone).isoformat(),
        "end": from_us(int(start_us[peak]) + QUARTER_US, zone).isoformat(),
    }
    ground = "register resolution; an increment over several quarters may be any one's"
    bounds = bounded(low.max() * per_h, high.max() * per_h, None, ground) if read.all() else None
    return Outcome(float(kwh[peak]) * per_h, bounds, detail)
