"""The parts of a change of counts between two windows: pure functions of arrays; the parts sum exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics.spans import Bool, Float64, Int64

HOURS = 24
LEAST_SHARE = 0.01
"""A counter that is there, or seen, for less than this part of the time says nothing of the rest of it."""


@dataclass(frozen=True, slots=True, eq=False)
class HourCounts:
    """What the counters of one store counted in the local clock hours of a window.

    Parameters
    ----------
    hour
        int64 (hours,), hour of the local day, 0 to 23.
    day_type
        int64 (hours,), code of the local day's type, from 0; the same codes in both windows.
    length_us
        int64 (hours,), how much of the hour lies in the window, µs.
    open
        bool (hours,), whether the store is open in some of it.
    count
        int64 (counters, hours), persons counted.
    due_us, seen_us
        int64 (counters, hours), time in the window for which the counter is registered, and of that the time for which
        its counts arrived, µs.
    """

    hour: Int64
    day_type: Int64
    length_us: Int64
    open: Bool
    count: Int64
    due_us: Int64
    seen_us: Int64


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The parts of a change, int64 (counters, 24) each, by hour of the local day.

    Their sum over everything is exactly the sum of the counts now less the sum of those before.
    """

    missing: Int64
    devices: Int64
    opening: Int64
    calendar: Int64
    hourly: Int64
    """What the same door counted more or less at the same hour of the same types of day."""
    rest: Int64
    """Of hours at which the store is closed in both windows."""

    @property
    def total(self) -> int:
        """Sum of all parts."""
        every = (self.missing, self.devices, self.opening, self.calendar, self.hourly, self.rest)
        return sum(int(part.sum()) for part in every)


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """A window by (counter, type of day, hour of the day): sums, and the counts as if nothing had been missing."""

    counted: Int64
    time_us: Float64
    complete: Float64
    """With what missing periods held by estimate."""
    full: Float64
    """With what an absent counter would have counted, by estimate, too."""
    never_seen: Bool
    """(counters, 24), due at that hour of the day and not seen at it, or hardly."""
    never_due: Bool
    """(counters,), not registered in the window, or hardly."""
    open: Bool
    """(24,)."""


def split(now: HourCounts, before: HourCounts) -> Parts:
    """Split the change from ``before`` to ``now`` into parts that sum exactly to it.

    The counters are those of either window, in the same order in both; one that is not registered has ``due_us`` 0.

    Notes
    -----
    For every counter and hour of the day, in this order. A counter registered in one window alone: all of it is
    ``devices``. One that is due at that hour and was never seen at it in one of them: all of it is ``missing``.
    Else what missing periods held is estimated at the rate of the same counter at the same hour of the same type of
    day (of any type, where none was seen), and the change of that estimate, with its sign turned, is ``missing``;
    likewise the time for which the counter was not registered is ``devices``. What remains belongs to ``opening`` where
    the store is open at that hour in one window alone, and to ``rest`` where in neither. Open in both, it is divided by
    Kitagawa's decomposition: with T the time of a type of day and r its rate, ``calendar`` is the sum over types of
    (T1 - T0)(r1 + r0) / 2, and ``hourly`` what is left, that is the sum of (r1 - r0)(T1 + T0) / 2; a type of day that
    only one window has is all calendar. Estimates are rounded to whole persons for every counter and hour; ``hourly``
    (else the part that is last in this order) takes what rounding leaves, so that the sum is exact in int64.

    Source: E. M. Kitagawa, Components of a difference between two rates, J. Am. Stat. Assoc. 50 (1955) 1168.

    Examples
    --------
    >>> hours = np.arange(2)
    >>> def day(count, seen):
    ...     us = np.full((1, 2), 60)
    ...     return HourCounts(hours, hours * 0, us[0], us[0] > 0, np.array([count]), us, np.array([seen]))
    >>> parts = split(day([30, 20], [60, 30]), day([25, 44], [60, 60]))
    >>> parts.missing[0, :2], parts.hourly[0, :2], parts.total
    (array([  0, -20]), array([ 5, -4]), -19)
    """
    types = int(max(now.day_type.max(initial=-1), before.day_type.max(initial=-1))) + 1
    after, prior = _cells(now, types), _cells(before, types)
    change = after.counted - prior.counted
    one_alone = (after.never_due ^ prior.never_due)[:, np.newaxis] & np.ones(HOURS, np.bool_)
    unseen = ~one_alone & (after.never_seen | prior.never_seen)
    usual = ~one_alone & ~unseen
    missing = np.where(unseen, change, np.where(usual, _estimate(prior, after), 0))
    devices = np.where(one_alone, change, np.where(usual, _absent(prior, after), 0))
    calendar = np.where(usual & after.open & prior.open, _calendar(after, prior), 0)
    left = change - missing - devices - calendar
    return Parts(
        missing=missing,
        devices=devices,
        opening=np.where(after.open ^ prior.open, left, 0),
        calendar=calendar,
        hourly=np.where(after.open & prior.open, left, 0),
        rest=np.where(after.open | prior.open, 0, left),
    )


