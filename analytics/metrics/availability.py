"""Device availability: for how much of the time the registered devices were reachable."""

from __future__ import annotations

from analytics.metrics.holding import Doubt, Judged, TimeShare, summed, time_share
from analytics.metrics.inputs import Inputs, Outcome
from analytics.metrics.shelves import share_outcome
from analytics.metrics.spans import Float64, Int64, Spans


def online_time(t_us: Int64, online: Float64, period_us: int, wanted: Spans) -> TimeShare:
    """Return the time in which one device was reachable.

    Parameters
    ----------
    t_us
        int64 µs, sorted.
    online
        1 reachable, 0 not, as its agent says, from t on.
    period_us
        Period in µs at which the agent looks.
    wanted
        Time to judge.

    Returns
    -------
    TimeShare
        µs; time for which the agent says nothing is missing, neither up nor down.

    Notes
    -----
    Availability = uptime / (uptime + downtime); maintenance counts as downtime. A change is noticed up to one period
    late: the bounds hold that delay, and missing time taken either way.

    Examples
    --------
    >>> import numpy as np
    >>> online_time(np.array([0, 300, 600]), np.array([1.0, 0.0, 1.0]), 300, Spans.of([(0, 900)])).share
    0.6666666666666666
    """
    return time_share(Judged.certain(t_us, online >= 0.5), period_us, wanted, Doubt.DETECTED)


def measure(inputs: Inputs) -> Outcome:
    """Return the share over all devices whose state is reported; detail: devices_down (at the end), device_hours."""
    whole = summed(
        online_time(t_us, value, period_us, due)
        for series in inputs.of("device_online")
        for t_us, value, period_us, due in series.spells(inputs.wanted)
    )
    outcome = share_outcome(whole, "a change is noticed up to one period late; missing time taken either way")
    down = sorted(
        s.device
        for s in inputs.of("device_online")
        if s.parts and s.parts[-1].t_us.size and s.parts[-1].value[-1] < 0.5
    )
    return Outcome(outcome.value, outcome.bounds, {**outcome.detail, "devices_down": down}, outcome.undefined)
