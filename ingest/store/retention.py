"""Retention: how far it has come, what it may remove next, and removing it. Buckets and increments are not touched.

What is removed is closed first: from then on no reading of that time is stored, so that nothing of it can change
between the moment at which its leaves are kept and the one at which its rows go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from ingest.store.buckets_in import BLOCK, block_start
from ingest.store.compression import has_chunks
from ingest.store.connection import Database

MARGIN = timedelta(days=1)
"""How much more is closed than goes: increments that are computed anew stand on the readings of this day."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far retention has come in a class; None: nothing is closed, removed, or to be removed."""

    retention_class: str
    closed_before: datetime | None
    removed_before: datetime | None
    keep_days: int | None
    """What the latest run was told."""
    ran_at: datetime | None

    @property
    def settled_before(self) -> datetime | None:
        """Up to when buckets and increments stand as they are: what they stand on is gone, or about to be."""
        return None if self.removed_before is None else self.removed_before + MARGIN


@dataclass(frozen=True, slots=True)
class Range:
    """A time [start, end) of a class that goes as a whole: a chunk, or eight hours where there are none."""

    retention_class: str
    start: datetime
    end: datetime
    chunks: int


@dataclass(frozen=True, slots=True)
class Removed:
    """What went with a range."""

    range: Range
    readings: int
    corrections: int


class ReadingsRemovedError(LookupError):
    """What was asked for could be told by readings alone, and these are removed; the message says from when on not."""


class LeavesMissingError(RuntimeError):
    """Rows were to go of which no leaves are kept; nothing was removed."""


def marks(connection: Database) -> dict[str, Mark]:
    """Return how far retention has come, by class."""
    with connection.cursor(row_factory=class_row(Mark)) as cursor:
        found = cursor.execute(
            "select retention_class, closed_before, removed_before, keep_days, ran_at from retention order by 1"
        ).fetchall()
    return {mark.retention_class: mark for mark in found}


def vouched_now(connection: Database) -> datetime | None:
    """Return the present time as both the database and its agents have it: the earlier one; None without a batch.

    Of the agents it is the median of the latest thousand seals. A clock that jumps ahead, the server's or an agent's,
    removes nothing, and where nothing arrives any more, nothing is removed either.
    """
    ((now,),) = connection.execute(
        """select case when count(*) > 0
                       then least(clock_timestamp(), percentile_disc(0.5) within group (order by sealed_at)) end
             from (select sealed_at from ledger where origin not in ('replayed', 'imported')
                    order by entry_id desc limit 1000) latest"""
    ).fetchall()
    return now  # type: ignore[no-any-return]


def note_run(connection: Database, keep_days: Mapping[str, int | None]) -> None:
    """Note what a run was told to keep."""
    connection.execute(
        """update retention r set keep_days = n.days, ran_at = clock_timestamp()
             from unnest(%s::text[], %s::integer[]) as n (name, days) where n.name = r.retention_class""",
        [list(keep_days), list(keep_days.values())],
    )


def next_range(connection: Database, retention_class: str, before: datetime) -> Range | None:
    """Return the oldest range of a class that has ended by then, None where none has."""
    if has_chunks(connection):
        found = connection.execute(_CHUNKS, {"table": f"readings_{retention_class}", "before": before}).fetchone()
        return None if found is None else Range(retention_class, start=found[0], end=found[1], chunks=1)
    first = first_kept(connection, retention_class)
    if first is None or block_start(first) + BLOCK > before:
        return None
    return Range(retention_class, block_start(first), block_start(first) + BLOCK, chunks=0)


_CHUNKS = """
    select range_start, range_end from timescaledb_information.chunks
     where hypertable_schema = current_schema and hypertable_name = %(table)s and range_end <= %(before)s
     order by range_start"""


def first_kept(connection: Database, retention_class: str) -> datetime | None:
    """Return the time of the first row that is left of a class; each series is looked up by its key."""
    ((first,),) = connection.execute(
        sql.SQL(
            """select min(r.t) from series s
                cross join lateral (
                      select t from {} r
                       where r.series_id = s.series_id
                         and r.t >= (select coalesce(removed_before, '-infinity') from retention
                                      where retention_class = %(of)s)
                       order by t limit 1) r
                where s.retention_class = %(of)s"""
        ).format(sql.Identifier(f"readings_{retention_class}")),
        {"of": retention_class},
    ).fetchall()
    return first  # type: ignore[no-any-return]


def close_before(connection: Database, retention_class: str, end: datetime) -> None:
    """Have no reading of a class be stored any more that is older; writes in flight may not know of it yet."""
    connection.execute(
        "update retention set closed_before = greatest(closed_before, %s) where retention_class = %s",
        [end, retention_class],
    )


def unsettled(connection: Database, retention_class: str, end: datetime) -> str | None:
    """Return what of the hours before ``end`` is not yet computed from the readings of a class, None if nothing is."""
    ((buckets, touched, increments, increments_due, heard, heard_due),) = connection.execute(
        """select coalesce(aggregated_until < %(end)s, true),
                  exists (select from arrivals a join series s using (series_id)
                           where a.touched is not null and a.hour < %(end)s and s.retention_class = %(of)s),
                  coalesce(increments_until < %(end)s, true),
                  exists (select from increments_due d join series s using (series_id)
                           where d.hour < %(end)s and s.retention_class = %(of)s),
                  coalesce(heard_until < %(end)s, true),
                  exists (select from heard_due d join series s using (series_id)
                           where d.hour < %(end)s and s.retention_class = %(of)s)
             from watermarks""",
        {"end": end, "of": retention_class},
    ).fetchall()
    if buckets or touched:
        return "buckets"
    if increments or increments_due:
        return "increments"
    return "stretches heard" if heard or heard_due else None


