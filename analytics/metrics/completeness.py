"""What was received of what was expected: intervals by period, and the gaps between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics.spans import Float64, Int64, Spans

SLACK = 1.5
"""A step of up to this many periods is no gap: a clock may jitter, a lost interval makes a step of two."""


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """Intervals expected and received over some time, and the spans without readings (µs)."""

    expected: int
    received: int
    gaps: Spans


def covered(t_us: Int64, period_us: int) -> Spans:
    """Return the time that readings cover: from each one to the next, or for one period where the next is late.

    Parameters
    ----------
    t_us
        int64 array, sorted; repeats are allowed.
    period_us
        Duration of an interval, or the longest silence to expect (heartbeat), in µs.

    Notes
    -----
    A step of up to 1.5 periods is no gap (``SLACK``). For an interval series with steps of one period this is the
    union of its intervals; for a state reported on change it is the time vouched for by heartbeats.

    Examples
    --------
    >>> covered(np.array([0, 60, 120, 300]), 60).pairs()
    [(0, 180), (300, 360)]
    """
    if t_us.size == 0:
        return Spans(t_us, t_us)
    late = np.flatnonzero(np.diff(t_us) > SLACK * period_us)
    return Spans(t_us[np.append(0, late + 1)], np.append(t_us[late], t_us[-1]) + period_us)


def holds_us(t_us: Int64, period_us: int) -> Int64:
    """Return for how long each reading speaks, in µs: to the next, or for one period where the next is late."""
    step = np.diff(t_us, append=t_us[-1:] + period_us)
    return np.where(step <= SLACK * period_us, step, period_us).astype(np.int64)


def online(t_us: Int64, value: Float64, period_us: int) -> Spans:
    """Return the time for which a device's state says that it was reachable (a value of 1, not 0).

    Examples
    --------
    >>> online(np.array([0, 300, 600]), np.array([1.0, 0.0, 1.0]), 300).pairs()
    [(0, 300), (600, 900)]
    """
    up = value >= 0.5
    return Spans.union(t_us[up], (t_us + holds_us(t_us, period_us))[up])


def received(cover: Spans, period_us: int, wanted: Spans) -> Received:
    """Return intervals expected and received over the wanted time.

    Parameters
    ----------
    cover
        Time that the readings cover (see ``covered``).
    period_us
        Period in µs.
    wanted
        Time over which intervals are expected.

    Returns
    -------
    Received
        expected: whole periods in each wanted span, rounded, at least one where there is any time; received: expected
        minus the periods missing in the gaps, never below 0 and never above expected; gaps of half a period or more.

    Notes
    -----
    Completeness as in ISO/IEC 25012; expected counts follow the zone database through ``wanted``, so a local day of
    25 hours expects 25.

    Examples
    --------
    >>> r = received(covered(np.array([0, 60, 180]), 60), 60, Spans.of([(0, 240)]))
    >>> r.expected, r.received, r.gaps.pairs()
    (4, 3, [(120, 180)])
    """
    expected = _periods(wanted, period_us)
    gaps = wanted.without(cover)
    long = 2 * (gaps.end - gaps.start) >= period_us
    gaps = Spans(gaps.start[long], gaps.end[long])
    count = max(0, expected - _periods(gaps, period_us))
    return Received(expected, 0 if wanted.intersect(cover).total_us == 0 else count, gaps)


def _periods(spans: Spans, period_us: int) -> int:
    length = spans.end - spans.start
    return int(np.maximum((2 * length + period_us) // (2 * period_us), 1).sum())


def joined(series: Int64, since_us: Int64, until_us: Int64, slack_us: Int64) -> tuple[Int64, Int64, Int64]:
    """Join stretches of readings, each given by its first and last, where the step between two is no gap.

    A reading is a stretch of its own. The order in which stretches are joined makes no difference, nor does one that
    comes twice; and ``Spans.union(since, until + period)`` of a series is what ``covered`` gives for its readings.

    Parameters
    ----------
    series, since_us, until_us, slack_us
        int64 arrays of one length, in any order: which series (its stretches are joined with each other alone), first
        and last reading, and the longest step of the series that is no gap (see ``longest_step_us``).

    Returns
    -------
    tuple of int64 arrays
        Series, first and last reading of each stretch, by series and time.

    Examples
    --------
    >>> t_us = np.array([300, 0, 60, 120])
    >>> _, since, until = joined(np.ones(4, np.int64), t_us, t_us, np.full(4, longest_step_us(60)))
    >>> since.tolist(), until.tolist()
    ([0, 300], [120, 300])
    """
    if series.size == 0:
        return series, since_us, until_us
    order = np.lexsort((since_us, series))
    series, since, slack = series[order], since_us[order], slack_us[order]
    another = series[1:] != series[:-1]
    # The latest end so far within the series: ends by rank, with those of every further series above all before.
    ends, rank = np.unique(until_us[order], return_inverse=True)
    above = np.concatenate([[0], np.cumsum(another)]) * ends.size
    reach = ends[np.maximum.accumulate(above + rank) - above]
    first = np.concatenate([[True], another | (since[1:] - reach[:-1] > slack[1:])])
    last = np.concatenate([first[1:], [True]])
    return series[first], since[first], reach[last]


def longest_step_us(period_us: int) -> int:
    """Return the longest step between two readings that is no gap, in whole µs."""
    return int(SLACK * period_us)


def due_counts(spans: Spans, period_us: int, bounds_us: Int64) -> Int64:
    """Return how many readings are due between bounds: one at each whole multiple of the period since 1970.

    Counts of neighbouring intervals add up to that of their union, whatever the bounds.

    Parameters
    ----------
    spans
        Time in which readings are due.
    bounds_us
        n + 1 ascending int64 times in µs.

    Returns
    -------
    int64 array (n,)

    Examples
    --------
    >>> due_counts(Spans.of([(30, 200)]), 60, np.array([0, 60, 120, 240])).tolist()
    [0, 1, 2]
    """
    if spans.start.size == 0:
        return np.zeros(bounds_us.size - 1, np.int64)
    number = [-(-edge // period_us) for edge in (spans.start, spans.end, bounds_us)]
    starts, ends, at = number
    upto = np.concatenate([[0], np.cumsum(ends - starts)])
    index = np.searchsorted(spans.start, bounds_us, side="right")
    beyond = np.where(index > 0, np.maximum(ends[np.maximum(index - 1, 0)] - at, 0), 0)
    return np.diff(upto[index] - beyond)
