"""Upgrading a database in use: every row stays, and nobody who writes waits for longer than the stated bound.

No time is measured. That a migration never waits for long in front of others is shown by others getting on while it
cannot; that it holds no lock against writers while it reads or rewrites rows, by the database's own counters.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from ingest_steps import Steps
from psycopg import sql
from sealed_batches import SECOND_US, SealingAgent, gauge, interval, register
from session_server import SessionServer

from edge.wire.series import Origin, SeriesTable
from ingest.migrate import LockBounds, MigrationError, SchemaFile, migrate, schema_files

PREVIOUS = 6
"""The last file of the schema before this release."""
TABLE = SeriesTable.of([gauge("d1"), interval("d2")])
TABLES = ("readings_count", "readings_state", "readings_archive")
BATCHES = 40
DAY_US = 86_400 * SECOND_US
Connection = psycopg.Connection[Any]


def populated(dsn: str) -> None:
    """Have a database of the previous schema: live and old readings, corrections, chunks."""
    migrate(dsn, files=schema_files()[:PREVIOUS])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_POPULATE)


def populated_and_upgraded(dsn: str) -> None:
    populated(dsn)
    migrate(dsn)


@pytest.fixture(scope="module")
def template(database_server: SessionServer) -> Iterator[str]:
    name = database_server.template(populated)
    yield name
    database_server.drop(name)


@pytest.fixture(scope="module")
def upgraded_template(database_server: SessionServer) -> Iterator[str]:
    name = database_server.template(populated_and_upgraded)
    yield name
    database_server.drop(name)


@pytest.fixture
def previous(database_server: SessionServer, template: str) -> Iterator[str]:
    """Yield the URL of a database as the previous release leaves it."""
    yield from cloned(database_server, template)


@pytest.fixture
def upgraded(database_server: SessionServer, upgraded_template: str) -> Iterator[str]:
    """Yield the URL of such a database with this release's schema."""
    yield from cloned(database_server, upgraded_template)


def cloned(database_server: SessionServer, template: str) -> Iterator[str]:
    name = database_server.create(template)
    yield database_server.dsn(name)
    database_server.drop(name)


# By SQL, as the previous release would have written it: this release's ledger is for this release's schema.
_POPULATE = """
    insert into spools (spool, agent, entries) select gen_random_uuid(), 'a' || n, 20 from generate_series(1, 2) n;
    insert into series (definition, device, quantity, channel, unit, kind, period_s, retention_class)
    select format('{"device":"d%s"}', n), 'd' || n, 'temperature', '', 'degC', 'gauge', 60, class
      from generate_series(1, 5) n, unnest(array['count', 'state', 'archive']) class;
    insert into series_tables (digest, document) select sha256(n::text::bytea), '' from generate_series(1, 2) n;
    insert into ledger (spool_id, sequence, sha256, previous, series_table, origin, readings, sealed_at, row_root)
    select s.spool_id, n, sha256(n::text::bytea), case when n > 1 then sha256((n - 1)::text::bytea) end, '', 'measured',
           1500, now(), sha256(n::text::bytea)
      from spools s, generate_series(1, 20) n;
    insert into readings_count (t, value, entry_id, series_id, flags, ordinal)
    select '2026-01-01'::timestamptz + n * interval '1 hour', n, 1 + n % 40, s.series_id, 0, 0
      from series s, generate_series(1, 2000) n where s.retention_class = 'count';
    insert into readings_state (t, value, entry_id, series_id, flags, ordinal)
    select '2026-01-01'::timestamptz + n * interval '1 hour', n, 1 + n % 40, s.series_id, 0, 0
      from series s, generate_series(1, 2000) n where s.retention_class = 'state';
    insert into readings_archive (t, value, entry_id, series_id, flags, ordinal)
    select '2020-01-01'::timestamptz + n * interval '1 hour', n, 1 + n % 40, s.series_id, 0, 0
      from series s, generate_series(1, 2000) n where s.retention_class = 'archive';
    insert into corrections (series_id, t, ordinal, old_value, old_flags, new_value, new_flags, reason, entry_id)
    select series_id, t, ordinal, value, flags, value + 1, 0, 'later value', 40 from readings_state where value < 10;
    insert into refusals (agent, unit, sha256, reason, detail, payload)
    select 'a1', 'batch', sha256(n::text::bytea), 'undecodable', '', '' from generate_series(1, 20) n;
"""