def remove(connection: Database, gone: Range, lock_timeout: timedelta) -> Removed:
    """Remove the rows of a closed range with their corrections, and account for them, within the caller's transaction.

    Raises
    ------
    LeavesMissingError
        Of some entry with rows in the range no leaves are kept, although its rows could tell them.
    psycopg.errors.LockNotAvailable
        Somebody else has the chunk; whoever wants to write waits for no longer than ``lock_timeout``.
    """
    connection.execute(
        "select set_config('lock_timeout', %s, true)", [f"{round(lock_timeout.total_seconds() * 1000)}ms"]
    )
    by_spool = connection.execute(_query(_BY_SPOOL, gone)).fetchall()
    if lacking := sum(number for _, _, number in by_spool):
        msg = f"{lacking} ledger entries with readings of class {gone.retention_class} before {gone.end} lack leaves"
        raise LeavesMissingError(msg)
    connection.execute(
        """insert into removed_readings as r (retention_class, spool_id, readings)
           select %s, spool_id, readings from unnest(%s::integer[], %s::bigint[]) as n (spool_id, readings) order by 2
           on conflict (retention_class, spool_id) do update set readings = r.readings + excluded.readings""",
        [gone.retention_class, [spool for spool, *_ in by_spool], [readings for _, readings, _ in by_spool]],
    )
    corrections = connection.execute(_query(_CORRECTIONS, gone)).rowcount
    connection.execute(_query(_CHUNK if gone.chunks else _ROWS, gone))
    readings = sum(readings for _, readings, _ in by_spool)
    connection.execute(
        """insert into removals (retention_class, range_start, range_end, readings, corrections, chunks)
           values (%s, %s, %s, %s, %s, %s)""",
        [gone.retention_class, gone.start, gone.end, readings, corrections, gone.chunks],
    )
    connection.execute(
        "update retention set removed_before = greatest(removed_before, %s) where retention_class = %s",
        [gone.end, gone.retention_class],
    )
    return Removed(gone, readings, corrections)


def _query(statement: sql.SQL, of: Range) -> sql.Composed:
    return statement.format(
        readings=sql.Identifier(f"readings_{of.retention_class}"),
        table=sql.Literal(f"readings_{of.retention_class}"),
        of=sql.Literal(of.retention_class),
        start=sql.Literal(of.start),
        end=sql.Literal(of.end),
    )


# An entry with duplicates from before leaves were kept at once can't have any: nothing tells which readings those were.
_BY_SPOOL = sql.SQL(
    """
    select l.spool_id, sum(r.readings)::bigint, count(*) filter (where v.entry_id is null and l.duplicates = 0)
      from (select r.entry_id, count(*) as readings
              from series s cross join lateral (
                   select entry_id from {readings} r
                    where r.series_id = s.series_id and r.t >= {start} and r.t < {end} offset 0) r
             where s.retention_class = {of} group by r.entry_id) r
      join ledger l using (entry_id)
      left join leaves v using (entry_id)
     group by l.spool_id"""
)
_CORRECTIONS = sql.SQL(
    """delete from corrections c using series s
        where s.series_id = c.series_id and s.retention_class = {of} and c.t >= {start} and c.t < {end}"""
)
_CHUNK = sql.SQL("select drop_chunks({table}, older_than => {end}, newer_than => {start})")
_ROWS = sql.SQL(
    """delete from {readings}
        where series_id = any(array(select series_id from series where retention_class = {of}))
          and t >= {start} and t < {end}"""
)


def removed_by_spool(connection: Database) -> dict[UUID, int]:
    """Return how many readings of each spool retention has removed, or kept from being stored at all."""
    rows = connection.execute(
        """select s.spool, coalesce(r.readings, 0) + coalesce(l.readings, 0)
             from spools s
             left join (select spool_id, sum(readings)::bigint as readings
                          from removed_readings group by spool_id) r using (spool_id)
             left join (select spool_id, sum(past_retention) as readings
                          from ledger where past_retention > 0 group by spool_id) l using (spool_id)
            where r.readings is not null or l.readings is not null"""
    )
    return dict(rows.fetchall())


def removed_before(connection: Database) -> dict[str, datetime]:
    """Return by class up to when its rows are removed; classes without removal are left out."""
    return {name: mark.removed_before for name, mark in marks(connection).items() if mark.removed_before is not None}


def refuse_removed(connection: Database, classes: Iterable[str], start: datetime) -> None:
    """Raise ``ReadingsRemovedError`` where readings of one of these classes from ``start`` on are removed."""
    there = removed_before(connection)
    latest = max((there[name] for name in classes if name in there), default=start)
    if latest > start:
        msg = f"readings before {latest.isoformat()} are removed, and buckets can't tell this: ask from then on"
        raise ReadingsRemovedError(msg)


def removed_before_of(
    connection: Database, keys: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], datetime]:
    """Return up to when rows of live series, given by (device, quantity, channel), are removed; others are left out."""
    rows = connection.execute(
        """select s.device, s.quantity, s.channel, max(r.removed_before)
             from series s join unnest(%s::text[], %s::text[], %s::text[]) as k (device, quantity, channel)
                  using (device, quantity, channel)
             join retention r using (retention_class)
            where r.removed_before is not null group by 1, 2, 3""",
        [list(column) for column in zip(*keys, strict=True)] if keys else [[], [], []],
    )
    return {(device, quantity, channel): at for device, quantity, channel, at in rows}
