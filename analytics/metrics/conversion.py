"""Conversion: receipts per person who came in."""

from __future__ import annotations

from analytics.metrics.capture import ratio
from analytics.metrics.doors import DoorCounts, doors
from analytics.metrics.inputs import Bounds, Inputs, Outcome
from analytics.metrics.same_hours import SHARE_FLOOR, Counted, at_kinds, counted_in, same_hours
from analytics.metrics.traffic import LEVEL

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
    is shown and never cut off. Bounds: receipts are exact, the entries' bounds are those of their audits.
    """
    counters = doors(at_kinds(inputs, ["door_line"]), "entries")
    if not counters:
        return Outcome(None, undefined="no_door_counted")
    hours = same_hours(inputs.wanted, inputs.series)
    if hours.total_us < SHARE_FLOOR * inputs.wanted.total_us:
        return Outcome(None, undefined="sides_at_unlike_hours")
    came = counted_in(counters, hours, inputs, LEVEL)
    bought = sum(int(c.slots.where(hours.contains(c.slots.start_us)).whole().sum()) for c in receipts(inputs))
    detail = {"transactions": bought, "entries": came.value, "same_hours": hours.total_us / 3.6e9}
    if came.value == 0:
        return Outcome(None, detail=detail, undefined="nobody_counted")
    if bought > came.value:
        detail["above_one"] = True
    return ratio(Counted(bought, Bounds(bought, bought, None, "receipts")), came, detail)