def rows(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table of the previous schema, those that a writer adds meanwhile left out."""
    with psycopg.connect(dsn) as connection:
        found = {}
        for name in _COLUMNS:
            where = "where series_id > 0" if name in TABLES else ""
            columns = _columns_of_previous(connection, name)
            query = f"select {columns} from {name} {where} order by 1, 2, 3"  # noqa: S608 - own names
            found[name] = connection.execute(query.encode()).fetchall()
        return found


def _columns_of_previous(connection: Connection, name: str) -> str:
    found = connection.execute(
        """select string_agg(column_name, ', ' order by ordinal_position) from information_schema.columns
            where table_schema = 'public' and table_name = %s and column_name = any(%s)""",
        [name, _COLUMNS[name]],
    ).fetchone()
    assert found
    return str(found[0])


_READING = ["t", "value", "entry_id", "series_id", "flags", "ordinal"]
_COLUMNS = {
    **dict.fromkeys(TABLES, _READING),
    "spools": ["spool_id", "spool", "agent", "first_seen", "entries", "head"],
    "series": ["series_id", "definition", "device", "quantity", "channel", "unit", "kind", "period_s"],
    "ledger": ["entry_id", "spool_id", "sequence", "sha256", "previous", "origin", "readings", "row_root"],
    "corrections": ["correction_id", "series_id", "t", "ordinal", "old_value", "new_value", "reason", "entry_id"],
    "refusals": ["refusal_id", "agent", "unit", "sha256", "reason", "detail", "payload", "state"],
    "series_tables": ["digest", "document", "received_at"],
}


@contextmanager
def writing(dsn: str) -> Iterator[list[int]]:
    """Have a thread commit a reading to each table again and again; yield the list of what it committed."""
    done: list[int] = []
    failed: list[Exception] = []
    stop = Event()

    def write() -> None:
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                while not stop.is_set():
                    with connection.transaction():
                        for name in TABLES:
                            query = sql.SQL("insert into {} values (%s, 1, 1, %s, 0, 0)").format(sql.Identifier(name))
                            connection.execute(query, ["2026-01-01T00:00:00Z", -1 - len(done)])
                    done.append(len(done))
        except Exception as error:
            failed.append(error)

    thread = Thread(target=write)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()
    assert failed == []
    with psycopg.connect(dsn) as connection:
        for name in TABLES:
            query = sql.SQL("select count(*) from {} where series_id < 0").format(sql.Identifier(name))
            assert connection.execute(query).fetchone() == (len(done),)


@contextmanager
def reading(dsn: str) -> Iterator[Connection]:
    """Have a transaction open that has read every table of readings, as a long report or ``pg_dump`` has."""
    with psycopg.connect(dsn) as connection:
        for name in TABLES:
            connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(name)))
        yield connection


def artificial(text: str, number: int | None = None) -> list[SchemaFile]:
    """Return this release's schema with one more file."""
    files = schema_files()
    return [*files, SchemaFile(number or len(files) + 1, "9999_artificial.sql", text)]


def wait_for_more(done: list[int], by: int = 3) -> None:
    wanted, patience = len(done) + by, Event()
    for _ in range(6000):
        if len(done) >= wanted:
            return
        patience.wait(0.01)
    pytest.fail(f"the writer got from {wanted - by} to {len(done)} only: it is kept waiting")


def test_every_row_stays_while_writers_go_on(previous: str) -> None:
    before = rows(previous)
    with writing(previous) as done:
        wait_for_more(done)
        migrate(previous, LockBounds(wait_s=0.5))
        wait_for_more(done)
    assert rows(previous) == before
    assert [len(found) for found in before.values()] == [10_000, 10_000, 10_000, 2, 15, 40, 45, 20, 2]


def test_a_migration_waits_behind_a_long_reader_and_nobody_behind_it(
    upgraded: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The reader keeps the migration out for as long as it likes; the writer gets on all the while."""
    files = artificial("lock table readings_count, readings_state, readings_archive in access exclusive mode")
    ended = Event()

    def run() -> None:
        migrate(upgraded, LockBounds(wait_s=0.2, give_up_s=600), files)
        ended.set()

    thread = Thread(target=run)
    with writing(upgraded) as done:
        with reading(upgraded):
            thread.start()
            while sum(record.message == "migration_waits" for record in caplog.records) < 2:
                wait_for_more(done)
            assert not ended.is_set()
        thread.join(120)
        assert ended.is_set()
        wait_for_more(done)


def test_it_gives_up_with_the_names_of_those_who_keep_it_out(upgraded: str) -> None:
    with reading(upgraded) as reader:
        pid = reader.info.backend_pid
        with pytest.raises(MigrationError, match=rf"process {pid} .* migrate again"):
            migrate(upgraded, LockBounds(wait_s=0.05, give_up_s=0.1), artificial("drop table readings_count"))
    with psycopg.connect(upgraded) as connection:
        assert connection.execute("select max(number) from schema_migrations").fetchone() == (len(schema_files()),)
        assert connection.execute("select count(*) from readings_count").fetchone() == (10_000,)


@pytest.mark.parametrize(
    "text",
    [
        "alter table readings_count add column note text; select pg_sleep(600)",
        "lock table ledger in share mode; select pg_sleep(600)",
    ],
)
def test_a_migration_that_keeps_its_locks_too_long_is_undone(upgraded: str, text: str) -> None:
    before = rows(upgraded)
    with writing(upgraded) as done:
        with pytest.raises(MigrationError, match="--hold-s"):
            migrate(upgraded, LockBounds(hold_s=0.5), artificial(text))
        wait_for_more(done)
    assert rows(upgraded) == before
    migrate(upgraded, LockBounds(hold_s=0.5), artificial("select 1"))


def test_what_a_migration_makes_itself_may_take_its_time(upgraded: str) -> None:
    text = "create table fresh (n integer); lock table fresh in access exclusive mode; select pg_sleep(1)"
    migrate(upgraded, LockBounds(hold_s=0.1), artificial(text))


def test_a_cancellation_by_somebody_else_is_told_as_such(upgraded: str) -> None:
    with pytest.raises(psycopg.errors.QueryCanceled):
        migrate(upgraded, files=artificial("set local statement_timeout = 50; select pg_sleep(600)"))


# Relations of readings that a transaction has locked against writers, and in how many of their rows it has a hand.
_TOUCHED = """
    with parts as (
        select c.oid, c.relname from pg_class c where c.relname = any(%(tables)s)
         union all
        select i.inhrelid, p.relname from pg_inherits i join pg_class p on p.oid = i.inhparent
         where p.relname = any(%(tables)s)
    )
    select p.relname,
           coalesce(sum(s.seq_tup_read + coalesce(s.idx_tup_fetch, 0) + s.n_tup_ins + s.n_tup_upd + s.n_tup_del), 0)
      from parts p
      left join pg_stat_xact_all_tables s on s.relid = p.oid
     where exists (select from pg_locks l where l.pid = pg_backend_pid() and l.relation = p.oid
                      and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))
     group by p.relname order by p.relname"""


def rows_touched_under_lock(connection: Connection, text: str) -> dict[str, int]:
    """Apply a file in the open transaction; return the rows that it read or wrote of tables locked against writers."""
    connection.execute(text.encode())
    return dict(connection.execute(_TOUCHED, {"tables": list(TABLES)}).fetchall())


def test_the_shipped_files_touch_no_row_under_a_lock_against_writers(previous: str) -> None:
    """So that their locks are held for changes of the catalogue alone, however many rows there are."""
    newer = schema_files()[PREVIOUS:]
    assert newer
    with psycopg.connect(previous, autocommit=True) as connection:
        for file in newer:
            with connection.transaction():
                touched = rows_touched_under_lock(connection, file.sql)
            assert {name: number for name, number in touched.items() if number} == {}, file.name


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("create index on readings_count (entry_id)", True),
        ("alter table readings_state alter column flags type integer", True),
        ("lock table readings_count in exclusive mode; update readings_count set flags = 1 where series_id = 1", True),
        ("select count(*) from readings_count", False),
        ("alter table readings_count set (fillfactor = 90)", False),
    ],
)
def test_that_check_finds_what_it_is_for(previous: str, text: str, found: bool) -> None:
    with psycopg.connect(previous) as connection:
        assert any(rows_touched_under_lock(connection, text).values()) is found


def test_this_release_writes_to_the_upgraded_database(previous: str, database_server: SessionServer) -> None:
    migrate(previous)
    with psycopg.connect(previous, autocommit=True) as connection:
        register(connection, "a", ["d1", "d2"])
        agent, steps = SealingAgent("a", TABLE), Steps(connection)
        steps.take("a", agent.table_payload)
        for n in range(BATCHES):
            origin = Origin.IMPORTED if n % 4 == 0 else Origin.MEASURED
            steps.take("a", agent.seal([(0, n * DAY_US, 1.0), (1, n * DAY_US, 2.0)], origin=origin))
        assert connection.execute("select count(*) from ledger").fetchone() == (40 + BATCHES,)
