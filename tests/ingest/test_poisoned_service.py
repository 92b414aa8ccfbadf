"""What one message, or a schema that is not this release's, can do to a whole worker: nothing, or end it in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from resending_agent import ResendingAgent
from sealed_batches import SealingAgent, gauge, register
from standalone.broker import PrivateBroker
from worker_settings import worker_settings

from edge.wire.acknowledgement import RefusalReason
from edge.wire.model import canonical, digest
from edge.wire.presence import Birth
from edge.wire.series import SeriesTable
from edge.wire.topics import Subject
from ingest.service import Service
from ingest.settings import IngestSettings


@pytest.fixture
def settings(database: str, broker: PrivateBroker) -> IngestSettings:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["d1"])
        register(connection, "b", ["d2"])
    return worker_settings(database, broker)


@contextmanager
def at_work(settings: IngestSettings) -> Iterator[Service]:
    """Yield a worker at work, which must end in order."""
    service = Service(settings)
    service.start()
    try:
        yield service
    finally:
        assert service.stop()


@pytest.fixture
def agents(broker: PrivateBroker) -> Iterator[list[ResendingAgent]]:
    sealing = [SealingAgent(name, SeriesTable.of([gauge(device)])) for name, device in (("a", "d1"), ("b", "d2"))]
    agents = [ResendingAgent(agent, broker) for agent in sealing]
    yield agents
    for agent in agents:
        agent.close()


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def execute(database: str, statement: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_a_series_table_that_the_database_rejects_holds_nobody_up(
    settings: IngestSettings, database: str, agents: list[ResendingAgent]
) -> None:
    poisoned, other = agents
    without = "position('d1' in encode(document, 'escape')) = 0"
    execute(database, f"alter table series_tables add constraint no_d1 check ({without})")
    with at_work(settings):
        other.wait_for_state(accepting=True)
        for _ in range(3):
            poisoned.publish(poisoned.agent.table_payload)
            other.send([other.agent.seal([(0, other.agent.sequence, 1.0)])])
        other.wait_until_settled()
        poisoned.publish(poisoned.agent.table_payload)
        other.send([other.agent.seal([(0, other.agent.sequence, 1.0)])])
        other.wait_until_settled()
    assert poisoned.refused == {digest(poisoned.agent.table_payload): RefusalReason.DATABASE_REJECTED}
    assert rows(database, "select agent, reason, payload, state from refusals") == [
        ("a", "database_rejected", poisoned.agent.table_payload, "open")
    ]
    assert rows(database, "select count(*) from readings_state") == [(4,)]


def test_a_birth_that_the_database_rejects_holds_nobody_up(
    settings: IngestSettings, database: str, agents: list[ResendingAgent]
) -> None:
    poisoned, other = agents
    execute(database, "alter table presence add constraint no_a check (agent <> 'a')")
    birth = Birth(agent="a", connection=1, spool=poisoned.agent.spool, software="test", at_us=0, pending_batches=0)
    poisoned.publish(canonical(birth), Subject.BIRTH, retain=True)
    with at_work(settings):
        other.wait_for_state(accepting=True)
        for agent in agents:
            agent.send([agent.agent.seal([(0, n, 1.0)]) for n in range(5)])
        for agent in agents:
            agent.wait_until_settled()
    assert rows(database, "select count(*) from readings_state") == [(10,)]
    assert rows(database, "select count(*) from refusals") == [(0,)]


def test_a_worker_of_an_older_release_ends(settings: IngestSettings, database: str) -> None:
    execute(database, "insert into schema_migrations (number, name, sha256) values (9999, 'later', '')")
    service = Service(settings)
    service.start()
    service.wait()
    assert not service.stop()


def test_a_worker_waits_for_its_schema(settings: IngestSettings, database: str, agents: list[ResendingAgent]) -> None:
    ((name, sha256),) = rows(database, "select name, sha256 from schema_migrations where number = 1")
    execute(database, "delete from schema_migrations where number = 1")
    with at_work(settings):
        agents[0].wait_for_state(accepting=False)
        agents[0].send([agents[0].agent.seal([(0, 0, 1.0)])])
        assert rows(database, "select count(*) from ledger") == [(0,)]
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "insert into schema_migrations (number, name, sha256) values (1, %s, %s)", [name, sha256]
            )
        agents[0].wait_until_settled()
    assert rows(database, "select count(*) from readings_state") == [(1,)]
