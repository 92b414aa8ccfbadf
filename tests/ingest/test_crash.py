"""Kill the worker, the database or the broker around a commit: the ledger stays exact and nothing is counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import ingest_worker
import psycopg
import pytest
from resending_agent import ResendingAgent
from sealed_batches import SealingAgent, gauge, interval, register
from session_server import SessionServer
from standalone.broker import PrivateBroker

from edge.wire.series import SeriesTable
from ingest.writer import Stage

TABLE = SeriesTable.of([gauge("d1"), interval("d2")])
BATCHES = 60

pytestmark = pytest.mark.fault


@pytest.fixture
def config(database: str, broker: PrivateBroker, tmp_path: Path) -> Path:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["d1", "d2"])
    path = tmp_path / "ingest.toml"
    path.write_text(
        f"""
[broker]
host = "{broker.host}"
port = {broker.port}
username = "ingest"
password_file = "{broker.password_file("ingest")}"
[database]
url = "{database}"
[ingest]
worker = "w1"
write_batches = 8
"""
    )
    return path


@pytest.fixture
def agent(broker: PrivateBroker) -> Iterator[ResendingAgent]:
    agent = ResendingAgent(SealingAgent("a", TABLE), broker)
    yield agent
    agent.close()


def seal(agent: ResendingAgent, first: int = 0, end: int = BATCHES) -> list[bytes]:
    return [agent.agent.seal([(0, n, float(n)), (1, n, float(n))]) for n in range(first, end)]


def check_exact(database: str, payloads: list[bytes]) -> None:
    """Every batch is in the ledger once, with its readings once, and the head is the chain over them."""
    with psycopg.connect(database) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query.encode()).fetchall()

        entries = rows("select sequence, sha256, row_root, duplicates, corrections from ledger order by entry_id")
        assert sorted(row[:2] for row in entries) == [(n, sha256(p).digest()) for n, p in enumerate(payloads, start=1)]
        assert {row[3:] for row in entries} == {(0, 0)}
        for name in ("count", "state"):
            query = f"select count(*), sum(value) from readings_{name}"  # noqa: S608
            assert rows(query) == [(BATCHES, sum(range(BATCHES)))]
        assert rows("select count(*) from refusals") == [(0,)]
        (count, head), *_ = rows("select entries, head from spools")
        assert count == BATCHES
        assert head == chained(entries)  # entry ids ascend with the commits of a spool


def chained(entries: list[tuple[Any, ...]]) -> bytes:
    head = sha256(b"").digest()
    for _, payload, row_root, *_ in entries:
        head = sha256(head + payload + row_root).digest()
    return head


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("stage", list(Stage))
def test_kill_9_at_each_stage(config: Path, database: str, agent: ResendingAgent, stage: Stage, nth: int) -> None:
    worker = ingest_worker.start(config, stage, nth)
    agent.wait_for_state(accepting=True)
    payloads = seal(agent)
    agent.send(payloads)
    assert worker.wait(30) == -9
    agent.wait_for_state(accepting=False)  # its will
    worker = ingest_worker.start(config)
    try:
        agent.wait_until_settled()
    finally:
        worker.terminate()
        assert worker.wait(30) == 0
    check_exact(database, payloads)


POISON = {3, 6}
"""Sequences of batches that the database rejects; they are in the first write."""
KILLS = [
    *((Stage.BEFORE_COMMIT, nth) for nth in (1, 2, 4, 6)),
    *((stage, 1) for stage in (Stage.AFTER_COMMIT, Stage.AFTER_RECEIPTS, Stage.AFTER_ANSWERS)),
]


@pytest.mark.parametrize(("stage", "nth"), KILLS)
def test_kill_9_while_poison_is_looked_for(
    config: Path, database: str, agent: ResendingAgent, stage: Stage, nth: int
) -> None:
    """Between the parts of a write that is cut up, and on either side of the commit of its refusals."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("alter table readings_state add constraint no_poison check (value >= 0)")
    worker = ingest_worker.start(config, stage, nth)
    agent.wait_for_state(accepting=True)
    payloads = [
        agent.agent.seal([(0, n, -1.0 if n + 1 in POISON else float(n)), (1, n, float(n))]) for n in range(BATCHES)
    ]
    agent.send(payloads)
    assert worker.wait(30) == -9
    agent.wait_for_state(accepting=False)
    worker = ingest_worker.start(config)
    try:
        agent.wait_until_settled()
    finally:
        worker.terminate()
        assert worker.wait(30) == 0
    assert set(agent.refused.values()) == {"database_rejected"}
    good = [(n, sha256(p).digest()) for n, p in enumerate(payloads, start=1) if n not in POISON]
    with psycopg.connect(database) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query.encode()).fetchall()

        entries = rows("select sequence, sha256, row_root from ledger order by entry_id")
        assert sorted(row[:2] for row in entries) == good
        assert rows("select entries, head from spools") == [(len(good), chained(entries))]
        assert rows("select count(*) from readings_state") == rows("select count(*) from readings_count")
        assert rows("select count(*) from readings_count") == [(len(good),)]
        kept = rows("select sequence, payload, reason, state from refusals order by 1")
        assert kept == [(n, payloads[n - 1], "database_rejected", "open") for n in sorted(POISON)]


def test_the_database_dies_during_writes(
    config: Path, database: str, database_server: SessionServer, agent: ResendingAgent
) -> None:
    worker = ingest_worker.start(config)
    try:
        agent.wait_for_state(accepting=True)
        payloads = seal(agent)
        agent.send(payloads)
        database_server.kill()
        agent.wait_for_state(accepting=False)
        database_server.start()
        agent.wait_for_state(accepting=True)
        agent.wait_until_settled()
    finally:
        worker.terminate()
        assert worker.wait(30) == 0
    check_exact(database, payloads)


def test_the_broker_dies_during_writes(
    config: Path, database: str, broker: PrivateBroker, agent: ResendingAgent
) -> None:
    worker = ingest_worker.start(config)
    try:
        agent.wait_for_state(accepting=True)
        payloads = seal(agent)
        agent.send(payloads)
        broker.kill()
        broker.start()
        agent.wait_until_settled()
    finally:
        worker.terminate()
        assert worker.wait(30) == 0
    check_exact(database, payloads)


def test_two_workers_share_and_one_is_killed(
    config: Path, database: str, broker: PrivateBroker, agent: ResendingAgent
) -> None:
    broker.add_user("ingest-2")
    second = config.with_name("second.toml")
    text = config.read_text().replace(str(broker.password_file("ingest")), str(broker.password_file("ingest-2")))
    second.write_text(text.replace('username = "ingest"', 'username = "ingest-2"').replace('"w1"', '"w2"'))
    workers = [ingest_worker.start(config, Stage.BEFORE_COMMIT, 2), ingest_worker.start(second)]
    try:
        agent.wait_for_state(accepting=True)
        payloads: list[bytes] = []
        for first in range(0, BATCHES, 5):  # both take part in it, whichever was there first
            part = seal(agent, first, first + 5)
            payloads += part
            agent.send(part)
            agent.wait_until_settled()
        assert workers[0].wait(30) == -9
    finally:
        workers[0].kill()
        workers[0].wait(30)
        workers[1].terminate()
        assert workers[1].wait(30) == 0
    check_exact(database, payloads)
