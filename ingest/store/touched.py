"""Touched hours: which series and hours have buckets that lack something, and that it was made good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql
from psycopg.rows import class_row

from ingest.store.connection import Database


@dataclass(frozen=True, slots=True)
class TouchedHour:
    """An hour of a series at one touch of it."""

    series_id: int
    retention_class: str
    hour: datetime
    touched: int


def series_after(connection: Database, retention_class: str, after: int, limit: int) -> list[int]:
    """Return the next series of a retention class by their numbers, from the one after ``after`` on."""
    rows = connection.execute(
        """select series_id from series where retention_class = %s and series_id > %s order by series_id limit %s""",
        [retention_class, after, limit],
    )
    return [number for (number,) in rows]


def touch_all(connection: Database, retention_class: str, numbers: Sequence[int], before: datetime) -> None:
    """Touch every hour of series before ``before`` that has readings: none of it was ever computed."""
    connection.execute(
        sql.SQL(
            """insert into arrivals as a (series_id, hour, touched)
               select h.series_id, h.hour, nextval('touches')
                 from unnest(%s::integer[]) as s (series_id)
                cross join lateral (
                      select distinct r.series_id, date_bin('1 hour', r.t, '0001-01-01 00:00:00Z') as hour
                        from {} r where r.series_id = s.series_id and r.t < %s) h
                order by 1, 2
               on conflict (series_id, hour) do update set touched = excluded.touched"""
        ).format(sql.Identifier(f"readings_{retention_class}")),
        [list(numbers), before],
        prepare=False,
    )


def touched_hours(connection: Database, limit: int) -> list[TouchedHour]:
    """Return the hours that were touched longest ago."""
    with connection.cursor(row_factory=class_row(TouchedHour)) as cursor:
        return cursor.execute(
            """select a.series_id, s.retention_class, a.hour, a.touched
                 from arrivals a join series s using (series_id)
                where a.touched is not null order by a.touched limit %s""",
            [limit],
        ).fetchall()


def touched_total(connection: Database) -> int:
    """Return how many hours of series are touched."""
    ((total,),) = connection.execute("select count(*) from arrivals where touched is not null").fetchall()
    return int(total)


def mark_made_good(connection: Database, hours: Sequence[TouchedHour]) -> None:
    """Note that the buckets of these hours were made good, but of those that were touched again meanwhile.

    Counters' increments, what was heard and alerts are due then. An hour that a write is touching at this moment is
    left as it is.
    """
    connection.execute(
        """with seen as materialized (
               select a.series_id, a.hour, a.touched, a.late + a.duplicates + a.corrections as noted
                 from arrivals a
                 join unnest(%s::integer[], %s::timestamptz[], %s::bigint[]) as n (series_id, hour, touched)
                      on a.series_id = n.series_id and a.hour = n.hour and a.touched = n.touched
                order by a.series_id, a.hour
                  for update of a skip locked
           ), due as (
               insert into increments_due as d (series_id, hour, touched)
               select e.series_id, e.hour, e.touched
                 from seen e join series s using (series_id)
                where s.kind = 'cumulative' order by 1, 2
               on conflict (series_id, hour) do update set touched = excluded.touched
           ), unheard as (
               insert into heard_due as d (series_id, hour, touched)
               select e.series_id, e.hour, e.touched
                 from seen e join series s using (series_id)
                where s.period_s is not null and s.kind <> 'event' order by 1, 2
               on conflict (series_id, hour) do update set touched = excluded.touched
           ), unjudged as (
               insert into alerts_due as d (series_id, hour, touched)
               select series_id, hour, touched from seen order by 1, 2
               on conflict (series_id, hour) do update set touched = excluded.touched
           ), emptied as (
               delete from arrivals a using seen e
                where a.series_id = e.series_id and a.hour = e.hour and e.noted = 0
           )
           update arrivals a set touched = null from seen e
            where a.series_id = e.series_id and a.hour = e.hour and e.noted > 0""",
        [[h.series_id for h in hours], [h.hour for h in hours], [h.touched for h in hours]],
    )
