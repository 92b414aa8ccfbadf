"""Conversion: receipts per person who came in."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from analytics.metrics.capture import ratio
from analytics.metrics.doors import DoorCounts, doors
from analytics.metrics.inputs import Bounds, Inputs, Outcome
from analytics.metrics.intervals import LEVEL
from analytics.metrics.ratio_intervals import fieller
from analytics.metrics.same_hours import SHARE_FLOOR, Counted, at_kinds, counted_in, same_hours
from analytics.metrics.spans import Int64, Spans
from analytics.windows import HOUR_US

CHECKOUTS = ("till", "self_checkout")


def receipts(inputs: Inputs) -> list[DoorCounts]:
    """Return the counts of transactions at tills and self-checkouts."""
    return [
        DoorCounts(series, series.slots(inputs.midnights_us))
        for series in at_kinds(inputs, CHECKOUTS).of("transactions")
    ]


def measure(inputs: Inputs) -> Outcome:
    """Return transactions per entry through the perimeter doors, over the time that both sides were seen.

    Detail: transactions, entries, same_hours (h); above_one where there were more receipts than people counted, which
    is shown and never cut off; rate_low, rate_high, rate_days: how well these days tell the rate at which the store
    goes on (Fieller, as counted). Bounds: receipts are exact, the entries' bounds are those of their audits.
    """
    counters = doors(at_kinds(inputs, ["door_line"]), "entries")
    if not counters:
        return Outcome(None, undefined="no_door_counted")
    hours = same_hours(inputs.wanted, inputs.series)
    if hours.total_us < SHARE_FLOOR * inputs.wanted.total_us:
        return Outcome(None, undefined="sides_at_unlike_hours")
    came = counted_in(counters, hours, inputs, LEVEL)
    bought_by_day, came_by_day = (_by_day(side, hours, inputs) for side in (receipts(inputs), counters))
    bought = int(bought_by_day.sum())
    detail = {"transactions": bought, "entries": came.value, "same_hours": hours.total_us / HOUR_US}
    if came.value == 0:
        return Outcome(None, detail=detail, undefined="nobody_counted")
    if bought > came.value:
        detail["above_one"] = True
    if (going_on := fieller(bought_by_day, came_by_day, LEVEL)) is not None and isfinite(going_on.high):
        detail |= {"rate_low": going_on.low, "rate_high": going_on.high, "rate_days": going_on.days}
    return ratio(Counted(bought, Bounds(bought, bought, None, "receipts")), came, detail)


def _by_day(counters: Sequence[DoorCounts], hours: Spans, inputs: Inputs) -> Int64:
    """Return what was counted in these hours on each business day that has any of them."""
    bounds_us = inputs.days.bounds_us
    total = np.zeros(bounds_us.size - 1, dtype=np.int64)
    for counter in counters:
        slots = counter.slots.where(hours.contains(counter.slots.start_us))
        day = np.searchsorted(bounds_us, slots.start_us, side="right") - 1
        inside = (day >= 0) & (day < total.size)
        np.add.at(total, day[inside], slots.whole()[inside])
    return total[hours.measure(bounds_us[:-1], bounds_us[1:]) > 0]
