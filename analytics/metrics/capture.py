"""Turn-in: how many of those who pass come in."""

from __future__ import annotations

from analytics.metrics.doors import DoorCounts, doors
from analytics.metrics.inputs import Inputs, Outcome
from analytics.metrics.intervals import LEVEL
from analytics.metrics.ratio_intervals import ratio_of_bounds
from analytics.metrics.same_hours import SHARE_FLOOR, Counted, at_kinds, counted_in, same_hours
from analytics.windows import HOUR_US

PAVEMENT = "pavement_line"


def measure(inputs: Inputs) -> Outcome:
    """Return entries through the perimeter doors per passer-by, over the opening hours that both sides were seen.

    Detail: entries, passers_by, same_hours (h); above_one where more came in than passed: the lines don't see the same
    side, or another way leads in.
    """
    street = at_kinds(inputs, [PAVEMENT])
    entries, passing = doors(at_kinds(inputs, ["door_line"]), "entries"), _passing(street)
    if not entries:
        return Outcome(None, undefined="no_door_counted")
    hours = same_hours(inputs.wanted, inputs.series)
    if hours.total_us < SHARE_FLOOR * inputs.wanted.total_us:
        return Outcome(None, undefined="sides_at_unlike_hours")
    came, passed = (counted_in(side, hours, inputs, LEVEL) for side in (entries, passing))
    detail = {"entries": came.value, "passers_by": passed.value, "same_hours": hours.total_us / HOUR_US}
    if passed.value == 0:
        return Outcome(None, detail=detail, undefined="nobody_passed")
    if came.value > passed.value:
        detail["above_one"] = True
    return ratio(came, passed, detail)


def ratio(part: Counted, whole: Counted, detail: dict[str, float]) -> Outcome:
    """Return the ratio of two counts with bounds from those of both, as far as they are known."""
    value = part.value / whole.value
    if part.bounds is None or whole.bounds is None:
        return Outcome(value, detail=detail)
    return Outcome(value, ratio_of_bounds(part.bounds, whole.bounds), detail)


def _passing(street: Inputs) -> list[DoorCounts]:
    """Return the counters of passers-by: passages, or both directions of a line whose device counts no passages."""
    whole = {series.device for series in street.of("passages")}
    return [
        DoorCounts(series, series.slots(street.midnights_us))
        for series in street.of("passages", "entries", "exits")
        if series.quantity == "passages" or series.device not in whole
    ]