def _cells(window: HourCounts, types: int) -> _Cells:
    counted, due, seen = (_summed(each, window, types) for each in (window.count, window.due_us, window.seen_us))
    time = _summed(window.length_us[np.newaxis], window, types)[0]
    opened = np.zeros(HOURS, np.bool_)
    opened[window.hour[window.open]] = True
    complete = counted + _at_rate(counted, seen, np.maximum(due - seen, 0))
    return _Cells(
        counted=counted.sum(axis=1),
        time_us=time.astype(np.float64),
        complete=complete.sum(axis=1),
        full=complete + _at_rate(complete, due, np.maximum(time - due, 0)),
        never_seen=(seen.sum(axis=1) < LEAST_SHARE * due.sum(axis=1)),
        never_due=due.sum(axis=(1, 2)) <= LEAST_SHARE * time.sum(),
        open=opened,
    )


def _summed(values: Int64, window: HourCounts, types: int) -> Int64:
    """Return sums by (counter, type of day, hour of the day)."""
    cells = np.zeros((values.shape[0], types * HOURS), np.int64)
    for of_one, row in zip(cells, values, strict=True):
        np.add.at(of_one, window.day_type * HOURS + window.hour, row)
    return cells.reshape(values.shape[0], types, HOURS)


def _at_rate(amount: Int64 | Float64, of_us: Int64, over_us: Int64) -> Float64:
    """Return amount / of x over by cell, at the rate of all types of day where a cell itself has too little time."""
    everywhere = _rate(*(each.sum(axis=1, keepdims=True) for each in (amount, of_us, over_us)))
    own = _rate(amount, of_us, over_us)
    return np.nan_to_num(np.where(np.isnan(own), everywhere, own)) * over_us


def _rate(amount: Int64 | Float64, of_us: Int64, over_us: Int64) -> Float64:
    """Return amount / of, NaN where of is too small a part of the whole to speak for the rest."""
    speaks = (of_us > 0) & (of_us >= LEAST_SHARE * (of_us + over_us))
    return np.where(speaks, amount / np.maximum(of_us, 1), np.nan)


def _whole(values: Float64) -> Int64:
    return np.rint(values).astype(np.int64)


def _estimate(prior: _Cells, after: _Cells) -> Int64:
    """Return what missing data took from now, less what they took from before: negative where now lacks more."""
    return _whole(prior.complete - prior.counted) - _whole(after.complete - after.counted)


def _absent(prior: _Cells, after: _Cells) -> Int64:
    took = [_whole(each.full.sum(axis=1) - each.complete) for each in (prior, after)]
    return took[0] - took[1]


def _calendar(after: _Cells, prior: _Cells) -> Int64:
    """Return Kitagawa's component of composition, (counters, 24)."""
    rates = [each.full / np.maximum(each.time_us, 1) for each in (after, prior)]
    known = [np.broadcast_to(each.time_us > 0, rates[0].shape) for each in (after, prior)]
    r1 = np.where(known[0], rates[0], rates[1])
    r0 = np.where(known[1], rates[1], rates[0])
    return _whole(((after.time_us - prior.time_us) * (r1 + r0) / 2).sum(axis=1))
