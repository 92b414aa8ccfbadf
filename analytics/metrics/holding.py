"""Shares of time in which something held, from levels and states that are only read now and then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from analytics.metrics.completeness import SLACK, covered, holds_us
from analytics.metrics.spans import Bool, Float64, Int64, Spans


class Doubt(Enum):
    """How well a reading dates the change that it shows."""

    SAMPLED = "sampled"
    """The change was at some time since the reading before."""
    ON_CHANGE = "on_change"
    """The change is dated exactly, unless a heartbeat shows it: then the report of it was lost, or one before it."""
    DETECTED = "detected"
    """The change came up to one period before it was noticed."""


@dataclass(frozen=True, slots=True)
class TimeShare:
    """Time (µs) in which something held: as observed, its hard bounds, and what was observed and missing."""

    held_us: int
    low_us: int
    high_us: int
    observed_us: int
    missing_us: int

    @property
    def share(self) -> float | None:
        """Observed share, None where nothing was observed."""
        return self.held_us / self.observed_us if self.observed_us else None

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds of the share over all the time wanted, missing time taken either way."""
        wanted = self.observed_us + self.missing_us
        return self.low_us / wanted, (self.high_us + self.missing_us) / wanted


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Readings of a level or state, each judged: whether a condition held, at the device's worst, at its best.

    ``t_us`` is int64, sorted; surely implies held implies possibly.
    """

    t_us: Int64
    held: Bool
    surely: Bool
    possibly: Bool

    @classmethod
    def certain(cls, t_us: Int64, held: Bool) -> Judged:
        """Return readings whose device error doesn't matter."""
        return cls(t_us, held, held, held)


def held(t_us: Int64, value: Float64, period_us: int, edges_us: Int64) -> tuple[Int64, Float64, Int64]:
    """Return levels as (t_us, value, for how long each holds in µs), cut at the edges that they hold across.

    Examples
    --------
    >>> [column.tolist() for column in held(np.array([50, 90]), np.array([4.0, 7.0]), 60, np.array([60, 120]))]
    [[50, 60, 90, 120], [4.0, 4.0, 7.0, 7.0], [10, 30, 30, 30]]
    """
    end_us = t_us + holds_us(t_us, period_us)
    last = np.searchsorted(t_us, edges_us, side="right") - 1
    cut = (last >= 0) & (edges_us < end_us[last]) & (edges_us > t_us[last]) if t_us.size else last >= 0
    begins, levels, ends = (
        np.concatenate([whole, part])
        for whole, part in ((t_us, edges_us[cut]), (value, value[last[cut]]), (end_us, end_us[last[cut]]))
    )
    order = np.argsort(begins, kind="stable")
    begins, levels, ends = begins[order], levels[order], ends[order]
    return begins, levels, np.minimum(ends, np.append(begins[1:], ends[-1:])) - begins


def time_share(readings: Judged, period_us: int, wanted: Spans, doubt: Doubt) -> TimeShare:
    """Return for how much of the wanted time a condition held, with hard bounds.

    Parameters
    ----------
    readings
        Judged readings of one series.
    period_us
        Sampling period or heartbeat in µs.
    wanted
        Time over which to judge.
    doubt
        How well changes are dated.

    Notes
    -----
    A reading speaks until the next one, or for one period where the next is late (more than 1.5 periods); the rest is
    missing. Lower bound: the time surely held, less the doubtful time before each change to the worse and the last
    stretch before each gap; upper bound likewise with the time possibly held. What begins and ends between two
    readings is not seen. Of several readings of one instant the last one speaks.

    Examples
    --------
    >>> readings = Judged.certain(np.array([0, 60, 120]), np.array([True, True, False]))
    >>> time_share(readings, 60, Spans.of([(0, 180)]), Doubt.SAMPLED)
    TimeShare(held_us=120, low_us=60, high_us=180, observed_us=180, missing_us=0)
    """
    t_us = readings.t_us
    seen = wanted.measure(t_us, t_us + holds_us(t_us, period_us))
    certain = readings.surely is readings.possibly
    observed, held_us = int(seen.sum()), int(seen[readings.held].sum())
    worse = _doubtful(t_us, readings.surely, period_us, doubt)
    better = worse if certain else _doubtful(t_us, readings.possibly, period_us, doubt)
    low = int(seen[readings.surely].sum()) - worse.lost(wanted)
    high = int(seen[readings.possibly].sum()) + better.gained(wanted)
    return TimeShare(
        held_us, max(0, min(low, held_us)), min(observed, max(high, held_us)), observed, wanted.total_us - observed
    )


