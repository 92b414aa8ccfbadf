"""The fault suite's account finds what it looks for: each way in which readings can go wrong, done by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from faults.suite.accounting import Outcome, outcome_of
from faults.suite.truth import Key, Truth, key_of
from ingest_steps import Steps
from sealed_batches import NOON_US, SealingAgent, gauge, interval, register

from edge.wire.batch import Loss, LossReason
from edge.wire.series import SeriesTable

TABLE = SeriesTable.of([gauge("d1"), interval("d2")])


@dataclass
class Told:
    """A sender whose readings were handed to ingest already."""

    name: str = "a"
    devices: list[tuple[str, str]] = field(default_factory=list)
    promised: dict[Key, float] = field(default_factory=dict)
    held: int = 0

    def start(self) -> None: ...

    def truth(self) -> Truth:
        return self.promised

    def pending(self) -> int:
        return self.held

    def is_settled(self) -> bool:
        return True

    def close(self) -> None: ...


@dataclass
class Platform:
    """A database with ten batches of two readings, and what was promised of them."""

    connection: psycopg.Connection[Any]
    steps: Steps
    agent: SealingAgent
    told: Told

    def promise(self, n: int) -> list[tuple[int, int, float]]:
        rows = [(0, n, float(n)), (1, n, float(n))]
        self.told.promised |= {key_of(TABLE.series[i], NOON_US + t): value for i, t, value in rows}
        return rows

    def outcome(self) -> Outcome:
        return outcome_of(self.connection, [self.told])


@pytest.fixture
def platform(connection: psycopg.Connection[Any]) -> Platform:
    connection.autocommit = True
    register(connection, "a", ["d1", "d2"])
    platform = Platform(connection, Steps(connection), SealingAgent("a", TABLE), Told())
    platform.steps.take("a", platform.agent.table_payload)
    for n in range(10):
        platform.steps.take("a", platform.agent.seal(platform.promise(n)))
    return platform


def test_everything_committed_once(platform: Platform) -> None:
    assert platform.outcome() == Outcome(20, 20, 0, 0, 0, 0, 0)
    assert platform.outcome().holds


def test_what_is_not_committed_is_lost(platform: Platform) -> None:
    platform.promise(10)
    outcome = platform.outcome()
    assert (outcome.generated, outcome.committed, outcome.lost) == (22, 20, 2)
    assert not outcome.holds


def test_what_a_sender_still_has_is_pending(platform: Platform) -> None:
    platform.promise(10)
    platform.told.held = 2
    assert (platform.outcome().lost, platform.outcome().pending) == (0, 2)
    assert not platform.outcome().holds


def test_a_row_that_is_gone_is_lost_and_does_not_fit_the_ledger(platform: Platform) -> None:
    platform.connection.execute("delete from readings_state where value = 3")
    assert platform.outcome().lost == 1
    assert platform.outcome().problems == ("the ledger has 20 readings, the tables 19",)


def test_a_row_from_nowhere_is_invented(platform: Platform) -> None:
    platform.connection.execute(
        """insert into readings_state select t + interval '1 hour', value, entry_id, series_id, flags, ordinal
             from readings_state where value = 3"""
    )
    assert (platform.outcome().invented, platform.outcome().lost) == (1, 0)
    assert not platform.outcome().holds


def test_another_value_is_invented_and_the_true_one_lost(platform: Platform) -> None:
    platform.connection.execute("update readings_state set value = 99 where value = 3")
    assert (platform.outcome().invented, platform.outcome().lost) == (1, 1)


def test_a_reading_committed_in_two_batches_is_duplicated(platform: Platform) -> None:
    platform.steps.take("a", platform.agent.seal([(0, 3, 3.0), (1, 3, 4.0)]))
    assert platform.outcome().duplicated == 2
    assert not platform.outcome().holds


def test_a_reading_stored_in_two_tables_is_duplicated(platform: Platform) -> None:
    platform.connection.execute("insert into readings_archive select * from readings_state where value = 3")
    assert platform.outcome().duplicated == 1


def test_what_is_refused_is_neither_committed_nor_lost(platform: Platform) -> None:
    platform.connection.execute("alter table ledger add constraint few check (readings < 3)")
    with pytest.raises(psycopg.errors.CheckViolation):
        platform.steps.take("a", platform.agent.seal([*platform.promise(10), *platform.promise(11)]))
    payload = platform.agent.seal([*platform.promise(12), (2, 0, 1.0)])
    platform.steps.take("a", payload)
    outcome = platform.outcome()
    assert (outcome.refused, outcome.lost) == (2, 4)


def test_a_declared_loss_is_no_undeclared_one(platform: Platform) -> None:
    platform.agent.seal(platform.promise(10))
    loss = Loss(
        first_sequence=11,
        last_sequence=11,
        readings=2,
        reason=LossReason.SPOOL_FULL,
        last_digest=platform.agent.previous or "",
        first_us=NOON_US,
        last_us=NOON_US,
    )
    platform.steps.take("a", platform.agent.seal(platform.promise(11), losses=[loss]))
    assert (platform.outcome().declared_lost, platform.outcome().lost) == (2, 0)
    assert platform.outcome().holds


def test_a_missing_batch_and_a_forged_head_are_found(platform: Platform) -> None:
    platform.agent.seal([])
    platform.steps.take("a", platform.agent.seal([]))
    platform.connection.execute("update spools set head = sha256('')")
    assert platform.outcome().problems == (
        "a: 1 batches missing, 0 breaks of the chain",
        "the head of spool 1 is not the chain over its entries",
    )
