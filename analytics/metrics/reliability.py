"""How often devices fail and for how long: failures, time between them, time to repair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import numpy as np

from analytics.metrics.completeness import online
from analytics.metrics.inputs import Bounds, Inputs, Observed, Outcome, bounded
from analytics.metrics.intervals import LEVEL
from analytics.metrics.spans import Bool, Float64, Int64, Spans
from analytics.windows import DAY_US, HOUR_US, MINUTE_US


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Changes of a device's state: each was at some time after ``since_us`` and at ``seen_us`` at the latest."""

    since_us: Int64
    seen_us: Int64
    failed: Bool
    """True where it went down, false where it came back."""


def changes(t_us: Int64, online_state: Float64) -> Changes:
    """Return the changes that successive looks at a device show.

    Examples
    --------
    >>> found = changes(np.array([0, 300, 600]), np.array([1.0, 0.0, 1.0]))
    >>> found.seen_us.tolist(), found.failed.tolist()
    ([300, 600], [True, False])
    """
    up = online_state >= 0.5
    at = np.flatnonzero(up[1:] != up[:-1])
    return Changes(t_us[at], t_us[at + 1], up[at])


def time_between_failures(operating_us: int, failures: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the bounds of the mean operating time between failures, in µs, infinite above without a failure.

    Notes
    -----
    Time-terminated test of an exponential life: 2 T / chi2(1 - a/2, 2 n + 2) and 2 T / chi2(a/2, 2 n). Without a
    failure one-sided at the level: 2 T / chi2(level, 2) = T / -ln(1 - level).

    Examples
    --------
    >>> [round(end, 3) for end in time_between_failures(1_000, 2)], round(time_between_failures(300, 0)[0], 3)
    ([138.414, 4128.661], 100.142)
    """
    if failures == 0:
        return operating_us / -log(1 - level), float("inf")
    from scipy.special import chdtri  # noqa: PLC0415 - most processes never need it

    tail = (1 - level) / 2
    # chdtri takes the probability above.
    low, high = (2 * operating_us / float(chdtri(*of)) for of in ((2 * failures + 2, tail), (2 * failures, 1 - tail)))
    return low, high


def measure_failures(inputs: Inputs) -> Outcome:
    """Return how many times devices went down, over all whose state is reported; detail: by_device."""
    found = list(_histories(inputs))
    counts = {history.device: history.failures for history in found if history.failures}
    if not found or not any(history.looked for history in found):
        return Outcome(None, undefined="nothing_observed")
    detail = {"by_device": counts, "missing_hours": sum(history.missing_us for history in found) / HOUR_US}
    low, high = (sum(getattr(history, name) for history in found) for name in ("surely", "possibly"))
    whole = all(history.missing_us == 0 for history in found)
    ground = "a change at the window's edge may lie on either side; what begins and ends between two looks isn't seen"
    bounds = Bounds(low, high, None, ground) if whole else None
    return Outcome(sum(counts.values()), bounds, detail)


def measure_time_between(inputs: Inputs) -> Outcome:
    """Return the mean operating time between failures in days, over all devices.

    Detail: failures, operating_days, detection_delay_s; without a failure least_days_between, the one-sided bound.
    """
    found = list(_histories(inputs))
    operating_us, failures = sum(h.operating_us for h in found), sum(h.failures for h in found)
    detail = {"failures": failures, "operating_days": operating_us / DAY_US, "detection_delay_s": _delay_s(inputs)}
    if operating_us == 0:
        return Outcome(None, detail=detail, undefined="nothing_observed")
    low, high = (end / DAY_US for end in time_between_failures(operating_us, failures))
    if failures == 0:
        return Outcome(None, detail={**detail, "least_days_between": low}, undefined="no_failure")
    bounds = bounded(low, high, LEVEL, "chi-square, failures at a constant rate")
    return Outcome(operating_us / failures / DAY_US, bounds, detail)


def measure_time_to_repair(inputs: Inputs) -> Outcome:
    """Return the mean time in minutes for which devices were down, of failures that began and ended in the window.

    Detail: repairs, still_down, began_before, detection_delay_s. A device is noticed to be down, and up, as much as
    this delay after the fact: the delays cancel in the mean, the bounds hold both.
    """
    found = list(_histories(inputs))
    repairs = [repair for history in found for repair in history.repairs]
    detail = {
        "repairs": len(repairs),
        "still_down": sum(history.still_down for history in found),
        "began_before": sum(history.began_before for history in found),
        "detection_delay_s": _delay_s(inputs),
    }
    if not repairs:
        return Outcome(None, detail=detail, undefined="no_repair")
    mean, low, high = (float(np.mean(column)) / MINUTE_US for column in zip(*repairs, strict=True))
    whole = all(history.missing_us == 0 for history in found)
    return Outcome(mean, bounded(low, high, None, "each change known to one look") if whole else None, detail)


@dataclass(frozen=True, slots=True)
class _History:
    """One device in the window: failures as seen, surely and possibly in it, and repairs as (seen, least, most) µs."""

    device: str
    looked: bool
    failures: int
    surely: int
    possibly: int
    operating_us: int
    missing_us: int
    repairs: tuple[tuple[int, int, int], ...]
    still_down: bool
    began_before: int


def _histories(inputs: Inputs) -> Iterator[_History]:
    for series in inputs.of("device_online"):
        due = inputs.wanted.intersect(series.registered)
        if due.total_us:
            yield _history(series, due)


def _history(series: Observed, due: Spans) -> _History:
    t_us = np.concatenate([np.zeros(0, dtype=np.int64), *(part.t_us for part in series.parts)])
    state = np.concatenate([np.zeros(0), *(part.value for part in series.parts)])
    found, start_us, end_us = changes(t_us, state), int(due.start[0]), int(due.end[-1])
    # What a look at the very start shows had happened before, what one at the very end shows had happened within.
    seen = (found.seen_us > start_us) & (found.seen_us <= end_us)
    surely = seen & (found.since_us >= start_us)
    possibly = (found.seen_us > start_us) & (found.since_us < end_us)
    repairs, began_before, begun = [], 0, None
    for since_us, at_us, failed in zip(found.since_us[seen], found.seen_us[seen], found.failed[seen], strict=True):
        if failed:
            begun = since_us, at_us
        elif begun is None:
            began_before += 1
        else:
            repairs.append((int(at_us - begun[1]), int(since_us - begun[1]), int(at_us - begun[0])))
            begun = None
    up = Spans.of([pair for part in series.parts for pair in online(part.t_us, part.value, series.period_us).pairs()])
    inside = (t_us >= start_us) & (t_us < end_us)
    return _History(
        series.device,
        bool(inside.any()),
        int((seen & found.failed).sum()),
        int((surely & found.failed).sum()),
        int((possibly & found.failed).sum()),
        up.intersect(due).total_us,
        due.without(series.cover()).total_us,
        tuple(repairs),
        bool(inside.any() and state[inside][-1] < 0.5),
        began_before,
    )


def _delay_s(inputs: Inputs) -> float:
    """Return for how long a change may go unnoticed: the longest period at which an agent looks."""
    return max((series.period_us for series in inputs.of("device_online")), default=0) / 1e6
