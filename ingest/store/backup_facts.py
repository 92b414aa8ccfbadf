"""What a backup and its restore ask of a database: one moment of it, its rows, heads and roles, whether it is empty.

Everything here must work on the schema of any release, older ones included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from ingest.store.connection import Database
from ingest.store.leaves import kept_leaves
from ingest.store.series import CLASSES

_OWN_TABLES = """
    select c.relname from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
       and not exists (select from pg_depend d
                        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by c.relname"""


@dataclass(frozen=True, slots=True)
class SampledEntry:
    """A ledger entry of which every reading became a row."""

    entry_id: int
    spool: UUID
    sequence: int
    row_root: bytes
    readings: int
    first_t: datetime
    last_t: datetime
    series_table: bytes


@dataclass(frozen=True, slots=True)
class EntryRows:
    """The rows of one series in one entry, sorted by (t, ordinal): t in µs since 1970, ordinal, value, flags."""

    definition: str
    rows: list[tuple[int, int, float, int]]


def hold_snapshot(connection: Database) -> str:
    """Make the open transaction see one moment, and return the name by which ``pg_dump`` sees the same."""
    connection.execute("set transaction isolation level repeatable read, read only")
    row = connection.execute("select pg_export_snapshot()").fetchone()
    return str(row[0]) if row else ""


def server_folder(connection: Database) -> str | None:
    """Return where the server's own programs are, as far as this user may know."""
    try:
        row = connection.execute("select setting from pg_config where name = 'BINDIR'").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return None if row is None else str(row[0])


def timescaledb(connection: Database) -> tuple[str, bool] | None:
    """Return version of TimescaleDB and whether it is the community edition; None where the database has none."""
    row = connection.execute(
        """select extversion, current_setting('timescaledb.license', true) = 'timescale'
             from pg_extension where extname = 'timescaledb'"""
    ).fetchone()
    return None if row is None else (str(row[0]), bool(row[1]))


def rows_of_tables(connection: Database) -> dict[str, int]:
    """Return the number of rows of every table of the schema."""
    counts = {}
    for (name,) in connection.execute(_OWN_TABLES).fetchall():
        row = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(name))).fetchone()
        counts[str(name)] = int(row[0]) if row else 0
    return counts


def spool_heads(connection: Database) -> list[tuple[UUID, str, int, bytes]]:
    """Return spool, agent, entries and head of every spool."""
    rows = connection.execute("select spool, agent, entries, head from spools order by spool").fetchall()
    return [(spool, agent, entries, bytes(head)) for spool, agent, entries, head in rows]


def grantees(connection: Database) -> list[str]:
    """Return the roles other than owners that have rights on something of the schema."""
    rows = connection.execute(
        """with rights as (
               select relowner as owner, relacl as acl from pg_class where relnamespace = 'public'::regnamespace
                union all
               select c.relowner, a.attacl from pg_attribute a join pg_class c on c.oid = a.attrelid
                where c.relnamespace = 'public'::regnamespace
                union all
               select proowner, proacl from pg_proc where pronamespace = 'public'::regnamespace
                union all
               select nspowner, nspacl from pg_namespace where nspname = 'public'
           )
           select distinct pg_get_userbyid(granted.grantee)
             from rights cross join lateral aclexplode(acl) granted
            where acl is not null and granted.grantee not in (0, owner)
            order by 1"""
    )
    return [str(name) for (name,) in rows]


def create_roles(connection: Database, names: Sequence[str]) -> list[str]:
    """Create the roles that are not there, without log-in; return them."""
    there = {name for (name,) in connection.execute("select rolname from pg_roles")}
    missing = [name for name in names if name not in there]
    for name in missing:
        connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(name)))
    return missing


def own_relations(connection: Database, limit: int = 5) -> list[str]:
    """Return tables, views and sequences that somebody made here: none where the database is empty."""
    rows = connection.execute(
        """select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
              and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
              and not exists (select from pg_depend d
                               where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
            order by 1 limit %s""",
        [limit],
    )
    return [str(name) for (name,) in rows]


