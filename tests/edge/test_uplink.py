"""The uplink against a real broker, with a platform that misbehaves in every way it knows."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from edge_tools.fake_ingest import FakeIngest, committed, fake_ingest, refused, wanting
from edge_tools.readings import group
from edge_tools.running import AGENT, edge_settings, open_spool, running_uplink
from standalone.broker import PrivateBroker

from edge.conversation import Mode
from edge.settings import EdgeSettings
from edge.spool.spool import Spool
from edge.spool.status import read_status
from edge.wire.acknowledgement import Acknowledgement, RefusalReason
from edge.wire.batch import Batch
from edge.wire.model import digest
from edge.wire.presence import Birth, Will


@pytest.fixture
def settings(broker: PrivateBroker, tmp_path: Path) -> EdgeSettings:
    broker.add_user(AGENT)
    return edge_settings(tmp_path, broker)


@pytest.fixture
def spool(settings: EdgeSettings) -> Iterator[Spool]:
    opened = open_spool(settings)
    yield opened
    opened.close()


def drained(spool: Spool) -> Callable[[], bool]:
    return spool.is_drained


def fill(spool: Spool, batches: int, first: int = 0) -> None:
    for number in range(first, first + batches):
        spool.accept([("counter", group(number * 10, 10))])


def test_everything_is_committed_once_and_trimmed(broker: PrivateBroker, settings: EdgeSettings, spool: Spool) -> None:
    fill(spool, 40)
    with fake_ingest(broker) as ingest, running_uplink(settings, spool) as uplink:
        ingest.wait_for(drained(spool))
        fill(spool, 20, first=40)
        uplink.wake()
        ingest.wait_for(drained(spool))
        assert ingest.values() == [float(number) for number in range(600)]
        assert {sequence for _, sequence in ingest.ledger} == set(range(1, 61))
    totals = spool.totals()
    assert (totals.committed_batches, totals.committed_readings) == (60, 600)


def test_the_table_goes_before_the_first_batch_that_names_it_and_once_a_connection(
    broker: PrivateBroker, settings: EdgeSettings, spool: Spool
) -> None:
    fill(spool, 5)
    with fake_ingest(broker) as ingest:
        with running_uplink(settings, spool):
            ingest.wait_for(drained(spool))
        assert len(ingest.tables) == 1
        assert {batch.series_table for batch, _ in ingest.batches} == set(ingest.tables)
        fill(spool, 1, first=5)
        with running_uplink(settings, spool):
            ingest.wait_for(drained(spool))
        assert ingest.tables == [ingest.tables[0]] * 2


def test_nothing_is_sent_while_no_worker_accepts(broker: PrivateBroker, settings: EdgeSettings, spool: Spool) -> None:
    fill(spool, 3)
    with fake_ingest(broker, accepting=False) as ingest, running_uplink(settings, spool) as uplink:
        ingest.wait_for(lambda: len(ingest.presence) == 1)
        ingest.wait_for(lambda: uplink.mode is Mode.PAUSED)
        assert ingest.batches == []
        ingest.say(accepting=True)
        ingest.wait_for(drained(spool))
        ingest.say(accepting=False)
        ingest.wait_for(lambda: uplink.mode is Mode.PAUSED)
        fill(spool, 1, first=3)
        uplink.wake()
        said_us = read_status(settings.spool.path).acknowledged_us
        ingest.send(AGENT, Acknowledgement(spool=spool.spool_id, at_us=1))
        ingest.wait_for(lambda: read_status(settings.spool.path).acknowledged_us != said_us)
        assert ingest.arrivals(4) == 0
        ingest.say(accepting=True)
        ingest.wait_for(drained(spool))


def test_unanswered_batches_are_sent_again_byte_for_byte_within_the_window(
    broker: PrivateBroker, tmp_path: Path, settings: EdgeSettings, spool: Spool
) -> None:
    settings = edge_settings(tmp_path, broker, uplink={"window": 4, "acknowledgement_timeout_s": 0.2})
    fill(spool, 12)
    silent = True

    def answer(batch: Batch, sha256: str) -> Acknowledgement | None:
        return None if silent else committed(batch, sha256)

    with fake_ingest(broker, answer) as ingest, running_uplink(settings, spool):
        ingest.wait_for(lambda: all(ingest.arrivals(sequence) >= 2 for sequence in (1, 2, 3, 4)))
        assert {batch.sequence for batch, _ in ingest.batches} == {1, 2, 3, 4}
        silent = False
        ingest.wait_for(drained(spool))
        assert all(len(payloads) == 1 for payloads in ingest.payloads.values())
        assert ingest.values() == [float(number) for number in range(120)]


def test_a_lost_acknowledgement_is_asked_for_by_sending_again(
    broker: PrivateBroker, settings: EdgeSettings, spool: Spool
) -> None:
    fill(spool, 6)
    answered: set[int] = set()

    def drops_the_first_answer(batch: Batch, sha256: str) -> Acknowledgement | None:
        if batch.sequence not in answered:
            answered.add(batch.sequence)
            ingest.ledger[batch.spool, batch.sequence] = b""  # committed; the answer is lost
            return None
        return committed(batch, sha256)

    with fake_ingest(broker) as ingest:
        ingest.answer = drops_the_first_answer
        with running_uplink(settings, spool):
            ingest.wait_for(drained(spool))
        assert all(ingest.arrivals(sequence) >= 2 for sequence in range(1, 7))
        assert all(len(payloads) == 1 for payloads in ingest.payloads.values())


def test_a_refused_batch_leaves_the_spool_and_is_counted(
    broker: PrivateBroker, settings: EdgeSettings, spool: Spool
) -> None:
    fill(spool, 5)

    def answer(batch: Batch, sha256: str) -> Acknowledgement:
        if batch.sequence == 3:
            return refused(batch, sha256, RefusalReason.DEVICE_NOT_REGISTERED)
        return committed(batch, sha256)

    with fake_ingest(broker, answer) as ingest, running_uplink(settings, spool):
        ingest.wait_for(drained(spool))
        assert ingest.arrivals(3) == 1
    totals = spool.totals()
    assert (totals.refused_batches, totals.refused_readings, totals.committed_batches) == (1, 10, 4)


def test_an_unreadable_payload_is_refused_without_a_spool(
    broker: PrivateBroker, settings: EdgeSettings, spool: Spool
) -> None:
    fill(spool, 2)

    def answer(batch: Batch, sha256: str) -> Acknowledgement:
        told = refused(batch, sha256, RefusalReason.UNDECODABLE)
        return told.model_copy(update={"spool": None})

    with fake_ingest(broker, answer) as ingest, running_uplink(settings, spool):
        ingest.wait_for(drained(spool))
    assert spool.totals().refused_batches == 2


def test_a_wanted_table_is_sent_and_the_batches_that_name_it_at_once(
    broker: PrivateBroker, tmp_path: Path, settings: EdgeSettings, spool: Spool
) -> None:
    settings = edge_settings(tmp_path, broker, uplink={"acknowledgement_timeout_s": 600})
    fill(spool, 3)

    def answer(batch: Batch, sha256: str) -> Acknowledgement:
        return committed(batch, sha256) if len(ingest.tables) > 1 else wanting(batch)

    with fake_ingest(broker) as ingest:
        ingest.answer = answer
        with running_uplink(settings, spool):
            ingest.wait_for(drained(spool))
        assert len(ingest.tables) == 2
        assert ingest.values() == [float(number) for number in range(30)]


def test_a_reused_sequence_makes_the_spool_go_on_under_a_new_id_with_the_same_readings(
    broker: PrivateBroker, settings: EdgeSettings, spool: Spool
) -> None:
    abandoned = spool.spool_id
    fill(spool, 8)
    before = {batch.sequence: batch.sha256 for batch in spool.pending()}

    def answer(batch: Batch, sha256: str) -> Acknowledgement:
        # The platform has other batches 3 to 5 of this spool, and takes the others.
        if batch.spool == abandoned and batch.sequence in {3, 4, 5}:
            return refused(batch, sha256, RefusalReason.SEQUENCE_REUSED)
        return committed(batch, sha256)

    with fake_ingest(broker, answer) as ingest, running_uplink(settings, spool):
        ingest.wait_for(drained(spool))
        assert ingest.values() == [float(number) for number in range(80)]
        again = [batch for batch, _ in ingest.batches if batch.spool != abandoned]
        assert [batch.sequence for batch in again] == [1, 2, 3]
        carried = [
            (b.resealed_from.spool, b.resealed_from.sequence, b.resealed_from.sha256) for b in again if b.resealed_from
        ]
        assert carried == [(abandoned, sequence, before[sequence]) for sequence in (3, 4, 5)]
        births = [each.spool for each in ingest.presence if isinstance(each, Birth)]
        assert births == [abandoned, spool.spool_id]
    totals = spool.totals()
    assert (totals.resealed_batches, totals.made_batches, totals.committed_batches) == (3, 11, 8)


def test_a_restored_older_copy_of_the_spool_is_found_out_and_loses_nothing(
    broker: PrivateBroker, settings: EdgeSettings
) -> None:
    path = settings.spool.path
    copy = path.with_name("copy.db")
    held: dict[tuple[UUID, int], str] = {}

    def ledger(batch: Batch, sha256: str) -> Acknowledgement:
        """Answer as the platform does: a known identity with its digest is acknowledged again, with another refused."""
        if held.setdefault((batch.spool, batch.sequence), sha256) != sha256:
            return refused(batch, sha256, RefusalReason.SEQUENCE_REUSED)
        return committed(batch, sha256)

    with fake_ingest(broker, ledger) as ingest:
        spool = open_spool(settings)
        fill(spool, 6)  # 1 to 6 are pending when the image is taken, and are committed afterwards
        spool.close()
        shutil.copy(path, copy)
        spool = open_spool(settings)
        fill(spool, 6, first=6)
        with running_uplink(settings, spool):
            ingest.wait_for(drained(spool))
        original = spool.spool_id
        spool.close()
        shutil.copy(copy, path)

        spool = open_spool(settings)
        assert spool.spool_id == original
        fill(spool, 9, first=1000)  # 7 to 12 are reused with other readings, 13 to 15 were never used
        with running_uplink(settings, spool):
            ingest.wait_for(drained(spool))
        assert spool.spool_id != original
        assert ingest.values() == sorted(float(n) for n in [*range(120), *range(10_000, 10_090)])
        totals = spool.totals()
        spool.close()
    assert totals.accepted_readings == totals.committed_readings == 150
    assert totals.resealed_batches == 6  # 13 to 15 were answered before the renewal, and are not sent twice


def test_an_answer_for_another_spool_changes_nothing(
    broker: PrivateBroker, settings: EdgeSettings, spool: Spool
) -> None:
    fill(spool, 1)
    with fake_ingest(broker, lambda _batch, _sha256: None) as ingest, running_uplink(settings, spool):
        ingest.wait_for(lambda: ingest.arrivals(1) > 0)
        ingest.send(AGENT, Acknowledgement(spool=UUID(int=5), committed=[(1, 1)], at_us=1))
        ingest.wait_for(lambda: ingest.arrivals(1) > 2)
        assert spool.depth().batches == 1


def test_birth_and_will_carry_the_number_of_the_connection(
    broker: PrivateBroker, settings: EdgeSettings, spool: Spool
) -> None:
    with fake_ingest(broker) as ingest:
        for _ in range(2):
            seen = len(ingest.presence)
            with running_uplink(settings, spool):
                ingest.wait_for(lambda seen=seen: len(ingest.presence) == seen + 1)  # type: ignore[misc]
            ingest.wait_for(lambda seen=seen: len(ingest.presence) == seen + 2)  # type: ignore[misc]
        said = [(each.type, each.connection) for each in ingest.presence]
        assert said == [("birth", 1), ("will", 1), ("birth", 2), ("will", 2)]
        assert all(each.clean for each in ingest.presence if isinstance(each, Will))


@pytest.mark.fault
def test_a_killed_broker_loses_nothing(broker: PrivateBroker, settings: EdgeSettings, spool: Spool) -> None:
    fill(spool, 30)
    ingest = FakeIngest(broker, lambda _batch, _sha256: None)
    ingest.start()
    with running_uplink(settings, spool):
        ingest.wait_for(lambda: len(ingest.batches) >= 16)
        broker.kill()
        ingest.stop()
        broker.restart()
        with fake_ingest(broker) as second:
            second.wait_for(drained(spool))
            assert second.values() == [float(number) for number in range(300)]
            for identity, payloads in ingest.payloads.items():
                assert payloads == second.payloads[identity]


def test_the_sent_bytes_are_the_sealed_ones(broker: PrivateBroker, settings: EdgeSettings, spool: Spool) -> None:
    fill(spool, 4)
    sealed = {batch.sequence: batch.sha256 for batch in spool.pending()}
    with fake_ingest(broker) as ingest, running_uplink(settings, spool):
        ingest.wait_for(drained(spool))
        assert {batch.sequence: digest(payload) for batch, payload in ingest.batches} == sealed
