"""Vehicles that come to parking bays: how many a bay and day, and how long they stay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics.holding import TimeShare, summed
from analytics.metrics.inputs import Inputs, Outcome, bounded
from analytics.metrics.parking import occupied_time
from analytics.metrics.spans import Float64, Int64, Spans
from analytics.windows import DAY_US, HOUR_US, MINUTE_US


@dataclass(frozen=True, slots=True)
class Turns:
    """What the bays saw: vehicles that came, those that surely did, and the most that missing reports may hide.

    ``cut``: stays that the time judged cuts, at its start or its end.
    """

    vehicles: int
    surely: int
    hidden: int
    cut: int
    occupied: TimeShare

    @property
    def most(self) -> int:
        """Greatest number of vehicles that may have come."""
        return self.vehicles + self.hidden


def arrivals(t_us: Int64, occupied: Float64, wanted: Spans) -> tuple[Int64, int]:
    """Return when vehicles came to one bay, and how many of them surely came within the wanted time.

    Parameters
    ----------
    t_us
        int64 µs, sorted: a reading at each change and at least one a heartbeat.
    occupied
        1 occupied, 0 free, from t on.
    wanted
        Time to judge.

    Notes
    -----
    A vehicle comes where a reading says occupied and the one before it free. It surely came within the time judged
    where both of them lie in it. A vehicle that is there at the first reading came at nobody knows when.

    Examples
    --------
    >>> came, surely = arrivals(np.array([0, 10, 20, 30]), np.array([1.0, 0.0, 1.0, 1.0]), Spans.of([(0, 40)]))
    >>> came.tolist(), surely
    ([20], 1)
    """
    taken = occupied >= 0.5
    came = np.flatnonzero(taken[1:] & ~taken[:-1] & wanted.contains(t_us[1:])) + 1
    return t_us[came], int(wanted.contains(t_us[came - 1]).sum())


def turns(inputs: Inputs) -> Turns:
    """Return what all instrumented bays saw.

    Missing time, and time in which a report was lost, may hold as many arrivals a heartbeat as any bay had in one.
    """
    shares, came_us, surely, unseen, cut = [], [np.zeros(0, np.int64)], 0, 0, 0
    busiest = 0
    for series in inputs.of("bay_occupied"):
        for t_us, value, heartbeat_us, due in series.spells(inputs.wanted):
            share = occupied_time(t_us, value, heartbeat_us, due)
            came, sure = arrivals(t_us, value, due)
            doubtful_us = share.missing_us + share.high_us - share.low_us
            unseen += -(-doubtful_us // heartbeat_us)
            busiest = max(busiest, int(np.unique(came // heartbeat_us, return_counts=True)[1].max(initial=0)))
            cut += _present_at_edges(t_us, value, due)
            shares.append(share)
            came_us.append(came)
            surely += sure
    vehicles = sum(came.size for came in came_us)
    return Turns(vehicles, surely, unseen * busiest, cut, summed(shares))


def measure_turnover(inputs: Inputs) -> Outcome:
    """Return vehicles a bay and day (24 hours); detail: vehicles, bay_days.

    Of car parks that only count the vehicles in them: turnover_at_least, the sum of the rises of their counts.
    """
    found = turns(inputs)
    bays = found.occupied
    detail: dict[str, float] = {"vehicles": found.vehicles, "bay_days": bays.observed_us / DAY_US}
    at_least = _turnover_at_least(inputs)
    if at_least is not None:
        detail["turnover_at_least"] = at_least
    if bays.observed_us == 0:
        return Outcome(None, detail=detail, undefined="only_vehicles_counted" if at_least else "nothing_observed")
    value, whole_days = found.vehicles / detail["bay_days"], (bays.observed_us + bays.missing_us) / DAY_US
    low, high = found.surely / whole_days, max(value, found.most / whole_days)
    return Outcome(value, bounded(low, high, None, _GROUND), detail)


def measure_stay(inputs: Inputs) -> Outcome:
    """Return vehicle-time / vehicles that came, in minutes; detail: vehicles, stays_cut, vehicle_hours."""
    found = turns(inputs)
    bays = found.occupied
    detail = {"vehicles": found.vehicles, "stays_cut": found.cut, "vehicle_hours": bays.held_us / HOUR_US}
    if bays.observed_us == 0:
        return Outcome(
            None, detail=detail, undefined="only_vehicles_counted" if _counted(inputs) else "nothing_observed"
        )
    if found.vehicles == 0:
        return Outcome(None, detail=detail, undefined="no_vehicle_came")
    value = bays.held_us / found.vehicles / MINUTE_US
    low = bays.low_us / found.most / MINUTE_US
    high = (bays.high_us + bays.missing_us) / found.surely / MINUTE_US if found.surely else np.inf
    return Outcome(value, bounded(low, high, None, _GROUND), detail)


_GROUND = "a lost report and missing time either way; they hide as many arrivals as a bay's busiest heartbeat held"


def _present_at_edges(t_us: Int64, occupied: Float64, due: Spans) -> int:
    """Return at how many of the edges of the due time the last reading before them says occupied."""
    before = np.concatenate(
        [np.searchsorted(t_us, due.start, side="right"), np.searchsorted(t_us, due.end, side="left")]
    )
    return int((occupied[before[before > 0] - 1] >= 0.5).sum())


def _counted(inputs: Inputs) -> bool:
    return any(series.parts for series in inputs.of("vehicles_present"))


def _turnover_at_least(inputs: Inputs) -> float | None:
    """Return the rises of the counts of car parks, a space and day: from samples no more is known than this least."""
    rises = space_days = 0.0
    for series in inputs.of("vehicles_present"):
        for t_us, vehicles, _, due in series.spells(inputs.wanted):
            real = vehicles >= 0
            change = np.diff(vehicles[real])
            inside = due.contains(t_us[real][1:]) & due.contains(t_us[real][:-1])
            rises += float(np.maximum(change, 0.0)[inside].sum())
            space_days += series.point_count * due.total_us / DAY_US
    return rises / space_days if space_days else None