def offered_timescaledb(connection: Database) -> list[str]:
    """Return the versions of TimescaleDB that the server offers and has loaded, none where it has not."""
    loaded = connection.execute("select from pg_settings where name like 'timescaledb.%' limit 1").fetchone()
    if loaded is None:
        return []
    rows = connection.execute("select version from pg_available_extension_versions where name = 'timescaledb'")
    return sorted(str(version) for (version,) in rows)


def begin_restore(connection: Database, version: str) -> None:
    """Add TimescaleDB in this version, and have it take a restore without doing anything of its own."""
    connection.execute(sql.SQL("create extension if not exists timescaledb version {}").format(sql.Literal(version)))
    connection.execute("select timescaledb_pre_restore()")


def end_restore(connection: Database) -> None:
    """Have TimescaleDB work again after a restore."""
    connection.execute("select timescaledb_post_restore()")


def sampled_entries(connection: Database, number: int) -> list[SampledEntry]:
    """Return up to so many ledger entries, spread over the ledger, whose readings all became rows when committed."""
    rows = connection.execute(
        """with ends as (select min(entry_id) as low, max(entry_id) as high from ledger)
           select distinct e.entry_id, s.spool, e.sequence, e.row_root, e.readings, e.first_t, e.last_t, t.document
             from ends cross join generate_series(0, %(number)s - 1) as n
            cross join lateral (
                  select * from ledger l
                   where l.entry_id >= low + (high - low) * n / greatest(%(number)s - 1, 1)
                     and l.readings > 0 and l.duplicates = 0 and l.corrections = 0
                   order by l.entry_id limit 1) e
             join spools s using (spool_id)
             join series_tables t on t.digest = e.series_table
            order by e.entry_id""",
        {"number": number},
    ).fetchall()
    return [_entry(row) for row in rows]


def entry_of(connection: Database, spool: UUID, sequence: int) -> SampledEntry | None:
    """Return a ledger entry, None where it is not there or holds no reading."""
    row = connection.execute(
        """select l.entry_id, s.spool, l.sequence, l.row_root, l.readings, l.first_t, l.last_t, t.document
             from ledger l join spools s using (spool_id) join series_tables t on t.digest = l.series_table
            where s.spool = %s and l.sequence = %s and l.readings > 0""",
        [spool, sequence],
    ).fetchone()
    return None if row is None else _entry(row)


def _entry(row: tuple[Any, ...]) -> SampledEntry:
    entry_id, spool, sequence, root, readings, first_t, last_t, document = row
    return SampledEntry(entry_id, spool, sequence, bytes(root), readings, first_t, last_t, bytes(document))


def rows_of_entry(connection: Database, entry: SampledEntry, definitions: Sequence[str]) -> list[EntryRows]:
    """Return the rows that came with an entry, by series; ``definitions`` are those of its table."""
    found: dict[str, list[Any]] = {}
    for name in CLASSES:
        query = sql.SQL(
            """select s.definition, (extract(epoch from r.t) * 1000000)::bigint, r.ordinal, r.value, r.flags
                 from {} r join series s using (series_id)
                where r.series_id in (select series_id from series
                                       where definition = any(%s) and retention_class = %s)
                  and r.t between %s and %s and r.entry_id = %s
                order by 1, 2, 3"""
        ).format(sql.Identifier(f"readings_{name}"))
        for definition, *row in connection.execute(
            query, [list(definitions), name, entry.first_t, entry.last_t, entry.entry_id]
        ):
            found.setdefault(definition, []).append(tuple(row))
    return [EntryRows(definition, rows) for definition, rows in found.items()]


def leaves_kept(connection: Database, entry_id: int) -> list[bytes]:
    """Return the leaves that are kept of an entry, in their order; none where there are none, or no table of them."""
    ((there,),) = connection.execute("select to_regclass('leaves') is not null").fetchall()
    kept = kept_leaves(connection, entry_id) if there else None
    return [] if kept is None else kept.leaves
