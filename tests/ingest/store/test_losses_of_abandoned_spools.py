"""Losses that an agent declares after its spool has gone on under another id: whose account shows them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from ingest_steps import Steps, instant
from sealed_batches import NOON_US, SealingAgent, gauge, register

from edge.wire.acknowledgement import RefusalReason
from edge.wire.batch import Loss, LossReason
from edge.wire.series import SeriesTable
from ingest.replay import replay
from ingest.store import refusals
from ingest.store.account import account, losses, missing_ranges

TABLE = SeriesTable.of([gauge("d1")])


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["d1"])
        register(connection, "b", ["d2"])
        yield Steps(connection)


def loss(first: int, last: int, digest: str, spool: UUID | None = None) -> Loss:
    return Loss(
        first_sequence=first,
        last_sequence=last,
        readings=last - first + 1,
        reason=LossReason.SPOOL_AGE,
        last_digest=digest,
        first_us=NOON_US,
        last_us=NOON_US,
        spool=spool,
    )


def abandoned(steps: Steps) -> tuple[SealingAgent, str]:
    """Commit the first and fourth batch of a spool; return it with the digest of the third, which is lost."""
    agent = SealingAgent("a", TABLE)
    first = agent.seal([(0, 0, 0.0)])
    agent.seal([(0, 1, 1.0)])
    agent.seal([(0, 2, 2.0)])
    digest = agent.previous
    assert digest
    steps.take("a", agent.table_payload, first, agent.seal([(0, 3, 3.0)]))
    return agent, digest


def standing(steps: Steps) -> dict[UUID, tuple[int, ...]]:
    """Return of each spool: committed, refused, declared lost, missing batches, and breaks of the chain."""
    return {
        line.spool: (line.committed, line.refused, line.declared_lost, line.missing, line.chain_breaks)
        for line in account(steps.connection)
    }


def facts(connection: psycopg.Connection[Any], agent: str = "a") -> list[int]:
    found = losses(connection, [agent], instant(NOON_US), instant(NOON_US) + timedelta(seconds=1))
    return [fact.readings for fact in found]


def test_the_abandoned_spool_shows_the_loss_and_the_new_one_does_not(steps: Steps) -> None:
    old, digest = abandoned(steps)
    assert standing(steps)[old.spool] == (2, 0, 0, 2, 0)
    new = SealingAgent("a", TABLE)
    payload = new.seal([(0, 4, 4.0)], losses=[loss(2, 3, digest, old.spool)])
    for _ in range(2):
        steps.take("a", payload)
        assert standing(steps) == {old.spool: (2, 0, 2, 0, 0), new.spool: (1, 0, 0, 0, 0)}
        assert facts(steps.connection) == [2]
    assert missing_ranges(steps.connection, "a", old.spool) == []


def test_what_was_declared_under_both_ids_is_lost_once(steps: Steps) -> None:
    old, digest = abandoned(steps)
    steps.take("a", old.seal([(0, 5, 5.0)], losses=[loss(2, 3, digest)]))
    new = SealingAgent("a", TABLE)
    steps.take("a", new.seal([], losses=[loss(2, 3, digest, old.spool)]))
    assert standing(steps) == {old.spool: (3, 0, 2, 0, 0), new.spool: (1, 0, 0, 0, 0)}
    assert facts(steps.connection) == [2]


def test_a_spool_of_which_nothing_ever_arrived_is_the_agents(steps: Steps) -> None:
    new, never_seen = SealingAgent("a", TABLE), uuid4()
    steps.take("a", new.table_payload, new.seal([], losses=[loss(1, 7, "ab" * 32, never_seen)]))
    assert standing(steps) == {never_seen: (0, 0, 7, 0, 0), new.spool: (1, 0, 0, 0, 0)}
    assert {line.agent for line in account(steps.connection)} == {"a"}


def test_nobody_declares_losses_of_another_agents_spool(steps: Steps) -> None:
    old, digest = abandoned(steps)
    before = standing(steps)
    other = SealingAgent("b", SeriesTable.of([gauge("d2")]))
    payload = other.seal([(0, 0, 1.0)], losses=[loss(2, 3, digest, old.spool)])
    (answer,) = steps.take("b", other.table_payload, payload)
    assert [one.reason for one in answer.refused] == [RefusalReason.SPOOL_OF_ANOTHER_AGENT]
    assert answer.committed == []
    assert standing(steps)[old.spool] == before[old.spool]
    assert facts(steps.connection) == facts(steps.connection, "b") == []
    assert [done.outcome for done in replay(steps.connection, refusals.kept(steps.connection))] == ["refused"]
    renewed = SealingAgent("b", other.table)
    renewed.seal([])
    steps.take("b", renewed.seal([(0, 0, 1.0)], losses=[loss(1, 1, digest)]))
    assert standing(steps)[renewed.spool][:4] == (1, 0, 1, 0)
    assert facts(steps.connection, "b") == [1]