@dataclass(frozen=True, slots=True, eq=False)
class HeldTime:
    """When something held: as observed, surely and possibly, all within the time observed."""

    held: Spans
    surely: Spans
    possibly: Spans
    observed: Spans

    def both(self, other: HeldTime) -> HeldTime:
        """Return when this held and the other did, too."""
        return HeldTime(*(getattr(self, n).intersect(getattr(other, n)) for n in HeldTime.__slots__))

    def share(self, wanted: Spans) -> TimeShare:
        """Return for how much of the wanted time it held, with hard bounds."""
        held_us, low, high, observed = (getattr(self, n).intersect(wanted).total_us for n in HeldTime.__slots__)
        return TimeShare(held_us, low, high, observed, wanted.total_us - observed)


def held_time(readings: Judged, period_us: int, doubt: Doubt) -> HeldTime:
    """Return when a condition held, by the rules of ``time_share``, so that several conditions can be joined.

    Examples
    --------
    >>> readings = Judged.certain(np.array([0, 60, 120]), np.array([True, True, False]))
    >>> held_time(readings, 60, Doubt.SAMPLED).share(Spans.of([(0, 180)]))
    TimeShare(held_us=120, low_us=60, high_us=180, observed_us=180, missing_us=0)
    """
    t_us = readings.t_us
    ends = t_us + holds_us(t_us, period_us)
    observed = covered(t_us, period_us)
    held_spans, surely, possibly = (
        Spans.union(t_us[said], ends[said]) for said in (readings.held, readings.surely, readings.possibly)
    )
    worse = _doubtful(t_us, readings.surely, period_us, doubt)
    better = _doubtful(t_us, readings.possibly, period_us, doubt)
    lost = Spans.union(worse.start_us[worse.said], worse.end_us[worse.said])
    gained = Spans.union(better.start_us[~better.said], better.end_us[~better.said])
    more = Spans.of([*possibly.pairs(), *gained.pairs()]).intersect(observed)
    return HeldTime(held_spans, surely.without(lost), more, observed)


@dataclass(frozen=True, slots=True, eq=False)
class _Doubtful:
    """Stretches that a change may really belong to: [from, to), after readings that say yes or no."""

    start_us: Int64
    end_us: Int64
    said: Bool

    def lost(self, wanted: Spans) -> int:
        return int(wanted.measure(self.start_us, self.end_us)[self.said].sum())

    def gained(self, wanted: Spans) -> int:
        return int(wanted.measure(self.start_us, self.end_us)[~self.said].sum())


def _doubtful(t_us: Int64, said: Bool, period_us: int, doubt: Doubt) -> _Doubtful:
    step = np.diff(t_us, append=t_us[-1:] + 2 * period_us)
    end = t_us + holds_us(t_us, period_us)
    dubious = step > SLACK * period_us
    changed = np.concatenate([said[1:] != said[:-1], np.zeros(min(1, said.size), dtype=np.bool_)])
    start = t_us
    if doubt is Doubt.SAMPLED:
        dubious = dubious | changed
    elif doubt is Doubt.DETECTED:
        start = np.where(changed & ~dubious, end - np.maximum(step, period_us), t_us)
        dubious = dubious | changed
    else:
        shown_by_heartbeat = np.concatenate(
            [_on_beat(t_us, changed, period_us)[1:], np.zeros(min(1, t_us.size), np.bool_)]
        )
        dubious = dubious | (step > period_us) | (changed & ((step == period_us) | shown_by_heartbeat))
    return _Doubtful(start[dubious], end[dubious], said[dubious])


def _on_beat(t_us: Int64, changed: Bool, period_us: int) -> Bool:
    """Return which readings fall on the beat of those that repeat a state."""
    repeats = t_us[1:][~changed[:-1]]
    if repeats.size == 0:
        return np.zeros(t_us.size, dtype=np.bool_)
    phases, counts = np.unique(repeats % period_us, return_counts=True)
    return np.asarray(t_us % period_us == phases[np.argmax(counts)], dtype=np.bool_)


def summed(shares: Iterable[TimeShare]) -> TimeShare:
    """Return the sum of several series' times: the share of a sum is a ratio of sums, never a mean of ratios."""
    table = [(s.held_us, s.low_us, s.high_us, s.observed_us, s.missing_us) for s in shares]
    return TimeShare(*(sum(column) for column in zip(*table, strict=True))) if table else TimeShare(0, 0, 0, 0, 0)
