"""Buckets in: quarter-hours from the readings in force, hours from those, thirds of a day from these.

Filling is safe to repeat: a bucket is always computed whole, from all of its readings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import sql

from ingest.store.connection import Database

BLOCK = timedelta(hours=8)
"""Width of the widest buckets, which are counted from midnight UTC."""
_MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """Whole hours [start, end) of one series."""

    series_id: int
    start: datetime
    end: datetime


def fill(connection: Database, retention_class: str, spans: Sequence[Span], blocks_until: datetime) -> None:
    """Compute the buckets of whole hours of series of one retention class, within the caller's transaction.

    Parameters
    ----------
    spans
        Each series and hour at most once.
    blocks_until
        Blocks that end after it are left for when they are complete.
    """
    readings = sql.Identifier(f"readings_{retention_class}")
    quarters, hours, blocks = (sql.Identifier(f"buckets_{width}_{retention_class}") for width in ("15m", "60m", "480m"))
    _run(connection, _FROM_READINGS, spans, into=quarters, source=readings)
    _run(connection, _FROM_BUCKETS, spans, into=hours, source=quarters, width=sql.Literal("1 hour"))
    complete = {block for span in spans for block in _blocks(span) if block.end <= blocks_until}
    if complete:
        _run(connection, _FROM_BUCKETS, list(complete), into=blocks, source=hours, width=sql.Literal("8 hours"))


def block_start(at: datetime) -> datetime:
    """Return the start of the block in which an instant lies."""
    return at - (at - _MIDNIGHT) % BLOCK


def _blocks(span: Span) -> Iterator[Span]:
    """Yield the whole blocks that a span touches."""
    start = block_start(span.start)
    while start < span.end:
        yield Span(span.series_id, start, start + BLOCK)
        start += BLOCK


def _run(connection: Database, statement: sql.SQL, spans: Sequence[Span], **names: sql.Composable) -> None:
    ordered = sorted(spans, key=lambda span: (span.series_id, span.start))
    connection.execute(
        statement.format(spans=_SPANS, upsert=_UPSERT, **names),
        {
            "series": [span.series_id for span in ordered],
            "starts": [span.start for span in ordered],
            "ends": [span.end for span in ordered],
            "first": min(span.start for span in ordered),
            "last": max(span.end for span in ordered),
        },
        prepare=False,  # with the values at hand the planner leaves out the chunks that lie elsewhere
    )


# "offset 0" has each span looked up by itself, by the key, whatever the state of the statistics.
_SPANS = sql.SQL(
    """select * from unnest(%(series)s::integer[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
                   as s (series_id, start, stop)"""
)
_UPSERT = sql.SQL(
    """on conflict (series_id, bucket) do update
          set n = excluded.n, sum = excluded.sum, min = excluded.min, max = excluded.max, first = excluded.first,
              last = excluded.last, flagged = excluded.flagged
        where (b.n, b.sum, b.min, b.max, b.first, b.last, b.flagged)
              is distinct from (excluded.n, excluded.sum, excluded.min, excluded.max, excluded.first, excluded.last,
                                excluded.flagged)"""
)
_FROM_READINGS = sql.SQL(
    """
    with spans as materialized ({spans}), corrected as materialized (  -- the latest correction of a reading is in force
        select distinct on (c.series_id, c.t, c.ordinal) c.series_id, c.t, c.ordinal, c.new_value, c.new_flags
          from spans s join corrections c on c.series_id = s.series_id and c.t >= s.start and c.t < s.stop
         order by c.series_id, c.t, c.ordinal, c.correction_id desc
    ), in_force as (
        select r.series_id, r.t, r.ordinal, coalesce(c.new_value, r.value) as value,
               coalesce(c.new_flags, r.flags) as flags
          from spans s
         cross join lateral (
               select * from {source} r
                where r.series_id = s.series_id and r.t >= s.start and r.t < s.stop
                  and r.t >= %(first)s and r.t < %(last)s
               offset 0) r
          left join corrected c on c.series_id = r.series_id and c.t = r.t and c.ordinal = r.ordinal
    )
    insert into {into} as b
    select series_id, date_bin('15 minutes', t, '0001-01-01 00:00:00Z'), count(*), sum(value), min(value), max(value),
           (array_agg(value order by t, ordinal))[1], (array_agg(value order by t desc, ordinal desc))[1],
           count(*) filter (where flags <> 0)
      from in_force group by 1, 2
    {upsert}"""
)
_FROM_BUCKETS = sql.SQL(
    """
    with spans as materialized ({spans})
    insert into {into} as b
    select n.series_id, date_bin({width}, n.bucket, '0001-01-01 00:00:00Z'), sum(n.n), sum(n.sum), min(n.min),
           max(n.max), (array_agg(n.first order by n.bucket))[1], (array_agg(n.last order by n.bucket desc))[1],
           sum(n.flagged)
      from spans s
     cross join lateral (
           select * from {source} n
            where n.series_id = s.series_id and n.bucket >= s.start and n.bucket < s.stop
              and n.bucket >= %(first)s and n.bucket < %(last)s
           offset 0) n
     group by 1, 2
    {upsert}"""
)
