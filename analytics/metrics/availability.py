"""Device availability: for how much of the time the registered devices were reachable."""

from __future__ import annotations

import numpy as np

from analytics.metrics.holding import Doubt, Judged, TimeShare, summed, time_share
from analytics.metrics.inputs import Inputs, Observed, Outcome
from analytics.metrics.likely_share import Looks
from analytics.metrics.shelves import share_outcome
from analytics.metrics.spans import Float64, Int64, Spans
from analytics.windows import from_us


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
    >>> online_time(np.array([0, 300, 600]), np.array([1.0, 0.0, 1.0]), 300, Spans.of([(0, 900)])).share
    0.6666666666666666
    """
    return time_share(Judged.certain(t_us, online >= 0.5), period_us, wanted, Doubt.DETECTED)


def measure(inputs: Inputs) -> Outcome:
    """Return the share over all devices whose state is reported.

    Detail: devices_down (at the end, since when); likely_low and likely_high, the 95 % interval within the hard bounds.
    """
    spells = [spell for series in inputs.of("device_online") for spell in series.spells(inputs.wanted)]
    whole = summed(online_time(*spell) for spell in spells)
    looks = [Looks(Judged.certain(t_us, value >= 0.5), period_us, due) for t_us, value, period_us, due in spells]
    outcome = share_outcome(whole, "a change is noticed up to one period late; missing time taken either way", looks)
    down = [
        {"device": series.device, "since": from_us(since_us, inputs.window.zone).isoformat()}
        for series in inputs.of("device_online")
        if (since_us := down_since(series, inputs.window.end_us)) is not None
    ]
    return Outcome(outcome.value, outcome.bounds, {**outcome.detail, "devices_down": down}, outcome.undefined)


def down_since(series: Observed, end_us: int) -> int | None:
    """Return since when a device that is down at the end has been so (as far back as readings go), None if it is up."""
    t_us = np.concatenate([np.zeros(0, dtype=np.int64), *(part.t_us for part in series.parts)])
    up = np.concatenate([np.zeros(0), *(part.value for part in series.parts)])[t_us < end_us] >= 0.5
    if up.size == 0 or up[-1]:
        return None
    last_up = np.flatnonzero(up)
    return int(t_us[last_up[-1] + 1 if last_up.size else 0])
