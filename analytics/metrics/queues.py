"""Queues: how long they are, how long people wait in them, and how often they are too long."""

from __future__ import annotations

from dataclasses import replace

from analytics.metrics.conversion import receipts
from analytics.metrics.dwell import little
from analytics.metrics.holding import Doubt, Judged, summed, time_share
from analytics.metrics.inputs import Inputs, Outcome, bounded
from analytics.metrics.intervals import LEVEL
from analytics.metrics.same_hours import SHARE_FLOOR, at_kinds, same_hours
from analytics.metrics.sampled_levels import METHOD, NOTHING, of_all
from analytics.windows import HOUR_US, MINUTE_US

QUEUE = "queue_zone"
LONGEST = "queue.length_max"


def measure_length(inputs: Inputs) -> Outcome:
    """Return the mean number of persons waiting in a queue zone in the opening hours; of several zones, of each.

    Detail: by_queue (mean of each), longest (greatest number read), observed_hours, missing_hours.
    """
    times = of_all(inputs, [QUEUE])
    whole = sum(times.values(), NOTHING)
    detail = {
        "by_queue": {point: t.area / t.observed_us for point, t in times.items() if t.observed_us},
        "longest": whole.highest,
        "observed_hours": whole.observed_us / HOUR_US,
        "missing_hours": whole.missing_us / HOUR_US,
    }
    if whole.observed_us == 0:
        return Outcome(None, detail=detail, undefined="nothing_observed")
    wanted_us = whole.observed_us + whole.missing_us
    low, high = whole.bounds(LEVEL)
    bounds = bounded(low / wanted_us, high / wanted_us, LEVEL, METHOD)
    return Outcome(whole.area / whole.observed_us, bounds, detail)


def measure_wait(inputs: Inputs) -> Outcome:
    """Return the mean wait in seconds of those served: person-time in the queue zones per receipt at the tills.

    Over the hours that both were seen. Detail: served, waiting_hours (person-hours), same_hours (h).
    """
    hours = same_hours(inputs.wanted, inputs.series)
    if hours.total_us < SHARE_FLOOR * inputs.wanted.total_us:
        return Outcome(None, undefined="sides_at_unlike_hours")
    tills = receipts(at_kinds(inputs, ["till"]))
    served = sum(int(c.slots.where(hours.contains(c.slots.start_us)).whole().sum()) for c in tills)
    whole = sum(of_all(replace(inputs, wanted=hours), [QUEUE]).values(), NOTHING)
    detail = {"served": served, "waiting_hours": whole.area / HOUR_US, "same_hours": hours.total_us / HOUR_US}
    minutes = hours.total_us / MINUTE_US
    value = little(whole.area / MINUTE_US / minutes, served / minutes) if minutes else None
    if value is None:
        return Outcome(None, detail=detail, undefined="nobody_served")
    low, high = (end / 1e6 / served for end in whole.bounds(LEVEL))
    return Outcome(60 * value, bounded(low, high, LEVEL, f"receipts are exact; {METHOD}"), detail)


def measure_time_over_limit(inputs: Inputs) -> Outcome:
    """Return the share of the observed opening time in which more persons waited than the limit; without bounds.

    What a queue does between two readings is not seen, so nothing bounds the true share. Detail: observed_hours,
    missing_hours.
    """
    if LONGEST not in inputs.limits:
        return Outcome(None, undefined="no_limit_in_force")
    whole = summed(
        time_share(Judged.certain(t_us, persons > inputs.limits[LONGEST]), period_us, due, Doubt.SAMPLED)
        for series in inputs.of("occupancy")
        for t_us, persons, period_us, due in series.spells(inputs.wanted)
    )
    detail = {"observed_hours": whole.observed_us / HOUR_US, "missing_hours": whole.missing_us / HOUR_US}
    return Outcome(whole.share, detail=detail, undefined="nothing_observed" if whole.share is None else None)
