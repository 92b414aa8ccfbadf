"""Like for like: only the series that are registered throughout both windows, and the hours open in both."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from analytics.catalogue.metric import Basis, Metric
from analytics.comparison.answer import LeftOut, LikeForLike, Reason
from analytics.facts import Facts, Watched
from analytics.metrics.spans import Spans
from analytics.results import Facility
from analytics.windows import HOUR_US, opening_spans

Observing = tuple[str, str, str, str]
"""A series and the point that it observes: device, quantity, channel, point."""


def in_both(metric: Metric, now: Facts, before: Facts) -> tuple[Facts, Facts, LikeForLike]:
    """Return the facts of both windows with only what both have, and what that leaves out.

    A series is in both where it is registered to one point for the whole of either window; a counter that was replaced
    is therefore in neither. Where opening hours differ, footfall and what is judged in opening hours is cut to the
    hours that are open in both; what runs by day and night stays whole.
    """
    time_now, time_before = _time_of(metric, now), _time_of(metric, before)
    whole_now, whole_before = (
        {key for key, spans in time.items() if spans.intersect(facts.window.spans).total_us == _length_us(facts)}
        for time, facts in ((time_now, now), (time_before, before))
    )
    kept = whole_now & whole_before
    left_out = tuple(
        _left_out(key, key in time_now, key in time_before, now, before)
        for key in sorted((time_now.keys() | time_before.keys()) - kept)
    )
    open_now, cut_now = _open_in_both(metric, now, before)
    open_before, cut_before = _open_in_both(metric, before, now)
    told = LikeForLike(series=left_out, closed_then_or_now_h=(cut_now + cut_before) / HOUR_US)
    return _only(now, metric, kept, open_now), _only(before, metric, kept, open_before), told


def _length_us(facts: Facts) -> int:
    return facts.window.end_us - facts.window.start_us


def _observing(watched: Watched) -> Observing:
    return (*watched.key, watched.series.point_id)


def _time_of(metric: Metric, facts: Facts) -> dict[Observing, Spans]:
    pairs: dict[Observing, list[tuple[int, int]]] = defaultdict(list)
    for watched in facts.watched_by(metric):
        within = watched.spans.intersect(facts.window.spans).pairs()
        if within:
            pairs[_observing(watched)] += within
    return {key: Spans.of(of_one) for key, of_one in pairs.items()}


def _left_out(key: Observing, is_now: bool, was_before: bool, now: Facts, before: Facts) -> LeftOut:
    device, quantity, channel, point = key
    doors = [p.door_id for facts in (now, before) for p in facts.points if p.point_id == point]
    reason = Reason.PART_OF_THE_TIME
    if is_now != was_before:
        reason = Reason.ONLY_NOW if is_now else Reason.ONLY_BEFORE
    door = doors[0] if doors else None
    return LeftOut(device=device, quantity=quantity, channel=channel, point=point, door=door, reason=reason)


def _open_in_both(metric: Metric, of: Facts, other: Facts) -> tuple[Spans | None, int]:
    """Return the time to cut to (None: no cut) and how much of the opening hours that leaves out, in µs."""
    hours, others = ((facts.store.opens_at, facts.store.closes_at) for facts in (of, other))
    if hours == others or (metric.facility is not Facility.TRAFFIC and metric.basis is not Basis.OPENING_HOURS):
        return None, 0
    opening = opening_spans(of.window, *hours)
    shared = opening.intersect(opening_spans(of.window, *others))
    return shared, opening.total_us - shared.total_us


def _only(facts: Facts, metric: Metric, kept: set[Observing], time: Spans | None) -> Facts:
    watched = (w for w in facts.watched_by(metric) if _observing(w) in kept)
    cut = (w if time is None else replace(w, spans=w.spans.intersect(time)) for w in watched)
    return replace(facts, watched=tuple(w for w in cut if w.spans.start.size))
