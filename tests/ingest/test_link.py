"""How work outlives the errors that pass, and what else becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import psycopg
import pytest
from psycopg import errors
from session_server import SessionServer

from ingest.fitness import check_schema
from ingest.migrate import schema_files
from ingest.settings import DatabaseSettings
from ingest.store.connection import Database, conninfo
from ingest.store.link import GivenUpError, Link, UnfitError


class Watched:
    """A link that notes what it tells."""

    def __init__(self, database: str, check: Callable[[Database], None] = lambda _: None) -> None:
        self.told: list[str | None] = []
        self.link = Link(lambda: database, "test", Event(), self.told.append, check=check, random=Random(1))


class Failing:
    """Work that raises these errors, one a time, and then answers with the session that it was done in."""

    def __init__(self, *failures: type[psycopg.Error]) -> None:
        self.left = list(failures)
        self.sessions: list[int] = []

    def __call__(self, connection: Database) -> int:
        self.sessions.append(connection.info.backend_pid)
        if self.left:
            raise self.left.pop(0)("as the test wants")
        return connection.info.backend_pid


def test_work_is_repeated_on_a_new_connection(database: str) -> None:
    watched = Watched(database)
    tries = 0

    def work(connection: Database) -> Any:
        nonlocal tries
        tries += 1
        if tries == 1:
            connection.execute("select pg_terminate_backend(pg_backend_pid())")
        return connection.execute("select 7").fetchone()

    assert watched.link.run(work) == (7,)
    assert tries == 2
    assert len(watched.told) == 2
    assert watched.told[1] is None
    watched.link.close()


def test_an_error_of_the_data_is_the_caller_s(database: str) -> None:
    link = Watched(database).link
    with pytest.raises(errors.DivisionByZero):
        link.run(lambda connection: connection.execute("select 1 / 0"))
    assert link.run(lambda connection: connection.execute("select 7").fetchone()) == (7,)
    link.close()


def test_too_much_at_once_is_the_caller_s_where_it_can_be_cut(database: str) -> None:
    link = Watched(database).link
    with pytest.raises(errors.QueryCanceled):
        link.run(Failing(errors.QueryCanceled), divisible=True)
    work = Failing(errors.QueryCanceled, errors.QueryCanceled)
    link.run(work)
    assert len(work.sessions) == 3
    link.close()


def test_a_server_that_only_reads_is_asked_no_more(database: str) -> None:
    """The database turns read-only under the session: only a new one can find that it is over."""
    watched = Watched(database)

    def set_read_only(*, on: bool) -> None:
        with psycopg.connect(database, autocommit=True, options="-c default_transaction_read_only=off") as connection:
            name = connection.info.dbname
            connection.execute(f"alter database {name} set default_transaction_read_only = {on}".encode())

    def work(connection: Database) -> int:
        if not watched.told:
            connection.execute("set default_transaction_read_only = on")
        connection.execute("create table written ()")
        return connection.info.backend_pid

    set_read_only(on=True)
    threading.Timer(0.5, set_read_only, kwargs={"on": False}).start()
    watched.link.run(work)
    assert len(watched.told) == 2
    assert "read-only" in str(watched.told[0])
    watched.link.close()


def test_a_collision_is_no_outage_until_it_goes_on(database: str) -> None:
    watched = Watched(database)
    work = Failing(errors.DeadlockDetected, errors.SerializationFailure)
    watched.link.run(work)
    assert watched.told == []
    assert len(set(work.sessions)) == 1
    watched.link.run(Failing(*[errors.DeadlockDetected] * 3))
    assert len(watched.told) == 2
    watched.link.close()


def test_a_session_in_an_unknown_state_ends_the_worker(database: str) -> None:
    link = Watched(database).link
    with pytest.raises(UnfitError, match="transaction is not where this program believes"):
        link.run(Failing(errors.InFailedSqlTransaction))


def test_who_waits_for_a_lock_says_so(database: str) -> None:
    watched = Watched(database)
    assert watched.link.run(lambda connection: connection.execute("show lock_timeout").fetchone()) == ("30s",)
    with psycopg.connect(database) as holding:
        holding.execute("lock table spools")
        sessions: set[int] = set()

        def work(connection: Database) -> None:
            sessions.add(connection.info.backend_pid)
            if watched.told:
                holding.rollback()
            connection.execute("set lock_timeout = '50ms'")
            connection.execute("select from spools")

        watched.link.run(work)
    assert "lock timeout" in str(watched.told[0])
    assert watched.told[1:] == [None]
    assert len(sessions) == 1
    watched.link.close()


def test_what_comes_late_is_taken_whatever_it_makes_of_old_chunks(database: str, timescaledb: None) -> None:
    del timescaledb
    query = b"select setting from pg_settings where name = 'timescaledb.max_tuples_decompressed_per_dml_transaction'"
    link = Watched(database).link
    assert link.run(lambda connection: connection.execute(query).fetchall()) in ([("0",)], [])
    link.close()


def test_an_older_schema_is_waited_for(database: str) -> None:
    last = schema_files()[-1]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("delete from schema_migrations where number = %s", [last.number])
    watched = Watched(database, check_schema)

    def migrate() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "insert into schema_migrations (number, name, sha256) values (%s, %s, %s)",
                [last.number, last.name, last.sha256],
            )

    threading.Timer(0.5, migrate).start()
    assert watched.link.run(lambda connection: connection.execute("select 7").fetchone()) == (7,)
    assert "run smartstore-ingest migrate" in str(watched.told[0])
    assert watched.told[-1] is None
    watched.link.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("insert into schema_migrations (number, name, sha256) values (9999, 'later', '')", "newer release"),
        ("update schema_migrations set sha256 = ''", "another release"),
    ],
)
def test_the_schema_of_another_release_ends_the_worker(database: str, change: str, message: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(change.encode())
    with pytest.raises(UnfitError, match=message):
        Watched(database, check_schema).link.run(Failing())


def test_a_new_password_is_read_for_the_next_connection(tmp_path: Path, database: str) -> None:
    file = tmp_path / "password"
    settings = DatabaseSettings(url=database, password_file=file)
    told: list[str | None] = []
    link = Link(lambda: conninfo(settings), "test", Event(), told.append)
    threading.Timer(0.3, file.write_text, ["wrong\n"]).start()
    threading.Timer(0.6, file.write_text, [_password(database) + "\n"]).start()
    assert link.run(lambda connection: connection.execute("select 7").fetchone()) == (7,)
    assert "No such file" in str(told[0])
    link.close()


def _password(database: str) -> str:
    with psycopg.connect(database) as connection:
        return connection.pgconn.password.decode() if connection.pgconn.password else "any"


@pytest.mark.fault
def test_a_stopping_process_does_not_wait_for_the_database(database: str, database_server: SessionServer) -> None:
    stopping = Event()
    stopping.set()
    database_server.kill()
    link = Link(lambda: database, "test", stopping, lambda _: None)
    with pytest.raises(GivenUpError):
        link.run(lambda connection: connection.execute("select 7"))
