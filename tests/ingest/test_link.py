"""Which errors pass, and how work outlives them."""

from __future__ import annotations

from random import Random
from threading import Event
from typing import Any

import psycopg
import pytest
from session_server import SessionServer

from ingest.store.connection import Database, is_about_data, will_pass
from ingest.store.link import GivenUpError, Link


@pytest.mark.parametrize(
    ("state", "passes", "of_data"),
    [
        ("08006", True, False),
        ("57P01", True, False),
        ("57P03", True, False),
        ("40001", True, False),
        ("40P01", True, False),
        ("53100", True, False),
        ("53300", True, False),
        ("55P03", True, False),
        ("25006", True, False),
        ("58030", True, False),
        ("42501", True, False),
        ("42P01", True, False),
        ("28000", True, False),
        ("53200", False, False),
        ("53400", False, False),
        ("57014", False, False),
        ("22003", False, True),
        ("23505", False, True),
        ("23514", False, True),
        ("XX000", False, False),
    ],
)
def test_classes(state: str, *, passes: bool, of_data: bool) -> None:
    error = psycopg.errors.lookup(state)()
    assert will_pass(error) is passes
    assert is_about_data(error) is of_data


def test_a_lost_line_passes() -> None:
    assert will_pass(psycopg.OperationalError("server closed the connection unexpectedly"))
    assert not will_pass(psycopg.DataError("text fields cannot contain NUL"))


def test_work_is_repeated_on_a_new_connection(database: str) -> None:
    told: list[str | None] = []
    link = Link(database, "test", Event(), told.append, Random(1))
    tries = 0

    def work(connection: Database) -> Any:
        nonlocal tries
        tries += 1
        if tries == 1:
            connection.execute("select pg_terminate_backend(pg_backend_pid())")
        return connection.execute("select 7").fetchone()

    assert link.run(work) == (7,)
    assert tries == 2
    assert len(told) == 2
    assert told[1] is None
    link.close()


def test_an_error_of_the_data_is_the_caller_s(database: str) -> None:
    link = Link(database, "test", Event(), lambda _: None)
    with pytest.raises(psycopg.errors.DivisionByZero):
        link.run(lambda connection: connection.execute("select 1 / 0"))
    assert link.run(lambda connection: connection.execute("select 7").fetchone()) == (7,)
    link.close()


@pytest.mark.fault
def test_a_stopping_process_does_not_wait_for_the_database(database: str, database_server: SessionServer) -> None:
    stopping = Event()
    stopping.set()
    database_server.kill()
    link = Link(database, "test", stopping, lambda _: None)
    with pytest.raises(GivenUpError):
        link.run(lambda connection: connection.execute("select 7"))
