"""What the metrics say after writes, against the same counted by hand; what an agent sends makes no new label."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import numpy as np
import psycopg
import pytest
from ingest_steps import Steps
from sealed_batches import NOON_US, SECOND_US, SealingAgent, delivery, gauge, register

from edge.wire.acknowledgement import Acknowledgement, RefusalReason
from edge.wire.batch import DecoderRefusal, Loss, LossReason
from edge.wire.series import SeriesTable
from ingest.arrived import ArrivedBatch
from ingest.counters import Counters
from ingest.decode import decode_payload
from ingest.handover import merged
from ingest.store.entries import Entry, Numbering, Written
from ingest.store.link import Link
from ingest.writer import Writer

FOREIGN = "f" * 64


class Deaf:
    """Where answers go that nobody reads."""

    def answer(self, agent: str, acknowledgement: Acknowledgement) -> None:
        """Drop an answer."""


class Rig:
    """A writer on a real database, and what its metrics say."""

    def __init__(self, database: str) -> None:
        self.connection = psycopg.connect(database, autocommit=True)
        register(self.connection, "a", ["d"])
        self.steps = Steps(self.connection)
        self.agent = SealingAgent("a", SeriesTable.of([gauge("d")]))
        self.counters = Counters()
        self.link = Link(lambda: database, "test", Event(), lambda _: None)
        self.writer = Writer(self.link, Deaf(), self.counters, Event())
        self.steps.take("a", self.agent.table_payload)

    def write(self, *payloads: bytes) -> None:
        for prepared in merged(self.steps.preparation.prepare(self.connection, [delivery("a", p) for p in payloads])):
            self.writer.handle(prepared)

    def value(self, name: str, **labels: str) -> float | None:
        return self.counters.registry.get_sample_value(f"smartstore_ingest_{name}", labels)

    def close(self) -> None:
        self.link.close()
        self.connection.close()


def lost(readings: int) -> Loss:
    return Loss(
        first_sequence=1000,
        last_sequence=1001,
        readings=readings,
        reason=LossReason.SPOOL_FULL,
        last_digest="0" * 64,
        first_us=None,
        last_us=None,
    )


def refused(reason: str) -> DecoderRefusal:
    return DecoderRefusal(source="s", reason=reason, detail="", payload=reason, at_us=NOON_US)


def an_entry(*, sealed_us: int, received_us: int) -> Entry:
    agent = SealingAgent("a", SeriesTable.of([gauge("d")]))
    batch = decode_payload(agent.seal([], sealed_us=sealed_us))
    assert isinstance(batch, ArrivedBatch)
    return Entry("a", b"", b"", received_us, batch, [], Numbering(np.zeros(1, np.int32), np.zeros(1, np.int8)))


@pytest.fixture
def rig(database: str) -> Iterator[Rig]:
    rig = Rig(database)
    yield rig
    rig.close()


def test_a_write_is_counted_once_and_a_repetition_as_one(rig: Rig) -> None:
    payloads = [rig.agent.seal([(0, n, 1.0) for n in range(first, first + size)]) for first, size in ((0, 1), (5, 3))]
    payloads.append(rig.agent.seal([], losses=[lost(7)], refusals=[refused("x" * 64), refused("y")]))
    rig.write(*payloads)
    rig.write(payloads[1])
    rig.write(rig.agent.seal([(0, 5, 1.0), (0, 6, 2.0)]))  # one reading equal, one different
    rig.agent.seal([])
    rig.write(rig.agent.seal([], previous=FOREIGN))  # its predecessor never comes: no break
    rig.write(rig.agent.seal([], previous=FOREIGN))
    assert rig.value("batches_committed_total") == 6
    assert rig.value("readings_committed_total") == 6
    assert rig.value("redeliveries_total") == 1
    assert (rig.value("duplicates_total"), rig.value("corrections_total")) == (1, 1)
    assert rig.value("chain_breaks_total") == 1
    assert rig.value("readings_declared_lost_total", reason="spool_full") == 7
    assert rig.value("readings_declared_lost_total", reason="spool_age") == 0
    assert rig.value("decoder_refusals_total") == 2
    sizes = [rig.value("batch_readings_bucket", le=le) for le in ("1.0", "2.0", "5.0", "+Inf")]
    assert sizes == [4, 5, 6, 6]
    assert rig.value("write_batches_sum") == 7
    assert rig.value("write_seconds_count") == rig.value("commit_seconds_count") == 5
    assert rig.value("commit_seconds_sum") < rig.value("write_seconds_sum")  # type: ignore[operator]


def test_each_delay_is_by_the_clocks_that_it_names() -> None:
    """Sealed at noon and received a second later; committed 3 s after noon, and by a clock that was set back."""
    counters = Counters()
    entry = an_entry(sealed_us=NOON_US, received_us=NOON_US + SECOND_US)
    counters.count(Written(committed=[entry, entry]), NOON_US + 3 * SECOND_US)
    value = counters.registry.get_sample_value
    assert value("smartstore_ingest_sealed_to_commit_seconds_sum") == 6
    assert value("smartstore_ingest_received_to_commit_seconds_sum") == 4
    counters.count(Written(committed=[entry]), NOON_US - SECOND_US)
    assert value("smartstore_ingest_sealed_to_commit_seconds_sum") == 6
    assert value("smartstore_ingest_received_to_commit_seconds_bucket", {"le": "0.005"}) == 1


def test_a_clock_that_is_ahead_does_not_hide_that_its_agent_is_silent() -> None:
    counters = Counters()
    counters.lags._now_us = lambda: NOON_US + 60 * SECOND_US
    entry = an_entry(sealed_us=NOON_US + 3600 * SECOND_US, received_us=NOON_US)
    counters.count(Written(committed=[entry]), NOON_US)
    assert counters.registry.get_sample_value("smartstore_ingest_agent_lag_seconds", {"agent": "a"}) == 60


def test_a_refusal_counts_under_its_reason_and_all_reasons_are_there_from_the_start(rig: Rig) -> None:
    def counts() -> dict[str, float | None]:
        return {reason: rig.value("refusals_total", reason=reason) for reason in RefusalReason}

    assert set(counts().values()) == {0}
    rig.write(b"no batch", b"nor this", rig.agent.seal([(1, 0, 1.0)]))
    told = {reason: n for reason, n in counts().items() if n}
    assert told == {RefusalReason.UNDECODABLE: 2, RefusalReason.SERIES_OUT_OF_TABLE: 1}


def test_a_write_that_is_cut_up_is_one_write_of_several_commits(rig: Rig) -> None:
    rig.connection.execute("alter table readings_state add constraint no_poison check (value >= 0)")
    rig.write(*(rig.agent.seal([(0, n, -1.0 if n == 1 else 1.0)]) for n in range(4)))
    assert rig.value("write_seconds_count") == 1
    assert rig.value("batches_committed_total") == 3
    assert rig.value("commit_seconds_count") == 3  # the halves around the poison, and its refusal
    assert rig.value("refusals_total", reason="database_rejected") == 1


def test_what_is_no_write_is_not_timed_as_one(rig: Rig) -> None:
    rig.write(rig.agent.table_payload)
    assert rig.value("write_seconds_count") == 0
