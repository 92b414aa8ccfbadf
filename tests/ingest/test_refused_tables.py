"""Batches whose series table is refused are refused with it; asked for in vain, they would fill the agent's window."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from ingest_steps import Steps
from sealed_batches import SealingAgent, gauge, register

from edge.wire.acknowledgement import RefusalReason
from edge.wire.series import SeriesTable
from ingest.store.account import account


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["d1"])
        yield Steps(connection)


def test_batches_of_a_refused_table_are_refused_and_accounted_for(steps: Steps) -> None:
    agent = SealingAgent("a", SeriesTable.of([gauge("d1", channel="faceCount")]))
    batch = agent.seal([(0, 0, 1.0)])
    (asked,) = steps.take("a", batch)
    assert asked.wanted_tables == [agent.table.digest]
    steps.take("a", agent.table_payload)
    answers = steps.take("a", batch, agent.seal([(0, 1, 1.0)]))
    assert [told.reason for answer in answers for told in answer.refused] == [RefusalReason.PERSONAL_DATA] * 2
    assert not any(answer.wanted_tables for answer in answers)
    (spool,) = account(steps.connection)
    assert (spool.refused, spool.missing) == (2, 0)


def test_the_table_of_another_agent_changes_nothing(steps: Steps) -> None:
    register(steps.connection, "b", ["d2"])
    agent = SealingAgent("a", SeriesTable.of([gauge("d1", channel="faceCount")]))
    steps.take("b", agent.table_payload)
    (asked,) = steps.take("a", agent.seal([(0, 0, 1.0)]))
    assert asked.wanted_tables == [agent.table.digest]
