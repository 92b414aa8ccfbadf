"""Parking: occupied bay-time of available bay-time, by bays with a sensor each and by car parks that count vehicles."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.metrics.completeness import holds_us
from analytics.metrics.holding import Doubt, Judged, TimeShare, summed, time_share
from analytics.metrics.inputs import Inputs, Outcome
from analytics.metrics.shelves import share_outcome
from analytics.metrics.spans import Float64, Int64, Spans
from analytics.windows import HOUR_US


def occupied_time(t_us: Int64, occupied: Float64, heartbeat_us: int, wanted: Spans) -> TimeShare:
    """Return the occupied time of one bay.

    Parameters
    ----------
    t_us
        int64 µs, sorted: a reading at each change and at least one a heartbeat.
    occupied
        1 occupied, 0 free, from t on.
    heartbeat_us
        Longest silence of a living sensor in µs.
    wanted
        Time to judge.

    Returns
    -------
    TimeShare
        µs; the time in which the sensor was silent for longer than its heartbeat is missing: a dead bay leaves the
        denominator.

    Notes
    -----
    Occupancy = occupied space-time / available space-time. A change that a heartbeat shows, or a step longer than the
    heartbeat, means that a report was lost: that stretch may have been either, and so may missing time.

    Examples
    --------
    >>> import numpy as np
    >>> occupied_time(np.array([0, 900, 3600]), np.array([0.0, 1.0, 1.0]), 3600, Spans.of([(0, 7200)])).share
    0.875
    """
    return time_share(Judged.certain(t_us, occupied >= 0.5), heartbeat_us, wanted, Doubt.ON_CHANGE)


@dataclass(frozen=True, slots=True)
class VehicleTime:
    """What the counts of a car park say: times in µs, of spaces or vehicles, and readings that can't be."""

    occupied_us: float
    available_us: int
    over_us: int
    missing_us: int
    impossible: int

    @property
    def share(self) -> float | None:
        """Occupied of available space-time, above 1 where more vehicles were counted than there are spaces."""
        return self.occupied_us / self.available_us if self.available_us else None


def vehicle_time(t_us: Int64, vehicles: Float64, period_us: int, wanted: Spans, spaces: int) -> VehicleTime:
    """Return the occupied space-time of a car park that counts the vehicles in it.

    Parameters
    ----------
    t_us
        int64 µs, sorted.
    vehicles
        Vehicles present at t; below 0 it can't be, and says nothing.
    period_us
        Sampling period in µs.
    wanted
        Time to judge.
    spaces
        Spaces that there are.

    Returns
    -------
    VehicleTime
        More vehicles than spaces are kept, never clipped: ``over_us`` says for how long there were.

    Notes
    -----
    A count holds until the next one, or for one period where that is late. Between two counts vehicles may come and go
    unseen: there is no bound.

    Examples
    --------
    >>> import numpy as np
    >>> found = vehicle_time(np.array([0, 60, 120]), np.array([5.0, 12.0, -1.0]), 60, Spans.of([(0, 180)]), 10)
    >>> found.share, found.over_us, found.missing_us
    (0.85, 60, 60)
    """
    seen = wanted.measure(t_us, t_us + holds_us(t_us, period_us))
    can_be = vehicles >= 0
    observed = int(seen[can_be].sum())
    return VehicleTime(
        float((seen * vehicles)[can_be].sum()),
        observed * spaces,
        int(seen[vehicles > spaces].sum()),
        wanted.total_us - observed,
        int((seen[~can_be] > 0).sum()),
    )


def measure(inputs: Inputs) -> Outcome:
    """Return the share over all bays and car parks whose sensors live; detail: observed_hours, missing_hours.

    Of car parks also: over_capacity_hours, impossible_readings.
    """
    bays = summed(
        occupied_time(t_us, value, heartbeat_us, due)
        for series in inputs.of("bay_occupied")
        for t_us, value, heartbeat_us, due in series.spells(inputs.wanted)
    )
    outcome = share_outcome(bays, "a missed report and missing time taken either way")
    parks = [
        vehicle_time(t_us, value, period_us, due, series.point_count)
        for series in inputs.of("vehicles_present")
        for t_us, value, period_us, due in series.spells(inputs.wanted)
    ]
    return _with_parks(outcome, bays, parks) if parks else outcome


def _with_parks(of_bays: Outcome, bays: TimeShare, parks: list[VehicleTime]) -> Outcome:
    occupied = bays.held_us + sum(park.occupied_us for park in parks)
    available = bays.observed_us + sum(park.available_us for park in parks)
    detail = {
        **of_bays.detail,
        "over_capacity_hours": sum(park.over_us for park in parks) / HOUR_US,
        "impossible_readings": sum(park.impossible for park in parks),
    }
    undefined = None if available else "nothing_observed"
    return Outcome(occupied / available if available else None, detail=detail, undefined=undefined)
