"""Leaves of row roots: what proves a ledger entry whose rows are removed, or were never all stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import sql

from edge.wire.series import SeriesTable
from ingest.store.connection import Database

DIGEST_BYTES = 32
REACH = timedelta(hours=1)
"""How far beyond a range the readings of nearly every batch lie that has some in it."""
_PORTION = 500


@dataclass(frozen=True, slots=True)
class EntryLeaves:
    """The leaves of one ledger entry, by number of series, in the order in which its row root joins them."""

    entry_id: int
    series_ids: list[int]
    leaves: list[bytes]


@dataclass(frozen=True, slots=True)
class ToldByRows:
    """What the rows of a ledger entry, and the corrections that came with it, give for leaves."""

    leaves: EntryLeaves
    row_root: bytes
    """As the ledger has it."""
    duplicates: int
    """Readings of the entry that are neither a row of it nor a correction; with none, the leaves must give the root."""


def keep(connection: Database, kept: Iterable[EntryLeaves]) -> None:
    """Keep the leaves of entries within the caller's transaction; an entry that has its leaves keeps those."""
    rows = [(one.entry_id, one.series_ids, b"".join(one.leaves)) for one in kept]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into leaves (entry_id, series_ids, digests) values (%b, %b, %b) on conflict do nothing", rows
            )


def kept_leaves(connection: Database, entry_id: int) -> EntryLeaves | None:
    """Return the leaves that are kept of a ledger entry, None where its rows are to tell them."""
    row = connection.execute("select series_ids, digests from leaves where entry_id = %s", [entry_id]).fetchone()
    return None if row is None else EntryLeaves(entry_id, row[0], split(bytes(row[1])))


def split(digests: bytes) -> list[bytes]:
    """Return leaves that were joined."""
    return [digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES)]


def told_by_rows(
    connection: Database, retention_class: str, start: datetime, end: datetime
) -> Iterator[list[ToldByRows]]:
    """Yield, in portions, every ledger entry with readings of a class in [start, end) of which no leaves are kept yet.

    Within the caller's transaction, which may keep them between two portions. The leaves are computed where the rows
    are, by the definition in ``ingest.canonical``: the row root, made by that one, shows whether both agree.
    """
    names = {"readings": sql.Identifier(f"readings_{retention_class}"), "of": sql.Literal(retention_class)}
    connection.execute(_FIND.format(**names, start=sql.Literal(start), end=sql.Literal(end)))
    usual = _USUAL.format(start=sql.Literal(start - REACH), end=sql.Literal(end + REACH))
    yield from _told(connection, usual)
    wide = connection.execute(_WIDE_ENTRIES).fetchall()
    for entry_id, first_t, last_t, document in wide:
        table = SeriesTable.model_validate_json(bytes(document))
        of_entry = _OF_ENTRY.format(
            definitions=sql.Literal([series.definition for series in table.series]),
            entry=sql.Literal(entry_id),
            first=sql.Literal(first_t),
            last=sql.Literal(last_t),
        )
        yield from _told(connection, of_entry)


def _told(connection: Database, records: sql.Composable) -> Iterator[list[ToldByRows]]:
    with connection.cursor(name="leaves", binary=True) as cursor:
        cursor.execute(_LEAVES.format(records=records))
        while rows := cursor.fetchmany(_PORTION):
            yield [
                ToldByRows(EntryLeaves(entry_id, series_ids, split(digests)), row_root, duplicates)
                for entry_id, row_root, duplicates, series_ids, digests in rows
            ]


# Each series is looked up by itself, by the key, whatever the state of the statistics: hence "offset 0".
_FIND = sql.SQL(
    """
    create temporary table if not exists leafless (
        entry_id bigint primary key, first_t timestamptz not null, last_t timestamptz not null, wide boolean not null
    ) on commit drop;
    truncate leafless;
    insert into leafless
    select entry_id, first_t, last_t, first_t < {start}::timestamptz - interval '1 hour'
                                      or last_t >= {end}::timestamptz + interval '1 hour'
      from ledger l join (
           select r.entry_id from series s
            cross join lateral (
                  select entry_id from {readings} r
                   where r.series_id = s.series_id and r.t >= {start} and r.t < {end} offset 0) r
            where s.retention_class = {of}
            union
           select c.entry_id from series s join corrections c using (series_id)
            where s.retention_class = {of} and c.t >= {start} and c.t < {end}) there using (entry_id)
     where not exists (select from leaves v where v.entry_id = l.entry_id);
    analyze leafless"""
)
_WIDE_ENTRIES = """
    select n.entry_id, n.first_t, n.last_t, t.document
      from leafless n join ledger l using (entry_id) join series_tables t on t.digest = l.series_table
     where n.wide order by n.entry_id"""

# A correction in the batch of its own reading comes after it, as in the batch: hence the place.
_USUAL = sql.SQL(
    """
    select r.*, s.definition
      from leafless n
      join (select r.entry_id, r.series_id, r.t, r.ordinal, r.value, r.flags, 0 as place
              from series s cross join lateral (
                   select * from readings_count r
                    where r.series_id = s.series_id and r.t >= {start} and r.t < {end} offset 0) r
             where s.retention_class = 'count'
            union all
            select r.entry_id, r.series_id, r.t, r.ordinal, r.value, r.flags, 0
              from series s cross join lateral (
                   select * from readings_state r
                    where r.series_id = s.series_id and r.t >= {start} and r.t < {end} offset 0) r
             where s.retention_class = 'state'
            union all
            select entry_id, series_id, t, ordinal, new_value, new_flags, correction_id
              from corrections where t >= {start} and t < {end}) r using (entry_id)
      join series s using (series_id)
     where not n.wide"""
)
_OF_ENTRY = sql.SQL(
    """
    with own as materialized (
        select series_id, definition, retention_class from series where definition = any({definitions})
    )
    select r.*, o.definition
      from own o
      join (select r.entry_id, r.series_id, r.t, r.ordinal, r.value, r.flags, 0 as place
              from own o cross join lateral (
                   select * from readings_count r
                    where r.series_id = o.series_id and r.t >= {first} and r.t <= {last} offset 0) r
             where o.retention_class = 'count'
            union all
            select r.entry_id, r.series_id, r.t, r.ordinal, r.value, r.flags, 0
              from own o cross join lateral (
                   select * from readings_state r
                    where r.series_id = o.series_id and r.t >= {first} and r.t <= {last} offset 0) r
             where o.retention_class = 'state'
            union all
            select c.entry_id, c.series_id, c.t, c.ordinal, c.new_value, c.new_flags, c.correction_id
              from own o join corrections c using (series_id)) r using (series_id)
     where r.entry_id = {entry}"""
)
_LEAVES = sql.SQL(
    """
    select entry_id, l.row_root, l.duplicates, series_ids, digests
      from (select entry_id, array_agg(series_id order by definition collate "C") as series_ids,
                   string_agg(leaf, ''::bytea order by definition collate "C") as digests
              from (select entry_id, series_id, definition,
                           sha256('\\x00'::bytea || sha256(convert_to(definition, 'UTF8')) || string_agg(
                               int8send((extract(epoch from t) * 1000000)::bigint) || int2send(ordinal)
                               || float8send(value) || int2send(flags), ''::bytea order by t, ordinal, place)) as leaf
                      from ({records}) records group by entry_id, series_id, definition) leaves
             group by entry_id) packed
      join ledger l using (entry_id)"""
)
