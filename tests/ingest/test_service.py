"""The worker in this process, between a real broker and a real database."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from resending_agent import ResendingAgent
from sealed_batches import SealingAgent, gauge, interval, register
from session_server import SessionServer
from standalone.broker import PrivateBroker
from worker_settings import worker_settings

from edge.wire.acknowledgement import RefusalReason
from edge.wire.model import canonical, digest
from edge.wire.presence import Birth, Will
from edge.wire.series import SeriesTable
from edge.wire.topics import Subject
from ingest.service import Service
from ingest.settings import IngestSettings

TABLE = SeriesTable.of([gauge("d1"), interval("d2")])


def until(holds: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + timeout_s
    waiting = threading.Event()
    while not holds():
        assert time.monotonic() < deadline
        waiting.wait(0.02)


class Worker:
    """A service with what tests ask of it."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.service.status_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, name: str) -> float:
        lines = [line for line in self.get("/metrics")[1].splitlines() if line.startswith(f"smartstore_ingest_{name} ")]
        return float(lines[0].split()[1])

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200


@pytest.fixture
def settings(database: str, broker: PrivateBroker) -> IngestSettings:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["d1", "d2"])
    return worker_settings(database, broker, queue_batches=40, write_batches=10)


@pytest.fixture
def worker(settings: IngestSettings) -> Iterator[Worker]:
    service = Service(settings)
    service.start()
    worker = Worker(service)
    try:
        until(worker.ready)
        yield worker
    finally:
        assert service.stop()


@pytest.fixture
def agent(broker: PrivateBroker) -> Iterator[ResendingAgent]:
    agent = ResendingAgent(SealingAgent("a", TABLE), broker)
    yield agent
    agent.close()


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def test_from_publish_to_acknowledgement(worker: Worker, database: str, agent: ResendingAgent) -> None:
    payloads = [agent.agent.seal([(0, n, float(n)), (1, n, 1.0)]) for n in range(25)]
    agent.send([*payloads])
    agent.wait_until_settled()
    assert rows(database, "select count(*) from readings_state") == [(25,)]
    assert agent.refused == {}
    for payload in payloads[:5]:
        agent.publish(payload)
    until(lambda: worker.metric("redeliveries_total") >= 5)
    assert rows(database, "select count(*), sum(readings) from ledger") == [(25, 50)]
    assert worker.metric("readings_committed_total") == 50
    assert worker.metric("batches_committed_total") == 25
    assert worker.metric("sealed_to_commit_seconds_count") == 25
    assert (agent.heard[-1].head or agent.heard[-2].head).entries == 25  # type: ignore[union-attr]


def test_only_what_the_database_rejects_is_refused(worker: Worker, database: str, agent: ResendingAgent) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("alter table readings_state add constraint not_13 check (value <> 13)")
    payloads = [agent.agent.seal([(0, n, float(n))]) for n in range(10, 16)]
    agent.send(payloads)
    agent.wait_until_settled()
    assert agent.refused == {digest(payloads[3]): RefusalReason.DATABASE_REJECTED}
    assert rows(database, "select sequence from ledger order by 1") == [(1,), (2,), (3,), (5,), (6,)]
    ((kept, detail),) = rows(database, "select payload, detail from refusals")
    assert kept == payloads[3]
    assert "not_13" in detail
    assert worker.get("/healthz")[0] == 200


def test_births_and_wills_pair_by_connection(worker: Worker, database: str, agent: ResendingAgent) -> None:
    def born(connection: int) -> bytes:
        return canonical(
            Birth(
                agent="a",
                connection=connection,
                spool=agent.agent.spool,
                software="test",
                at_us=0,
                pending_batches=0,
            )
        )

    def gone(connection: int, *, clean: bool) -> bytes:
        return canonical(Will(agent="a", connection=connection, clean=clean))

    def seen(expected: tuple[Any, ...]) -> Callable[[], bool]:
        return lambda: rows(database, "select connection, online, clean from presence") == [expected]

    agent.publish(born(5), Subject.BIRTH, retain=True)
    until(seen((5, True, None)))
    agent.publish(gone(4, clean=False), Subject.WILL, retain=True)
    agent.publish(b"neither", Subject.WILL)
    agent.publish(canonical(Will(agent="someone-else", connection=5, clean=False)), Subject.WILL)
    agent.publish(gone(5, clean=True), Subject.WILL, retain=True)
    until(seen((5, False, True)))
    agent.publish(born(4), Subject.BIRTH)
    agent.publish(born(6), Subject.BIRTH)
    until(seen((6, True, None)))
    assert rows(database, "select count(*) from presence") == [(1,)]


