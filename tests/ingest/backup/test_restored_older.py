"""A database restored to an older day: agents bring what they still hold, and the account names the rest exactly."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import ingest_worker
import psycopg
import pytest
from backup_tools.programs import programs_for
from edge_tools.readings import SERIES
from edge_tools.running import AGENT, edge_settings
from fault_tools.playing_agent import playing, wait_until
from sealed_batches import register
from session_server import SessionServer
from standalone.broker import PrivateBroker

from ingest.backup.backup import back_up
from ingest.backup.restore import restore
from ingest.store.account import account, missing_ranges, rows_by_spool
from ingest.store.connection import connect

pytestmark = pytest.mark.fault

Worker = subprocess.Popen[bytes]


@pytest.fixture
def start(broker: PrivateBroker, tmp_path: Path) -> Iterator[Callable[[str], Worker]]:
    """Yield what starts an ingest worker on a database."""
    workers: list[Worker] = []

    def run(dsn: str) -> Worker:
        config = tmp_path / f"ingest-{len(workers)}.toml"
        config.write_text(
            f"""
[broker]
host = "{broker.host}"
port = {broker.port}
username = "ingest"
password_file = "{broker.password_file("ingest")}"
[database]
url = "{dsn}"
"""
        )
        workers.append(ingest_worker.start(config))
        return workers[-1]

    yield run
    for worker in workers:
        worker.kill()
        worker.wait(30)


@dataclass(frozen=True)
class Databases:
    """One in use, and an empty one to restore into."""

    first: str
    second: str
    programs: Path | None


@pytest.fixture
def databases(database: str, database_server: SessionServer) -> Iterator[Databases]:
    name = database_server.create()
    yield Databases(database, database_server.dsn(name), programs_for(database_server))
    database_server.drop(name)


def test_what_an_agent_had_trimmed_since_the_backup_is_missing_and_nothing_else(
    databases: Databases, broker: PrivateBroker, start: Callable[[str], Worker], tmp_path: Path
) -> None:
    broker.add_user(AGENT)
    with connect(databases.first, "test") as connection:
        register(connection, AGENT, [series.device for series in SERIES])
    worker = start(databases.first)
    with playing(edge_settings(tmp_path, broker)) as agent:

        def accept(readings: int) -> int:
            """Have the agent accept readings and be told that they are committed; return its highest sequence."""
            agent.accept(readings)
            wait_until(lambda: agent.spool.depth().batches == 0)
            return agent.spool.last_sequence

        backed_up = accept(30)
        with connect(databases.first, "test") as connection:
            back_up(connection, databases.first, tmp_path / "backup", databases.programs)
        trimmed = accept(60)
        worker.kill()  # and the database with it
        agent.accept(45)
        held = agent.spool.last_sequence
        assert backed_up < trimmed < held
        assert restore(databases.second, tmp_path / "backup", databases.programs)[1] == []
        start(databases.second)
        wait_until(lambda: agent.spool.depth().batches == 0)
        goes_on = accept(15)
    with psycopg.connect(databases.second) as connection:
        (spool,) = account(connection)
        assert (spool.highest_sequence, spool.missing) == (goes_on, trimmed - backed_up)
        assert missing_ranges(connection, AGENT, spool.spool) == [(backed_up + 1, trimmed)]
        assert (spool.committed, spool.refused, spool.declared_lost, spool.chain_breaks) == (
            goes_on - (trimmed - backed_up),
            *(0, 0, 0),
        )
        assert rows_by_spool(connection)[spool.spool] == 30 + 45 + 15 == spool.readings_sealed
        values = connection.execute("select value from readings_archive order by value").fetchall()
        assert [value for (value,) in values] == [float(n) for n in (*range(30), *range(90, 150))]
