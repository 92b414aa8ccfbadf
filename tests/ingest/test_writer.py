"""A write that the database rejects: only the poison is refused, whatever is in one write with it."""

from __future__ import annotations

from hashlib import sha256
from random import Random
from threading import Event
from typing import Any

import psycopg
import pytest
from ingest_steps import Steps
from sealed_batches import SealingAgent, delivery, gauge, register

from edge.wire.acknowledgement import Acknowledgement, RefusalReason
from edge.wire.series import SeriesTable
from ingest.counters import Counters
from ingest.handover import merged
from ingest.store.link import Link
from ingest.writer import Stage, Writer

SIZE = 48
AGENTS = ("a", "b", "c")


class Heard:
    """What agents are told."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, Acknowledgement]] = []

    def answer(self, agent: str, acknowledgement: Acknowledgement) -> None:
        self.answers.append((agent, acknowledgement))


@pytest.fixture
def agents(database: str) -> dict[str, SealingAgent]:
    with psycopg.connect(database, autocommit=True) as connection:
        for name in AGENTS:
            register(connection, name, [f"d-{name}"])
        connection.execute("alter table readings_state add constraint no_poison check (value >= 0)")
    return {name: SealingAgent(name, SeriesTable.of([gauge(f"d-{name}")])) for name in AGENTS}


@pytest.mark.parametrize("poisoned", [0, 1, 2, 7, SIZE - 1, SIZE])
def test_only_the_poison_is_refused(database: str, agents: dict[str, SealingAgent], poisoned: int) -> None:
    random = Random(poisoned)
    poison = set(random.sample(range(SIZE), poisoned))
    sealed: list[tuple[str, bytes]] = []
    for n in range(SIZE):
        agent = agents[random.choice(AGENTS)]
        sealed.append((agent.name, agent.seal([(0, n, -1.0 if n in poison else float(n))])))
    heard = Heard()
    stages: list[Stage] = []
    with psycopg.connect(database, autocommit=True) as connection:
        steps = Steps(connection)
        steps.take_from([(agent.name, agent.table_payload) for agent in agents.values()])
        (prepared,) = merged(steps.preparation.prepare(connection, [delivery(*one) for one in sealed]))
        link = Link(lambda: database, "test", Event(), lambda _: None)
        Writer(link, heard, Counters(), Event(), stages.append).handle(prepared)
        link.close()

        good = [payload for n, (_, payload) in enumerate(sealed) if n not in poison]
        bad = [payload for n, (_, payload) in enumerate(sealed) if n in poison]
        entries = steps.rows("select spool_id, sequence, sha256, row_root from ledger order by entry_id")
        assert sorted(row[2] for row in entries) == sorted(sha256(payload).digest() for payload in good)
        assert steps.rows("select count(*), min(value) from readings_state where value < 0") == [(0, None)]
        check_order(steps, entries)
        kept = steps.rows("select payload, reason, spool is not null, sequence is not null from refusals")
        assert sorted(kept) == sorted((payload, "database_rejected", True, True) for payload in bad)
    told = {r.sha256: r.reason for _, answer in heard.answers for r in answer.refused}
    assert told == {sha256(payload).hexdigest(): RefusalReason.DATABASE_REJECTED for payload in bad}
    committed = sum(high - low + 1 for _, answer in heard.answers for low, high in answer.committed)
    assert committed == len(good)
    assert stages[-3:] == [Stage.AFTER_COMMIT, Stage.AFTER_RECEIPTS, Stage.AFTER_ANSWERS]


def check_order(steps: Steps, entries: list[tuple[Any, ...]]) -> None:
    """Check that entries are numbered in the order of their spool, and its head is chained over them so."""
    for spool_id, count, head in steps.rows("select spool_id, entries, head from spools"):
        own = [row for row in entries if row[0] == spool_id]
        assert [row[1] for row in own] == sorted(row[1] for row in own)
        digest = sha256(b"").digest()
        for _, _, payload, row_root in own:
            digest = sha256(digest + payload + row_root).digest()
        assert (count, head) == (len(own), digest)


def test_poison_of_two_kinds_and_a_limit_of_size_in_one_write(database: str, agents: dict[str, SealingAgent]) -> None:
    """The database takes no more than five batches at once (as where locks run out), and some not at all."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            """create function few() returns trigger language plpgsql as $$
               begin
                   if (select count(*) from ledger where received_at = new.received_at and xmin = new.xmin) > 5 then
                       raise exception using errcode = 'out_of_memory';
                   end if;
                   return null;
               end $$"""
        )
        connection.execute("create trigger few after insert on ledger for each row execute function few()")
        steps, agent, heard = Steps(connection), agents["a"], Heard()
        payloads = [agent.seal([(0, n, -1.0 if n == 3 else float(n))]) for n in range(20)]
        payloads[11] = b"unreadable"
        arrived = [delivery("a", payload) for payload in [agent.table_payload, *payloads]]
        (prepared,) = steps.preparation.prepare(connection, arrived)
        link = Link(lambda: database, "test", Event(), lambda _: None)
        Writer(link, heard, Counters(), Event()).handle(prepared)
        link.close()
        assert steps.rows("select count(*) from ledger") == [(18,)]
        assert sorted(steps.rows("select reason from refusals")) == [("database_rejected",), ("undecodable",)]
