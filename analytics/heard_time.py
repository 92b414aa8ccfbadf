"""When series were heard in a window: what is kept of it, and the readings that have not joined yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.metrics.completeness import joined, longest_step_us
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


def period_us(series: StoredSeries) -> int | None:
    """Return the period within which a series promises a reading, None where it promises none."""
    if series.period_s is None or series.kind == Kind.EVENT:
        return None
    return round(series.period_s * MICROSECONDS)


def heard_in(c: Database, series: Sequence[StoredSeries], start_us: int, end_us: int, now_us: int) -> dict[int, Heard]:
    """Return for series that have a period, by number, when they were heard; those never heard by then are left out.

    The answer is that of all readings of these series, at any moment, though nearly none of them is read.
    """
    paced = [each for each in series if period_us(each) is not None]
    if not paced:
        return {}
    numbers = np.array([each.series_id for each in paced], np.int64)
    periods = np.array([period_us(each) for each in paced], np.int64)
    reach = start_us - 2 * periods, end_us + 2 * periods
    parts = [store.stretches(c, numbers, *reach), *_fresh(c, paced, *reach)]
    of, since, until = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    slack = dict(zip(numbers.tolist(), (longest_step_us(period) for period in periods.tolist()), strict=True))
    of, since, until = joined(of, since, until, np.array([slack[number] for number in of.tolist()], np.int64))
    first = store.first_heard_us(c, numbers.tolist())
    found: dict[int, Heard] = {}
    for each, period in zip(paced, periods.tolist(), strict=True):
        own = slice(*np.searchsorted(of, [each.series_id, each.series_id + 1]).tolist())
        since_us = [*since[own][:1].tolist(), *([first[each.series_id]] if each.series_id in first else [])]
        if since_us:
            found[each.series_id] = Heard(_cover(since[own], until[own], period, each.kind, now_us), min(since_us))
    return found


def _cover(since: Int64, until: Int64, period: int, kind: str, now_us: int) -> Spans:
    """Return the time that stretches cover; the last reading speaks for the present while the next is not late.

    An interval is reported when it has passed.
    """
    ends = until + period
    late_after = longest_step_us(period) + (period if kind == Kind.INTERVAL else 0)
    if ends.size and now_us - until[-1] <= late_after:
        ends[-1] = max(int(ends[-1]), now_us)
    return Spans.union(since, ends)


def _fresh(c: Database, paced: Sequence[StoredSeries], starts_us: Int64, ends_us: Int64) -> list[store.Stretches]:
    """Return the readings that may not have joined what is kept."""
    until = watermarks(c).heard_until
    span = instant(int(starts_us.min())), instant(int(ends_us.max()))
    unsettled = store.unsettled_hours(c, [each.series_id for each in paced], *span)
    spans: dict[str, list[Span]] = defaultdict(list)
    for each, start_us, end_us in zip(paced, starts_us.tolist(), ends_us.tolist(), strict=True):
        open_us = start_us if until is None else max(start_us, to_us(until))
        if open_us < end_us:
            spans[each.retention_class].append(Span(each.series_id, instant(open_us), instant(end_us)))
        spans[each.retention_class] += [
            Span(each.series_id, hour, hour + HOUR)
            for hour in unsettled.get(each.series_id, ())
            if start_us < to_us(hour + HOUR) and to_us(hour) < open_us
        ]
    return [store.readings_as_stretches(c, of, some) for of, some in spans.items() if some]
