"""Stretches of time in which series were heard, kept apart from readings, which they outlive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql
from psycopg.rows import class_row

from ingest.store.arrays import array_cursor
from ingest.store.buckets_in import Span
from ingest.store.connection import Database
from ingest.store.pgarray import number_array
from ingest.store.pgcopy import POSTGRES_EPOCH_US

Int64 = NDArray[np.int64]
Stretches = tuple[Int64, Int64, Int64]
"""Number of the series, first and last reading of each stretch (µs since 1970): int64 arrays of one length."""


@dataclass(frozen=True, slots=True)
class PacedSeries:
    """A series that promises a reading every ``period_us``, as it is stored in one retention class."""

    series_id: int
    retention_class: str
    period_us: int


_PACED = """select series_id, retention_class, round(period_s * 1000000)::bigint as period_us
              from series where period_s is not null and kind <> 'event'"""


def paced_after(c: Database, after: int, limit: int) -> list[PacedSeries]:
    """Return the next series that have a period, by their numbers, from the one after ``after`` on."""
    with c.cursor(row_factory=class_row(PacedSeries)) as cursor:
        query = f"{_PACED} and series_id > %s order by series_id limit %s"
        return cursor.execute(query.encode(), [after, limit]).fetchall()


def paced_numbered(c: Database, numbers: Sequence[int]) -> list[PacedSeries]:
    """Return those of these series that have a period."""
    with c.cursor(row_factory=class_row(PacedSeries)) as cursor:
        return cursor.execute(f"{_PACED} and series_id = any(%s)".encode(), [list(numbers)]).fetchall()


def readings_as_stretches(c: Database, retention_class: str, spans: Sequence[Span]) -> Stretches:
    """Return the readings in these spans, each as a stretch of its own, in no order."""
    # "offset 0" has each span looked up by itself, by the key; the constants leave out chunks that lie elsewhere.
    query = sql.SQL(
        """select s.series_id, array_agg(r.t)
             from unnest(%(series)s::integer[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
                  as s (series_id, start, stop)
            cross join lateral (
                  select t from {} r
                   where r.series_id = s.series_id and r.t >= s.start and r.t < s.stop
                     and r.t >= %(first)s and r.t < %(last)s
                  offset 0) r
            group by s.series_id"""
    ).format(sql.Identifier(f"readings_{retention_class}"))
    with array_cursor(c) as cursor:
        rows = cursor.execute(
            query,
            {
                "series": [span.series_id for span in spans],
                "starts": [span.start for span in spans],
                "ends": [span.end for span in spans],
                "first": min((span.start for span in spans), default=None),
                "last": max((span.end for span in spans), default=None),
            },
            prepare=False,
        ).fetchall()
    t_us = _concatenated([t for _, t in rows])
    return np.repeat(np.array([number for number, _ in rows], np.int64), [len(t) for _, t in rows]), t_us, t_us


def stretches(c: Database, numbers: Int64, from_us: Int64, to_us: Int64) -> Stretches:
    """Return the kept stretches of series that touch a time [from, to] of each, in no order."""
    with array_cursor(c) as cursor:
        rows = cursor.execute(
            """select h.series_id, array_agg(h.since), array_agg(h.until)
                 from unnest(%b::integer[], %b::timestamptz[], %b::timestamptz[]) as s (series_id, low, high)
                 join heard h on h.series_id = s.series_id and h.until >= s.low and h.since <= s.high
                group by h.series_id""",
            [number_array("int4", numbers), number_array("timestamptz", from_us), number_array("timestamptz", to_us)],
        ).fetchall()
    of = np.repeat(np.array([number for number, *_ in rows], np.int64), [len(since) for _, since, _ in rows])
    return of, _concatenated([since for _, since, _ in rows]), _concatenated([until for *_, until in rows])


def _concatenated(parts: Sequence[Int64]) -> Int64:
    """Return times of PostgreSQL as one array in µs since 1970."""
    return np.concatenate([np.zeros(0, np.int64), *parts]) + POSTGRES_EPOCH_US


def first_heard_us(c: Database, numbers: Sequence[int]) -> dict[int, int]:
    """Return the first time for which each of these series is kept as heard, in µs since 1970."""
    rows = c.execute(
        """select n.series_id, (extract(epoch from h.since) * 1000000)::bigint
             from unnest(%s::integer[]) as n (series_id)
            cross join lateral (select since from heard h where h.series_id = n.series_id order by until limit 1) h""",
        [list(numbers)],
    )
    return dict(rows.fetchall())


def first_bucket_us(c: Database, retention_class: str, numbers: Sequence[int]) -> dict[int, int]:
    """Return the start of the first quarter-hour of each of these series that has a bucket, in µs since 1970."""
    query = sql.SQL(
        """select n.series_id, (extract(epoch from b.bucket) * 1000000)::bigint
             from unnest(%s::integer[]) as n (series_id)
            cross join lateral (select bucket from {} b where b.series_id = n.series_id order by bucket limit 1) b"""
    ).format(sql.Identifier(f"buckets_15m_{retention_class}"))
    return dict(c.execute(query, [list(numbers)]).fetchall())


def replace_stretches(c: Database, before: Stretches, after: Stretches) -> None:
    """Store stretches in the place of those that they were joined from, within the caller's transaction."""
    values = [
        number_array(element, column)
        for stretch in (before, after)
        for element, column in zip(("int4", "timestamptz", "timestamptz"), stretch, strict=True)
    ]
    c.execute(
        f"""{_BOTH} delete from heard h using (select * from before except select * from after) g
             where h.series_id = g.n and h.until = g.u""".encode(),  # noqa: S608 - own text
        values,
    )
    c.execute(f"{_BOTH} insert into heard select * from after except select * from before".encode(), values)  # noqa: S608


_BOTH = """
    with before as (select * from unnest(%b::integer[], %b::timestamptz[], %b::timestamptz[]) as b (n, s, u)),
         after as (select * from unnest(%b::integer[], %b::timestamptz[], %b::timestamptz[]) as a (n, s, u))"""


def unsettled_hours(c: Database, numbers: Sequence[int], start: datetime, end: datetime) -> dict[int, list[datetime]]:
    """Return the hours that touch [start, end) whose readings may not all have joined, by series."""
    rows = c.execute(
        """select series_id, hour
             from (select series_id, hour from arrivals where touched is not null
                   union select series_id, hour from heard_due) u
            where series_id = any(%s) and hour > %s::timestamptz - interval '1 hour' and hour < %s
            order by series_id, hour""",
        [list(numbers), start, end],
    )
    found: dict[int, list[datetime]] = defaultdict(list)
    for number, hour in rows:
        found[number].append(hour)
    return found


def late_counts(c: Database, numbers: Sequence[int], start: datetime, end: datetime) -> list[tuple[Any, ...]]:
    """Return (series, hour in µs since 1970, late, duplicates, corrections) of the hours that begin in [start, end)."""
    return c.execute(
        """select series_id, (extract(epoch from hour) * 1000000)::bigint, late, duplicates, corrections
             from arrivals
            where series_id = any(%s) and hour >= %s and hour < %s and late + duplicates + corrections > 0""",
        [list(numbers), start, end],
    ).fetchall()
