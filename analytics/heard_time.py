"""When series were heard in a window: what is kept of it, and the readings that have not joined yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from analytics.metrics.completeness import SLACK, joined
from analytics.metrics.inputs import MICROSECONDS
from analytics.metrics.spans import Int64, Spans
from analytics.windows import to_us
from edge.wire.series import Kind
from ingest.store import heard as store
from ingest.store.buckets_in import Span
from ingest.store.connection import Database
from ingest.store.entries import instant
from ingest.store.known_series import StoredSeries
from ingest.store.watermarks import HOUR, watermarks


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """The time that a series' readings speak for, as far as a window is concerned, and since when it has reported."""

    cover: Spans
    first_us: int


def with_readings(kept: store.Stretches, t_us: Int64, period_us: int) -> store.Stretches:
    """Return stretches with the readings of these times, in any order."""
    since, until = kept
    return joined(np.concatenate([since, t_us]), np.concatenate([until, t_us]), period_us)


def period_us(series: StoredSeries) -> int | None:
    """Return the period within which a series promises a reading, None where it promises none."""
    if series.period_s is None or series.kind == Kind.EVENT:
        return None
    return round(series.period_s * MICROSECONDS)


def heard_in(c: Database, series: Sequence[StoredSeries], start_us: int, end_us: int, now_us: int) -> dict[int, Heard]:
    """Return for series that have a period, by number, when they were heard; those never heard by then are left out.

    The answer is that of all readings of these series, at any moment, though nearly none of them is read.
    """
    paced = {each.series_id: period for each in series if (period := period_us(each)) is not None}
    reach = {number: (start_us - 2 * period, end_us + 2 * period) for number, period in paced.items()}
    kept = store.stretches(c, reach)
    fresh = _fresh_times(c, [each for each in series if each.series_id in paced], reach)
    first = store.first_heard_us(c, list(paced))
    found: dict[int, Heard] = {}
    for each in series:
        number, period = each.series_id, paced.get(each.series_id)
        stretches = kept.get(number, store.NONE)
        if period is not None and number in fresh:
            stretches = with_readings(stretches, fresh[number], period)
        if period is None or not stretches[0].size:
            if number in first:  # heard, but not near the window
                found[number] = Heard(Spans.of([]), first[number])
            continue
        cover = _cover(stretches, period, each.kind, now_us)
        found[number] = Heard(cover, min(first.get(number, int(stretches[0][0])), int(stretches[0][0])))
    return found


def _cover(stretches: store.Stretches, period: int, kind: str, now_us: int) -> Spans:
    """Return the time that stretches cover; the last reading speaks for the present while the next is not late.

    An interval is reported when it has passed.
    """
    since, until = stretches
    ends = until + period
    late_after = SLACK * period + (period if kind == Kind.INTERVAL else 0)
    if now_us - until[-1] <= late_after:
        ends[-1] = max(int(ends[-1]), now_us)
    return Spans.union(since, ends)


def _fresh_times(c: Database, series: Sequence[StoredSeries], reach: dict[int, tuple[int, int]]) -> dict[int, Int64]:
    """Return the times of readings that may not have joined what is kept, by series."""
    if not series:
        return {}
    until = watermarks(c).heard_until
    low, high = min(low for low, _ in reach.values()), max(high for _, high in reach.values())
    unsettled = store.unsettled_hours(c, list(reach), instant(low), instant(high))
    spans: dict[str, list[Span]] = defaultdict(list)
    for each in series:
        start_us, end_us = reach[each.series_id]
        open_us = start_us if until is None else max(start_us, to_us(until))
        if open_us < end_us:
            spans[each.retention_class].append(Span(each.series_id, instant(open_us), instant(end_us)))
        for hour in unsettled.get(each.series_id, ()):
            if to_us(hour) < open_us and to_us(hour + timedelta(hours=1)) > start_us:
                spans[each.retention_class].append(Span(each.series_id, hour, hour + HOUR))
    found: dict[int, Int64] = {}
    for retention_class, of_class in spans.items():
        found |= store.reading_times(c, retention_class, of_class)
    return found
