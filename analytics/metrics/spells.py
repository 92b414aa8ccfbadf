"""Spells in which something lasts, from a level that is read now and then: when each began and ended, if seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.metrics.completeness import covered
from analytics.metrics.spans import Bool, Int64, Spans

Int8 = NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Spells:
    """Spells in order of time: one element each, times in µs.

    A spell is [start, end) as read. It surely lasts from ``start_us`` to ``surely_until_us``, and at most from
    ``maybe_from_us`` to ``end_us``. ``began``: its beginning was seen, else it was on when first seen. ``ended``: its
    end was seen, else the time judged ended, or readings did. ``lost``: it is readings that ended.
    """

    start_us: Int64
    end_us: Int64
    maybe_from_us: Int64
    surely_until_us: Int64
    began: Bool
    ended: Bool
    lost: Bool

    def where(self, keep: Bool) -> Spells:
        """Return the spells where ``keep`` is true."""
        return Spells(*(getattr(self, name)[keep] for name in _FIELDS))

    @classmethod
    def joined(cls, parts: Iterable[Spells]) -> Spells:
        """Return the spells of several series as one."""
        every = [_NONE, *parts]
        return cls(*(np.concatenate([getattr(part, name) for part in every]) for name in _FIELDS))


_FIELDS = ("start_us", "end_us", "maybe_from_us", "surely_until_us", "began", "ended", "lost")
_NOWHEN, _NEVER = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
_NONE = Spells(_NOWHEN, _NOWHEN, _NOWHEN, _NOWHEN, _NEVER, _NEVER, _NEVER)


@dataclass(frozen=True, slots=True, eq=False)
class Switching:
    """Readings that switch a spell on, off, or neither (hysteresis); ``t_us`` is int64 µs, sorted."""

    t_us: Int64
    on: Bool
    off: Bool


def spells(readings: Switching, period_us: int, wanted: Spans) -> Spells:
    """Return the spells of a level within the wanted time.

    Parameters
    ----------
    readings
        What each reading does; one that does neither leaves things as they were.
    period_us
        Sampling period in µs.
    wanted
        Time over which to judge. Each span of it stands alone: a spell that goes on from one to the next is two, of
        which the first was not seen to end, nor the second to begin.

    Notes
    -----
    A reading speaks until the next one, or for one period where the next is late; where readings are missing, spells
    end unseen as they do at the end of a span. What begins and ends between two readings isn't seen.

    Examples
    --------
    >>> level = np.array([3, 0, 0, 2, 0])
    >>> found = spells(Switching(np.arange(5) * 60, level == 0, level > 0), 60, Spans.of([(0, 300)]))
    >>> found.start_us.tolist(), found.end_us.tolist(), found.ended.tolist()
    ([60, 240], [180, 300], [True, False])
    """
    seen = covered(readings.t_us, period_us).intersect(wanted)
    if seen.start.size == 0:
        return _NONE
    change = readings.on.astype(np.int8) - (readings.off & ~readings.on)
    course = _turns(readings.t_us, change, seen)
    return _runs(course, readings.t_us, wanted)


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """States over the stretches for which readings speak; ``first``: the first of its stretch."""

    t_us: Int64
    state: Int8
    first: Bool
    seen: Spans


def _turns(t_us: Int64, change: Int8, seen: Spans) -> _Course:
    """Return the states at the beginning of each stretch and wherever a reading does another thing than the last."""
    speaks = np.append(t_us[1:] != t_us[:-1], True)  # of several readings of one instant the last one
    if not speaks.all():
        t_us, change = t_us[speaks], change[speaks]
    turns = np.concatenate([[0], np.flatnonzero(change[1:] != change[:-1]) + 1])
    at_start = np.searchsorted(t_us, seen.start, side="right") - 1
    times, places = np.unique(np.concatenate([seen.start, t_us[turns]]), return_index=True)
    inside = seen.contains(times)
    times, change = times[inside], np.concatenate([change[at_start], change[turns]])[places[inside]]
    stretch = np.searchsorted(seen.start, times, side="right") - 1
    first = np.concatenate([[True], stretch[1:] != stretch[:-1]])
    return _Course(times, _carried_on(change, first), first, seen)


def _carried_on(change: Int8, first: Bool) -> Int8:
    """Return the state after each reading: 1, -1, or 0 where nothing in its stretch has decided it yet."""
    places = np.arange(change.size)
    decided = np.where((change != 0) | first, places, 0)
    return np.asarray(change[np.maximum.accumulate(decided)], dtype=np.int8)


def _runs(course: _Course, read_us: Int64, wanted: Spans) -> Spells:
    t_us, first, on = course.t_us, course.first, course.state > 0
    begins = np.flatnonzero(on & (first | np.concatenate([[False], ~on[:-1]])))
    last = np.concatenate([first[1:], [True]])
    finals = np.flatnonzero(on & (last | np.concatenate([~on[1:], [False]])))
    began = ~first[begins] & (course.state[begins - 1] < 0)
    ended = ~last[finals]
    stretch_end = course.seen.end[np.searchsorted(course.seen.start, t_us[finals], side="right") - 1]
    end_us = np.where(ended, t_us[np.minimum(finals + 1, t_us.size - 1)], stretch_end)
    # The change that a reading shows came after the reading before it, which may be one from before the stretch.
    before = np.searchsorted(read_us, t_us[begins], side="left") - 1
    maybe_from = np.where(began, read_us[np.maximum(before, 0)], t_us[begins])
    surely_until = np.where(ended, read_us[np.searchsorted(read_us, end_us, side="left") - 1], end_us)
    surely_until = np.maximum(surely_until, t_us[begins])
    lost = ~ended & ~np.isin(end_us, wanted.end)
    return Spells(t_us[begins], end_us, maybe_from, surely_until, began, ended, lost)
