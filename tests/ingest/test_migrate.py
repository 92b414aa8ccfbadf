"""Migrations: once each, in order, by one process at a time, and never of a changed file."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from ingest.migrate import MigrationError, migrate, schema_files


def test_twice_changes_nothing(empty_database: str) -> None:
    migrate(empty_database)
    with psycopg.connect(empty_database) as connection:
        first = connection.execute("select * from schema_migrations order by number").fetchall()
        migrate(empty_database)
        assert connection.execute("select * from schema_migrations order by number").fetchall() == first
    assert [(row[0], row[1], row[2]) for row in first] == [(f.number, f.name, f.sha256) for f in schema_files()]


def test_several_processes_at_once(empty_database: str) -> None:
    failures: list[Exception] = []

    def run() -> None:
        try:
            migrate(empty_database)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("update schema_migrations set sha256 = '' where number = 2", "0002_ledger.sql has changed"),
        ("insert into schema_migrations values (999, '0999_later.sql', '')", "newer release"),
    ],
)
def test_another_history_is_an_error(
    connection: psycopg.Connection[Any], database: str, change: str, told: str
) -> None:
    connection.execute(change.encode())
    connection.commit()
    with pytest.raises(MigrationError, match=told):
        migrate(database)


def test_readings_are_hypertables(timescaledb: None, connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute("select hypertable_name from timescaledb_information.hypertables order by 1").fetchall()
    assert [row[0] for row in rows if row[0].startswith("readings")] == [
        "readings_archive",
        "readings_count",
        "readings_state",
    ]
