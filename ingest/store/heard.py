"""Stretches of time in which series were heard, kept apart from readings, which they outlive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
from ingest.store.entries import instant
from ingest.store.pgcopy import POSTGRES_EPOCH_US

Int64 = NDArray[np.int64]
Stretches = tuple[Int64, Int64]
"""First and last reading of each stretch in µs since 1970, in the order of time."""
NONE: Stretches = (np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class PacedSeries:
    """A series that promises a reading every ``period_us``, as it is stored in one retention class."""

    series_id: int
    retention_class: str
    period_us: int


@dataclass(frozen=True, slots=True)
class DueHour:
    """An hour of a series whose readings have changed, at one touch of it."""

    series_id: int
    hour: datetime
    touched: int


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


def reading_times(c: Database, retention_class: str, spans: Sequence[Span]) -> dict[int, Int64]:
    """Return the times of the readings in these spans by series, in µs since 1970, in no order."""
    if not spans:
        return {}
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
                "first": min(span.start for span in spans),
                "last": max(span.end for span in spans),
            },
            prepare=False,
        ).fetchall()
    return {number: t + POSTGRES_EPOCH_US for number, t in rows}


def stretches(c: Database, reaches: Mapping[int, tuple[int, int]]) -> dict[int, Stretches]:
    """Return the kept stretches of series that touch a time [from, to], both in µs since 1970, given by series."""
    if not reaches:
        return {}
    lows, highs = zip(*reaches.values(), strict=True)
    with array_cursor(c) as cursor:
        rows = cursor.execute(
            """select s.series_id, array_agg(h.since order by h.since), array_agg(h.until order by h.since)
                 from unnest(%s::integer[], %s::timestamptz[], %s::timestamptz[]) as s (series_id, low, high)
                 join heard h on h.series_id = s.series_id and h.since <= s.high and h.until >= s.low
                group by s.series_id""",
            [list(reaches), [instant(low) for low in lows], [instant(high) for high in highs]],
        ).fetchall()
    return {number: (since + POSTGRES_EPOCH_US, until + POSTGRES_EPOCH_US) for number, since, until in rows}


def first_heard_us(c: Database, numbers: Sequence[int]) -> dict[int, int]:
    """Return the first time for which each of these series is kept as heard, in µs since 1970."""
    rows = c.execute(
        """select n.series_id, (extract(epoch from h.since) * 1000000)::bigint
             from unnest(%s::integer[]) as n (series_id)
            cross join lateral (select since from heard h where h.series_id = n.series_id order by since limit 1) h""",
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


def replace_stretches(c: Database, before: Mapping[int, Stretches], after: Mapping[int, Stretches]) -> None:
    """Store stretches of series in the place of those that they were joined from, within the caller's transaction."""
    gone = [
        (number, since)
        for number, (starts, _) in before.items()
        for since in np.setdiff1d(starts, after[number][0]).tolist()
    ]
    if gone:
        numbers, since = zip(*gone, strict=True)
        c.execute(
            """delete from heard h using unnest(%s::integer[], %s::timestamptz[]) as g (series_id, since)
                where h.series_id = g.series_id and h.since = g.since""",
            [list(numbers), [instant(each) for each in since]],
        )
    rows = [
        (number, since, until)
        for number, (starts, ends) in after.items()
        for since, until in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    if rows:
        numbers, since, until = zip(*rows, strict=True)
        c.execute(
            """insert into heard as h (series_id, since, until)
               select * from unnest(%s::integer[], %s::timestamptz[], %s::timestamptz[])
               on conflict (series_id, since) do update set until = excluded.until
                where h.until is distinct from excluded.until""",
            [list(numbers), [instant(each) for each in since], [instant(each) for each in until]],
        )


def due_hours(c: Database, limit: int) -> list[DueHour]:
    """Return the hours that have been due longest."""
    with c.cursor(row_factory=class_row(DueHour)) as cursor:
        return cursor.execute(
            "select series_id, hour, touched from heard_due order by touched limit %s", [limit]
        ).fetchall()


def mark_joined(c: Database, hours: Sequence[DueHour]) -> None:
    """Note that the readings of these hours have joined, but of those that are due anew since."""
    c.execute(
        """with seen as materialized (
               select d.series_id, d.hour from heard_due d
                 join unnest(%s::integer[], %s::timestamptz[], %s::bigint[]) as n (series_id, hour, touched)
                      on d.series_id = n.series_id and d.hour = n.hour and d.touched = n.touched
                order by d.series_id, d.hour
                  for update of d skip locked
           )
           delete from heard_due d using seen s where d.series_id = s.series_id and d.hour = s.hour""",
        [[h.series_id for h in hours], [h.hour for h in hours], [h.touched for h in hours]],
    )


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
