"""Parking: occupied bay-time of available bay-time."""

from __future__ import annotations

from analytics.metrics.holding import Doubt, Judged, TimeShare, summed, time_share
from analytics.metrics.inputs import Inputs, Outcome
from analytics.metrics.shelves import share_outcome
from analytics.metrics.spans import Float64, Int64, Spans


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


def measure(inputs: Inputs) -> Outcome:
    """Return the share over all instrumented bays; detail: observed_hours, missing_hours (bay-hours)."""
    whole = summed(
        occupied_time(t_us, value, period_us, due)
        for series in inputs.of("bay_occupied")
        for t_us, value, period_us, due in series.spells(inputs.wanted)
    )
    return share_outcome(whole, "lost reports and missing time taken either way")
