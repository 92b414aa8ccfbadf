"""Breaks of the chain are counted as batches are committed, whatever the order they come in."""

from __future__ import annotations

from random import Random
from uuid import UUID

import psycopg
import pytest
from ingest_steps import Steps
from sealed_batches import SealingAgent, gauge, register

from edge.wire.series import SeriesTable
from ingest.store.account import account

BATCHES = 14


@pytest.mark.parametrize("seed", range(12))
def test_every_break_once_in_any_order(database: str, seed: int) -> None:
    """Two spools with broken links and batches that never come; writes of random batches, some of them again."""
    random = Random(seed)
    with psycopg.connect(database, autocommit=True) as connection:
        steps = Steps(connection)
        sealed: dict[tuple[UUID, int], tuple[str, bytes]] = {}
        broken: set[tuple[UUID, int]] = set()
        for name in ("a", "b"):
            register(connection, name, [f"d-{name}"])
            agent = SealingAgent(name, SeriesTable.of([gauge(f"d-{name}")]))
            steps.take(name, agent.table_payload)
            for n in range(BATCHES):
                breaks = n > 0 and random.random() < 0.3
                payload = agent.seal(
                    [(0, n, 1.0)], **({"previous": f"{random.getrandbits(256):064x}"} if breaks else {})
                )
                sealed[agent.spool, agent.sequence] = name, payload
                if breaks:
                    broken.add((agent.spool, agent.sequence))
        kept = [key for key in sealed if random.random() < 0.8]
        left = [*kept, *random.sample(kept, len(kept) // 3)]
        random.shuffle(left)
        while left:
            size = random.randint(1, 6)
            steps.take_from([sealed[key] for key in left[:size]])
            left = left[size:]
        expected = {(s, n) for s, n in broken if (s, n) in kept and (s, n - 1) in kept}
        found = [key for written in steps.written for _, key in written.chain_breaks]
        assert len(found) == len(set(found))
        assert set(found) == expected
        assert sum(line.chain_breaks for line in account(connection)) == len(expected)
        agents = {key: agent for written in steps.written for agent, key in written.chain_breaks}
        assert agents == {key: sealed[key][0] for key in expected}


def test_a_batch_before_the_first_of_a_spool_is_no_break(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["d"])
        steps, agent = Steps(connection), SealingAgent("a", SeriesTable.of([gauge("d")]))
        payloads = [agent.seal([(0, n, 1.0)]) for n in range(3)]
        steps.take("a", agent.table_payload, *payloads)
        assert [written.chain_breaks for written in steps.written] == [[]]