@pytest.mark.parametrize("qos", [0, 1])
def test_an_unruly_agent_while_the_database_is_away(
    worker: Worker, database: str, database_server: SessionServer, agent: ResendingAgent, qos: int
) -> None:
    """An agent sends ten times what the queue holds, whatever it is told: memory stays bounded, nothing is lost.

    At QoS 1 the receive maximum holds the broker back until the first receipts; at QoS 0 nothing does, and the worker
    leaves the broker until there is room.
    """
    agent.wait_for_state(accepting=True)
    database_server.kill()
    payloads = [agent.agent.seal([(0, n, float(n))]) for n in range(400)]
    agent.send(payloads, qos=qos)
    agent.wait_for_state(accepting=False)
    if qos == 0:
        until(lambda: worker.metric("overflows_total") >= 1)
    assert worker.metric("queue_batches") <= 40
    assert not worker.ready()
    assert worker.get("/healthz")[0] == 200
    database_server.start()
    agent.wait_until_settled(timeout_s=60)
    until(worker.ready)
    assert rows(database, "select count(*), sum(value) from readings_state") == [(400, sum(range(400)))]
    assert rows(database, "select sum(duplicates) from ledger") == [(0,)]


def test_a_receipt_of_an_earlier_connection_goes_nowhere(
    worker: Worker, database: str, broker: PrivateBroker, agent: ResendingAgent
) -> None:
    """Hold a write in the database while the connection is replaced; its receipts then belong to no connection."""
    with psycopg.connect(database) as holding:
        holding.execute("lock table ledger in exclusive mode")
        agent.send([agent.agent.seal([(0, 0, 1.0)])])
        until(lambda: worker.metric('deliveries_total{subject="batch"}') >= 1)
        before = worker.metric("connections_total")
        broker.kill()
        broker.start()
        until(lambda: worker.metric("connections_total") > before)
    agent.wait_until_settled()
    assert rows(database, "select count(*) from readings_state") == [(1,)]
    until(worker.ready)


def test_what_waits_is_written_before_the_worker_ends(settings: IngestSettings, agent: ResendingAgent) -> None:
    service = Service(settings)
    service.start()
    agent.wait_for_state(accepting=True)
    agent.send([agent.agent.seal([(0, n, float(n))]) for n in range(20)])
    until(lambda: bool(agent.heard))
    assert service.stop()
    agent.wait_for_state(accepting=False)
    committed = {n for answer in agent.heard for low, high in answer.committed for n in range(low, high + 1)}
    written = {row[0] for row in rows(settings.database.url, "select sequence from ledger")}
    assert written >= committed
    assert committed


def test_stopping_while_the_database_is_away_gives_up(
    settings: IngestSettings, database_server: SessionServer, agent: ResendingAgent
) -> None:
    service = Service(settings)
    service.start()
    agent.wait_for_state(accepting=True)
    database_server.kill()
    agent.send([agent.agent.seal([(0, 0, 1.0)])])
    agent.wait_for_state(accepting=False)
    assert service.stop()
    assert agent.heard == []


def test_paths_of_the_status_server(worker: Worker) -> None:
    status, text = worker.get("/readyz")
    assert (status, json.loads(text)) == (
        200,
        {"wrong": [], "broker": True, "database": True, "accepting": True, "reason": ""},
    )
    threads = json.loads(worker.get("/healthz")[1])["threads"]
    assert {name.partition("-")[0] for name in threads} == {
        *("session", "preparation", "writing", "configurations", "agents"),
    }
    assert all(threads.values())
    assert worker.get("/else")[0] == 404
