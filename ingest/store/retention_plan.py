"""What retention would remove: counted, and nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg import sql
from psycopg.rows import class_row

from ingest.store.buckets_in import block_start
from ingest.store.compression import has_chunks
from ingest.store.connection import Database
from ingest.store.retention import first_kept


@dataclass(frozen=True, slots=True)
class Planned:
    """A time that would go, or all of it where there are no chunks; sizes in bytes."""

    retention_class: str
    start: datetime
    end: datetime
    chunks: int
    readings: int
    size_bytes: int
    """Of the rows; where there are no chunks, by the share of rows that go."""
    entries: int
    """Ledger entries of which leaves would be kept, that have none yet."""
    leaves: int
    """At least so many: entries may have series of the other class too."""

    @property
    def leaves_bytes(self) -> int:
        """Room that these leaves take: digest and number of a series, and what each row and its key cost."""
        return self.leaves * 36 + self.entries * 100


@dataclass(frozen=True, slots=True)
class Removals:
    """What went of a class so far."""

    retention_class: str
    readings: int
    corrections: int
    chunks: int
    not_stored: int
    """Readings that came when the rows of their time were removed already; of both classes."""


def planned(connection: Database, retention_class: str, before: datetime) -> list[Planned]:
    """Return what of a class has ended by then, the oldest first. It looks at every row of that."""
    if has_chunks(connection):
        return _counted(connection, _CHUNKS, retention_class, before, before)
    first = first_kept(connection, retention_class)
    end = block_start(before)
    return [] if first is None or first >= end else _counted(connection, _ROWS, retention_class, first, end)


def _counted(
    connection: Database, ranges: LiteralString, retention_class: str, start: datetime, end: datetime
) -> list[Planned]:
    table = f"readings_{retention_class}"
    query = sql.SQL(_COUNTED).format(ranges=sql.SQL(ranges), readings=sql.Identifier(table))
    with connection.cursor(row_factory=class_row(Planned)) as cursor:
        return cursor.execute(
            query, {"of": retention_class, "table": table, "start": start, "end": end}, prepare=False
        ).fetchall()


_COUNTED: LiteralString = """
    with ranges as materialized ({ranges})
    select %(of)s as retention_class, g.start, g.stop as end, g.chunks, n.readings,
           case when g.chunks > 0 then g.bytes else (g.bytes * n.readings / greatest(g.rows, n.readings, 1))::bigint end
               as size_bytes, n.entries, n.leaves
      from ranges g cross join lateral (
           select count(*) as readings,
                  count(distinct r.entry_id) filter (where v.entry_id is null) as entries,
                  count(distinct (r.entry_id, r.series_id)) filter (where v.entry_id is null) as leaves
             from {readings} r left join leaves v using (entry_id)
            where r.t >= g.start and r.t < g.stop) n
     order by g.start"""
_CHUNKS: LiteralString = """
    select c.range_start as start, c.range_end as stop, 1 as chunks, 0 as rows, s.total_bytes as bytes
      from timescaledb_information.chunks c
      join chunks_detailed_size(%(table)s::text::regclass) s using (chunk_schema, chunk_name)
     where c.hypertable_schema = current_schema and c.hypertable_name = %(table)s::text and c.range_end <= %(end)s"""
_ROWS: LiteralString = """
    select %(start)s::timestamptz as start, %(end)s::timestamptz as stop, 0 as chunks, reltuples as rows,
           pg_total_relation_size(oid) as bytes
      from pg_class where oid = %(table)s::text::regclass"""


def removals(connection: Database) -> Sequence[Removals]:
    """Return what went so far, by class."""
    with connection.cursor(row_factory=class_row(Removals)) as cursor:
        return cursor.execute(
            """select r.retention_class, coalesce(sum(m.readings), 0)::bigint as readings,
                      coalesce(sum(m.corrections), 0)::bigint as corrections,
                      coalesce(sum(m.chunks), 0)::bigint as chunks,
                      (select coalesce(sum(past_retention), 0) from ledger where past_retention > 0) as not_stored
                 from retention r left join removals m using (retention_class) group by 1 order by 1"""
        ).fetchall()
