"""Increments of cumulative series by quarter-hour: which are due, what they are computed from, and where they stand.

The arithmetic is not the database's: it is in ``analytics``, the same that metrics use.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.numeric import Int4

from edge.wire.batch import Flag
from ingest.store.arrays import array_cursor
from ingest.store.buckets_in import Span
from ingest.store.connection import Database
from ingest.store.pgcopy import POSTGRES_EPOCH_US

QUARTER_US = 900_000_000


@dataclass(frozen=True, slots=True)
class Register:
    """A cumulative series in one retention class."""

    series_id: int
    definition: str
    device: str
    retention_class: str


@dataclass(frozen=True, slots=True)
class Increments:
    """Increments of one register by quarter-hour; the arrays have one length.

    ``bucket_us`` is the start in µs since 1970 (int64); ``amount`` in the register's unit (float64); ``resets`` counts
    the resets within increments that end in the bucket, ``covered_us`` is how much of it lies between readings (int64).
    """

    bucket_us: NDArray[np.int64]
    amount: NDArray[np.float64]
    resets: NDArray[np.int64]
    covered_us: NDArray[np.int64]

    def taken(self, chosen: NDArray[Any]) -> Increments:
        """Return the buckets of a mask or of indices."""
        return Increments(self.bucket_us[chosen], self.amount[chosen], self.resets[chosen], self.covered_us[chosen])


_REGISTERS = sql.SQL(
    "select series_id, definition, device, retention_class from series where kind = 'cumulative' and {} order by 1 {}"
)


def registers_after(connection: Database, after: int, limit: int) -> list[Register]:
    """Return the next registers by their numbers, from the one after ``after`` on."""
    query = _REGISTERS.format(sql.SQL("series_id > %s"), sql.SQL("limit %s"))
    with connection.cursor(row_factory=class_row(Register)) as cursor:
        return cursor.execute(query, [after, limit]).fetchall()


def registers_numbered(connection: Database, numbers: Sequence[int]) -> list[Register]:
    """Return the registers among the series with these numbers, by number."""
    query = _REGISTERS.format(sql.SQL("series_id = any(%s)"), sql.SQL(""))
    with connection.cursor(row_factory=class_row(Register)) as cursor:
        return cursor.execute(query, [list(numbers)]).fetchall()


def first_readings(connection: Database, retention_class: str, numbers: Sequence[int]) -> dict[int, datetime]:
    """Return the time of the first reading of each of these series that has any."""
    query = sql.SQL(
        """select s.series_id, r.t from unnest(%s::integer[]) as s (series_id)
            cross join lateral (select t from {} r where r.series_id = s.series_id order by t limit 1) r"""
    ).format(sql.Identifier(f"readings_{retention_class}"))
    return dict(connection.execute(query, [list(numbers)]).fetchall())


def reach(
    connection: Database, retention_class: str, spans: Sequence[Span], slack: timedelta
) -> list[tuple[datetime, datetime]]:
    """Return for each span from when to when, inclusive, readings bear on the increments in it.

    That is to the nearest reading on either side, and on from there to the nearest that is more than ``slack`` farther.
    Readings that may not count, those of a repeated local hour and corrected ones, are passed by; where no other is
    left, it is to the first or last of all.
    """
    if not spans:
        return []
    counts = sql.SQL(
        """r.series_id = n.series_id and (r.flags & %(passed_by)s) = 0
           and not exists (select from corrections c
                            where c.series_id = r.series_id and c.t = r.t and c.ordinal = r.ordinal)"""
    )
    query = sql.SQL(
        """select coalesce(b2.t, least(first.t, n.start)), coalesce(a2.t, greatest(last.t, n.stop))
             from unnest(%(series)s::integer[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) with ordinality
                  as n (series_id, start, stop, place)
             left join lateral (
                  select t from {readings} r where {counts} and t < n.start order by t desc limit 1) b1 on true
             left join lateral (
                  select t from {readings} r where {counts} and t < b1.t - %(slack)s order by t desc limit 1) b2 on true
             left join lateral (
                  select t from {readings} r where r.series_id = n.series_id order by t limit 1) first on b2.t is null
             left join lateral (
                  select t from {readings} r where {counts} and t >= n.stop order by t limit 1) a1 on true
             left join lateral (
                  select t from {readings} r where {counts} and t > a1.t + %(slack)s order by t limit 1) a2 on true
             left join lateral (
                  select t from {readings} r where r.series_id = n.series_id order by t desc limit 1) last
                  on a2.t is null
            order by n.place"""
    ).format(readings=sql.Identifier(f"readings_{retention_class}"), counts=counts)
    return connection.execute(
        query,
        {
            "series": [span.series_id for span in spans],
            "starts": [span.start for span in spans],
            "ends": [span.end for span in spans],
            "slack": slack,
            "passed_by": int(Flag.AMBIGUOUS_LOCAL_TIME),
        },
    ).fetchall()


def store_increments(connection: Database, series_id: int, increments: Increments) -> None:
    """Store increments of one register in the place of those of the same buckets."""
    connection.execute(
        """insert into increments_15m as i (series_id, bucket, amount, resets, covered_us)
           select %s, timestamptz 'epoch' + quarter * interval '15 minutes', amount, resets, covered_us
             from unnest(%s::integer[], %s::float8[], %s::integer[], %s::bigint[])
                  as n (quarter, amount, resets, covered_us)
            order by 2
           on conflict (series_id, bucket) do update
              set amount = excluded.amount, resets = excluded.resets, covered_us = excluded.covered_us
            where (i.amount, i.resets, i.covered_us)
                  is distinct from (excluded.amount, excluded.resets, excluded.covered_us)""",
        [
            series_id,
            (increments.bucket_us // QUARTER_US).tolist(),
            increments.amount.tolist(),
            increments.resets.tolist(),
            increments.covered_us.tolist(),
        ],
    )


def fetch_increments(
    connection: Database, numbers: Sequence[int], start: datetime, end: datetime
) -> dict[int, Increments]:
    """Return what is stored of registers in [start, end), by number and by time; it may lack what came since."""
    with array_cursor(connection) as cursor:
        rows = cursor.execute(
            """select series_id, array_agg(bucket), array_agg(amount), array_agg(resets), array_agg(covered_us)
                 from (select * from increments_15m where series_id = any(%s) and bucket >= %s and bucket < %s
                        order by series_id, bucket) i
                group by series_id""",
            [list(numbers), start, end],
            prepare=False,
        ).fetchall()
    return {
        number: Increments(bucket + POSTGRES_EPOCH_US, amount, resets.astype(np.int64), covered_us)
        for number, bucket, amount, resets, covered_us in rows
    }


def lacking_hours(connection: Database, numbers: Sequence[int]) -> dict[int, list[datetime]]:
    """Return of each register the hours whose changes its stored increments may lack."""
    rows = connection.execute(
        """select series_id, hour from increments_due where series_id = any(%(numbers)s)
            union
           select series_id, hour from arrivals where series_id = any(%(numbers)s) and touched is not null
            order by 1, 2""",
        {"numbers": list(numbers)},
    )
    hours: dict[int, list[datetime]] = defaultdict(list)
    for number, hour in rows:
        hours[number].append(hour)
    return hours


def make_due(connection: Database, registers: Sequence[Register]) -> None:
    """Make every hour of these registers due that has readings."""
    for retention_class in {register.retention_class for register in registers}:
        numbers = [register.series_id for register in registers if register.retention_class == retention_class]
        connection.execute(
            sql.SQL(
                """insert into increments_due as d (series_id, hour, touched)
                   select series_id, bucket, nextval('touches') from {} where series_id = any(%s) order by 1, 2
                   on conflict (series_id, hour) do update set touched = excluded.touched"""
            ).format(sql.Identifier(f"buckets_60m_{retention_class}")),
            [numbers],
        )


def time_zones(connection: Database, devices: Sequence[str], version: int) -> dict[str, str]:
    """Return the IANA zone of the store in which each device was last, as a version of the registry has it."""
    rows = connection.execute(
        """select distinct on (d.device_id) d.device_id, s.time_zone
             from devices d join stores s using (store_id)
            where d.device_id = any(%(devices)s) and int4range(d.version_from, d.version_to) @> %(version)s
              and int4range(s.version_from, s.version_to) @> %(version)s
            order by d.device_id, d.valid_from desc, s.valid_from desc""",
        {"devices": list(devices), "version": Int4(version)},
    )
    return dict(rows.fetchall())
