"""On-shelf availability: for how much of the opening hours there was something to take."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.metrics.holding import Doubt, Judged, TimeShare, summed, time_share
from analytics.metrics.inputs import Inputs, Outcome, bounded
from analytics.metrics.likely_share import Looks, likely_share
from analytics.metrics.spans import Float64, Int64, Spans
from analytics.windows import HOUR_US


def available_time(t_us: Int64, stock_units: Float64, period_us: int, opening: Spans) -> TimeShare:
    """Return the time in opening hours with at least one unit on the shelf, of one position.

    Parameters
    ----------
    t_us
        int64 µs, sorted.
    stock_units
        Units on the shelf at t.
    period_us
        Sampling period in µs.
    opening
        Opening hours.

    Returns
    -------
    TimeShare
        µs; the time without readings is in ``missing_us``, in neither part of the share.

    Notes
    -----
    Availability as ECR defines it: the product is for sale where and when it is expected, so opening hours only.
    Each change is known to one period. A shelf emptied and refilled between two readings isn't seen.

    Examples
    --------
    >>> import numpy as np
    >>> available_time(np.array([0, 60, 120]), np.array([2.0, 0.0, 5.0]), 60, Spans.of([(0, 180)])).share
    0.6666666666666666
    """
    return time_share(Judged.certain(t_us, stock_units >= 1), period_us, opening, Doubt.SAMPLED)


def measure(inputs: Inputs) -> Outcome:
    """Return the time-weighted share over all instrumented positions.

    Detail: observed_hours, missing_hours; likely_low and likely_high, the 95 % interval within the hard bounds.
    """
    looks = [
        Looks(Judged.certain(t_us, value >= 1), period_us, due)
        for series in inputs.of("stock_units")
        for t_us, value, period_us, due in series.spells(inputs.wanted)
    ]
    return share_outcome(_available(inputs), _GROUND, looks)


def measure_out_of_stock(inputs: Inputs) -> Outcome:
    """Return 1 - on-shelf availability; detail: observed_hours, missing_hours."""
    whole = _available(inputs)
    empty = TimeShare(
        whole.observed_us - whole.held_us,
        whole.observed_us - whole.high_us,
        whole.observed_us - whole.low_us,
        whole.observed_us,
        whole.missing_us,
    )
    return share_outcome(empty, _GROUND)


_GROUND = "each change is known to one period; missing time taken either way"


def _available(inputs: Inputs) -> TimeShare:
    return summed(
        available_time(t_us, value, period_us, due)
        for series in inputs.of("stock_units")
        for t_us, value, period_us, due in series.spells(inputs.wanted)
    )


def share_outcome(whole: TimeShare, ground: str, looks: Sequence[Looks] = ()) -> Outcome:
    """Return a share of time as an outcome with hard bounds, and from regular looks where it probably lies."""
    detail = {"observed_hours": whole.observed_us / HOUR_US, "missing_hours": whole.missing_us / HOUR_US}
    likely = likely_share(looks, whole) if looks else None
    if likely is not None:
        detail |= {"likely_low": likely[0], "likely_high": likely[1]}
    if whole.share is None:
        return Outcome(None, detail=detail, undefined="nothing_observed")
    return Outcome(whole.share, bounded(*whole.bounds, None, ground), detail)
