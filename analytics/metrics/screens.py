"""Screens: for how much of the opening hours they are online, and what they play."""

from __future__ import annotations

from analytics.metrics.holding import Doubt, Judged, TimeShare, summed, time_share
from analytics.metrics.inputs import Inputs, Outcome
from analytics.metrics.shelves import share_outcome
from analytics.metrics.spans import Float64, Int64, Spans
from analytics.metrics.tallies import tally


def online_time(t_us: Int64, online: Float64, period_us: int, opening: Spans) -> TimeShare:
    """Return the time in opening hours in which one screen was online.

    Parameters
    ----------
    t_us
        int64 µs, sorted.
    online
        1 online, 0 not, from t on.
    period_us
        Longest silence of a player that works, in µs.
    opening
        Opening hours.

    Returns
    -------
    TimeShare
        µs; time for which nobody says is missing, neither online nor off.

    Notes
    -----
    Availability = uptime / (uptime + downtime). A change came at some time since the reading before the one that shows
    it.

    Examples
    --------
    >>> import numpy as np
    >>> online_time(np.array([0, 300, 600]), np.array([1.0, 0.0, 1.0]), 300, Spans.of([(0, 900)])).share
    0.6666666666666666
    """
    return time_share(Judged.certain(t_us, online >= 0.5), period_us, opening, Doubt.SAMPLED)


def measure_availability(inputs: Inputs) -> Outcome:
    """Return the share over all instrumented screens; detail: observed_hours, missing_hours."""
    whole = summed(
        online_time(t_us, value, period_us, due)
        for series in inputs.of("screen_online")
        for t_us, value, period_us, due in series.spells(inputs.wanted)
    )
    return share_outcome(whole, "each change is known to one period; missing time taken either way")


def measure_plays(inputs: Inputs) -> Outcome:
    """Return the plays of all instrumented screens in the window."""
    return tally(inputs, inputs.of("screen_plays")).outcome()
