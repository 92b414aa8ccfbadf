"""Single promises of the spool; the account over whole histories is in test_spool_model."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from edge_tools.readings import FIRST_US, SERIES, HandClock, gauge, group, numbered, refusal

from edge.readings import Reading, ReadingGroup
from edge.spool import acceptance
from edge.spool.records import SpoolLimits, SpoolUnavailable
from edge.spool.seal import MOST_LOSSES
from edge.spool.spool import Spool
from edge.spool.status import read_status
from edge.wire.acknowledgement import Acknowledgement, LedgerHead, RefusalReason, Refused
from edge.wire.batch import MAX_PAYLOAD_BYTES, MAX_READINGS, Batch, Loss, LossReason, ResealedFrom
from edge.wire.decode import decode
from edge.wire.model import canonical
from edge.wire.series import Counter, Kind, OnChange, Origin, Reset, Series, SeriesTable, Unit

LIMITS = SpoolLimits(max_bytes=100_000, max_age_s=3600, batch_readings=100)
LONGEST_LOSS = Loss(
    first_sequence=2**63 - 1,
    last_sequence=2**63 - 1,
    readings=2**63 - 1,
    reason=LossReason.SPOOL_CORRUPT,
    last_digest="a" * 64,
    first_us=-(2**62),
    last_us=-(2**62),
    spool=UUID(int=1),
)
LONGEST_ORIGIN = ResealedFrom(spool=UUID(int=1), sequence=2**63 - 1, sha256="a" * 64)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


@pytest.fixture
def spool(path: Path, clock: HandClock) -> Iterator[Spool]:
    opened = Spool.open(path, LIMITS, clock.clock)
    yield opened
    opened.close()


def batches(spool: Spool) -> list[Batch]:
    found = [decode(sealed.payload) for sealed in spool.pending(limit=100_000)]
    return [document for document in found if isinstance(document, Batch)]


def readings_of(spool: Spool) -> list[Reading]:
    """Return the pending readings as a receiver would read them, through the tables."""
    found: list[Reading] = []
    for batch in batches(spool):
        document = spool.series_table(batch.series_table)
        assert document is not None
        table = decode(document)
        assert isinstance(table, SeriesTable)
        ordinals = batch.ordinal or [0] * len(batch.series)
        columns = zip(batch.series, batch.offset_us, batch.value, batch.flags, ordinals, strict=True)
        found += [Reading(table.series[s], batch.base_us + t, v, f, o) for s, t, v, f, o in columns]
    return found


def test_readings_come_back_as_they_were_accepted_in_their_order(spool: Spool) -> None:
    readings = [
        Reading(SERIES[2], FIRST_US + 5, 1.0, flags=4),
        Reading(SERIES[0], FIRST_US - 7, 1e300, ordinal=0),
        Reading(SERIES[0], FIRST_US - 7, -1e300, ordinal=1),
        Reading(SERIES[1], -5, 7),
    ]
    spool.accept([("a", ReadingGroup(readings, Origin.MEASURED, "1"))])
    assert readings_of(spool) == readings


def test_a_batch_has_one_origin_and_at_most_its_readings(spool: Spool) -> None:
    sequences = spool.accept(
        [
            ("a", group(0, 150, Origin.MEASURED)),
            ("b", group(150, 20, Origin.IMPORTED)),
            ("a", group(170, 60, Origin.MEASURED)),
        ]
    )
    shapes = [(batch.origin, len(batch.value)) for batch in batches(spool)]
    assert shapes == [(Origin.MEASURED, 100), (Origin.MEASURED, 100), (Origin.MEASURED, 10), (Origin.IMPORTED, 20)]
    assert sequences == [1, 2, 3, 4]
    assert (spool.position("a"), spool.position("b")) == ("229", "169")


def test_a_group_without_readings_moves_the_position_only(spool: Spool) -> None:
    assert spool.accept([("a", ReadingGroup([], Origin.MEASURED, "nothing yet"))]) == []
    assert spool.position("a") == "nothing yet"
    assert spool.last_sequence == 0


def test_few_tables_are_made_for_series_that_come_one_by_one(spool: Spool) -> None:
    for number in range(50):
        spool.accept([("a", group(number, 1))])
    assert len({batch.series_table for batch in batches(spool)}) == len(SERIES)
    assert [reading.value for reading in readings_of(spool)] == [float(number) for number in range(50)]


def test_a_device_that_the_platform_does_not_know_leaves_the_tables_of_later_batches(spool: Spool) -> None:
    stranger = Reading(gauge("stranger"), FIRST_US, 0.0)
    for readings in (numbered(0, 5), [*numbered(5, 5), stranger], numbered(10, 5)):
        spool.accept([("a", ReadingGroup(readings, Origin.MEASURED, "1"))])
    first, second, third = spool.pending()
    assert second.series_table == third.series_table
    refused = [
        Refused(sha256=each.sha256, reason=RefusalReason.DEVICE_NOT_REGISTERED, detail="") for each in (second, third)
    ]
    spool.trim(Acknowledgement(spool=spool.spool_id, refused=refused, at_us=1))
    spool.accept([("a", ReadingGroup(numbered(15, 5), Origin.MEASURED, "2"))])
    assert [each.series_table for each in spool.pending()] == [first.series_table] * 2


def test_more_series_than_a_table_holds_start_another_table(path: Path, clock: HandClock) -> None:
    limits = SpoolLimits(2**30, 3600, MAX_READINGS)
    spool = Spool.open(path, limits, clock.clock)
    readings = [Reading(gauge(f"d{number}"), FIRST_US, float(number)) for number in range(12_000)]
    spool.accept([("a", ReadingGroup(readings, Origin.MEASURED, "1"))])
    spool.accept([("a", ReadingGroup(readings[:10], Origin.MEASURED, "2"))])
    assert readings_of(spool) == readings + readings[:10]
    spool.close()


@pytest.mark.parametrize(
    "particulars",
    [
        {"kind": Kind.CUMULATIVE, "counter": Counter(width_bits=64, reset=Reset.POWER_ON)},
        {
            "kind": Kind.GAUGE,
            "report": OnChange(dead_band=1.2345678901234567e-100, at_least_every_s=1.2345678901234567e-100),
        },
    ],
)
def test_the_longest_names_fit_into_a_table(path: Path, clock: HandClock, particulars: dict[str, Any]) -> None:
    spool = Spool.open(path, SpoolLimits(2**30, 3600, MAX_READINGS), clock.clock)
    readings = [
        Reading(
            Series(
                device=f"{number:x>64}",
                quantity="q" * 48,
                channel="c" * 32,
                unit=Unit.MICROGRAM_PER_CUBIC_METRE,
                period_s=1234.0123456789012,
                **particulars,
            ),
            FIRST_US,
            1.0,
        )
        for number in range(3500)
    ]
    spool.accept([("a", ReadingGroup(readings, Origin.MEASURED, "1"))])
    assert readings_of(spool) == readings
    spool.close()


def test_the_largest_batch_is_within_the_contract(path: Path, clock: HandClock) -> None:
    spool = Spool.open(path, SpoolLimits(2**30, 3600, MAX_READINGS), clock.clock)
    readings = [
        Reading(gauge(f"d{n % 3000}"), FIRST_US + n * 10**9 + 123_456, -1.2345678901234567e-200 - n, 32767, 32767)
        for n in range(MAX_READINGS)
    ]
    refusals = [refusal("雨" * 4096, "雨" * 500) for _ in range(300)]
    spool.accept([("a", ReadingGroup(readings, Origin.MEASURED, "1", refusals))])
    sizes = [len(sealed.payload) for sealed in spool.pending(limit=1000)]
    room = MOST_LOSSES * len(canonical(LONGEST_LOSS)) + len(canonical(LONGEST_ORIGIN)) + MOST_LOSSES
    assert max(sizes) + room < MAX_PAYLOAD_BYTES
    assert sum(len(batch.refusals) for batch in batches(spool)) == 300
    assert readings_of(spool) == readings
    spool.close()


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (Reading(SERIES[0], FIRST_US, math.nan), "value_not_finite"),
        (Reading(SERIES[0], FIRST_US, -math.inf), "value_not_finite"),
        (Reading(SERIES[0], 2**62, 1.0), "time_out_of_range"),
        (Reading(SERIES[0], FIRST_US, 1.0, flags=2**15), "flags_out_of_range"),
        (Reading(SERIES[0], FIRST_US, 1.0, ordinal=-1), "ordinal_out_of_range"),
    ],
)
def test_a_reading_that_no_batch_can_carry_becomes_a_refusal(spool: Spool, reading: Reading, reason: str) -> None:
    readings = [*numbered(0, 2), reading, *numbered(2, 2)]
    spool.accept([("counter", ReadingGroup(readings, Origin.MEASURED, "1"))])
    (batch,) = batches(spool)
    assert batch.value == [0.0, 1.0, 2.0, 3.0]
    assert [(each.source, each.reason) for each in batch.refusals] == [("counter", reason)]
    assert spool.totals().accepted_readings == 4


def test_values_whose_sum_overflows_are_accepted(spool: Spool) -> None:
    readings = [Reading(SERIES[0], FIRST_US + number, 1.7e308) for number in range(5)]
    spool.accept([("a", ReadingGroup(readings, Origin.MEASURED, "1"))])
    assert spool.totals().accepted_readings == 5


class TestPersonalData:
    def test_a_refused_payload_with_names_of_it_is_emptied_counted_and_logged_without_content(
        self, spool: Spool, caplog: pytest.LogCaptureFixture
    ) -> None:
        payloads = ['{"count": 3, "macAddress": "AA:BB:CC:DD:EE:FF"}', "<face>Zhang</face>", '{"count": "three"}']
        spool.accept([("a", group(0, 1, refusals=[refusal(payload) for payload in payloads]))])
        (batch,) = batches(spool)
        assert [each.payload for each in batch.refusals] == ["", "", '{"count": "three"}']
        assert spool.totals().withheld == 2
        text = "".join(f"{record.getMessage()} {record.__dict__['event_keys']}" for record in caplog.records)
        assert "AA:BB" not in text
        assert "Zhang" not in text
        assert text.count("refused_payload_withheld") == 2

    def test_a_detail_that_repeats_it_is_emptied_too(self, spool: Spool) -> None:
        spool.accept([("a", group(0, 1, refusals=[refusal("", "came from AA:BB:CC:DD:EE:FF")]))])
        assert batches(spool)[0].refusals[0].detail == ""

    def test_a_series_named_after_it_never_leaves_while_the_others_do(self, spool: Spool) -> None:
        series = gauge("child-counter")
        readings = [*numbered(0, 2), Reading(series, FIRST_US, 9.0), *numbered(2, 2)]
        for _ in range(2):
            spool.accept([("a", ReadingGroup(readings, Origin.MEASURED, "1"))])
        assert [reading.value for reading in readings_of(spool)] == [0.0, 1.0, 2.0, 3.0] * 2
        assert spool.totals().withheld == 2
        spool.accept([("a", ReadingGroup([Reading(series, FIRST_US, 9.0)], Origin.MEASURED, "2"))])
        assert (spool.last_sequence, spool.position("a")) == (2, "2")


def test_refusals_wait_for_the_first_series_table_over_a_restart(path: Path, clock: HandClock) -> None:
    spool = Spool.open(path, LIMITS, clock.clock)
    assert spool.accept([("a", group(0, 0, refusals=[refusal("one")]))]) == []
    assert spool.accept([("a", group(0, 0, refusals=[refusal("two")]))]) == []
    spool.close()
    spool = Spool.open(path, LIMITS, clock.clock)
    spool.accept([("a", group(0, 1))])
    spool.accept([("a", group(1, 0, refusals=[refusal("three")]))])
    assert [[each.payload for each in batch.refusals] for batch in batches(spool)] == [["one", "two"], ["three"]]
    spool.close()


def test_refusals_that_wait_are_bounded(spool: Spool) -> None:
    most = acceptance._MOST_WAITING
    spool.accept([("a", group(0, 0, refusals=[refusal(str(number)) for number in range(most + 5)]))])
    spool.accept([("a", group(0, 1))])
    kept = [each.payload for batch in batches(spool) for each in batch.refusals]
    assert kept == [str(number) for number in range(5, most + 5)]


class TestBounds:
    def test_too_many_bytes_drop_the_oldest_and_declare_it_in_the_next_batch(self, spool: Spool) -> None:
        while not spool.totals().lost_batches:
            spool.accept([("a", group(spool.totals().accepted_readings, 100))])
        assert spool.depth().bytes <= LIMITS.max_bytes
        pending = batches(spool)
        lost = pending[0].sequence - 1
        (loss,) = pending[-1].losses
        assert (loss.first_sequence, loss.last_sequence, loss.readings) == (1, lost, lost * 100)
        assert (loss.reason, loss.last_digest) == (LossReason.SPOOL_FULL, pending[0].previous)
        assert (loss.first_us, loss.last_us) == (FIRST_US, FIRST_US + (lost * 100 - 1) * 1000)

    def test_an_idle_spool_declares_at_once_what_is_too_old(self, spool: Spool, clock: HandClock) -> None:
        spool.accept([("a", group(0, 10))])
        clock.advance(3590)
        spool.accept([("a", group(10, 10))])
        assert spool.enforce_limits() == 0
        clock.advance(20)
        assert spool.enforce_limits() == 1
        second, declaring = batches(spool)
        assert (second.sequence, declaring.sequence, declaring.value) == (2, 3, [])
        assert [(loss.first_sequence, loss.readings, loss.reason) for loss in declaring.losses] == [
            (1, 10, LossReason.SPOOL_AGE)
        ]
        assert spool.enforce_limits() == 0
        assert spool.last_sequence == 3

    def test_a_lost_declaration_is_declared_again_joined_with_its_neighbours(
        self, spool: Spool, clock: HandClock
    ) -> None:
        for first in range(0, 30, 10):
            spool.accept([("a", group(first, 10))])
            clock.advance(3700)
            spool.enforce_limits()
        (declaring,) = batches(spool)
        (loss,) = declaring.losses
        assert (loss.first_sequence, loss.last_sequence, loss.readings) == (1, declaring.sequence - 1, 30)

    def test_committed_batches_between_split_the_declaration(self, spool: Spool, clock: HandClock) -> None:
        for first in range(0, 50, 10):
            spool.accept([("a", group(first, 10))])
        spool.trim(Acknowledgement(spool=spool.spool_id, committed=[(3, 3)], at_us=1))
        clock.advance(3700)
        spool.enforce_limits()
        (declaring,) = batches(spool)
        assert [(loss.first_sequence, loss.last_sequence) for loss in declaring.losses] == [(1, 2), (4, 5)]

    def test_a_clock_that_is_set_makes_no_batch_of_this_boot_old(self, spool: Spool, clock: HandClock) -> None:
        spool.accept([("a", group(0, 10))])
        clock.now_us += 10**15
        assert spool.enforce_limits() == 0


def test_after_a_reboot_the_wall_clock_tells_the_age(path: Path, clock: HandClock) -> None:
    spool = Spool.open(path, LIMITS, clock.clock)
    spool.accept([("a", group(0, 10))])
    spool.close()
    clock.boot, clock.monotonic_us = UUID(int=8), 0
    clock.now_us += 3700 * 10**6
    spool = Spool.open(path, LIMITS, clock.clock)
    assert spool.enforce_limits() == 1
    spool.close()


def test_an_open_loss_keeps_its_numbers_under_a_new_id(spool: Spool, clock: HandClock) -> None:
    spool.accept([("a", group(0, 10))])
    lost_digest = spool.pending()[0].sha256
    clock.advance(3700)
    spool.accept([("a", group(10, 10))])
    assert [loss.spool for batch in batches(spool) for loss in batch.losses] == [None]
    first, ids = spool.spool_id, [spool.spool_id]
    for _ in range(2):
        spool.renew("sequence_reused")
        ids.append(spool.spool_id)
        (batch,) = batches(spool)
        (loss,) = batch.losses
        assert (loss.spool, loss.first_sequence, loss.last_sequence, loss.readings) == (first, 1, 1, 10)
        assert loss.last_digest == lost_digest
        assert (batch.spool, batch.sequence, batch.previous) == (ids[-1], 1, None)
    assert (spool.totals().made_batches, spool.totals().lost_batches) == (4, 1)
    spool.trim(Acknowledgement(spool=spool.spool_id, committed=[(1, 1)], at_us=1))
    spool.accept([("a", group(20, 10))])
    assert [loss for batch in batches(spool) for loss in batch.losses] == []


def test_losses_of_different_ids_are_not_joined(spool: Spool, clock: HandClock) -> None:
    spool.accept([("a", group(0, 10))])
    clock.advance(3700)
    spool.enforce_limits()
    first = spool.spool_id
    spool.renew("sequence_reused")
    spool.accept([("a", group(10, 10))])
    clock.advance(3700)
    spool.enforce_limits()
    (batch,) = batches(spool)
    declared = {(loss.spool, loss.first_sequence, loss.last_sequence, loss.readings) for loss in batch.losses}
    assert declared == {(first, 1, 1, 10), (None, 1, batch.sequence - 1, 10)}


def test_under_an_id_of_another_agent_an_open_loss_takes_a_number_of_the_new_one(
    spool: Spool, clock: HandClock
) -> None:
    spool.accept([("a", group(0, 10))])
    lost_digest = spool.pending()[0].sha256
    clock.advance(3700)
    spool.accept([("a", group(10, 10))])
    spool.renew("spool_of_another_agent")
    (batch,) = batches(spool)
    (loss,) = batch.losses
    assert (loss.spool, loss.first_sequence, loss.last_sequence, loss.readings) == (None, 1, 1, 10)
    assert (batch.sequence, batch.previous) == (2, lost_digest)


def test_a_batch_found_damaged_at_a_renewal_is_declared_by_the_number_it_had(spool: Spool) -> None:
    for first in range(0, 30, 10):
        spool.accept([("a", group(first, 10))])
    abandoned, digests = spool.spool_id, [sealed.sha256 for sealed in spool.pending()]
    spool._db.execute("update batches set payload = zeroblob(9) where sequence = 2")
    spool.renew("sequence_reused")
    carried = batches(spool)
    assert [batch.resealed_from.sequence for batch in carried if batch.resealed_from] == [1, 3]
    (loss,) = [loss for batch in carried for loss in batch.losses]
    assert (loss.spool, loss.first_sequence, loss.last_sequence, loss.readings) == (abandoned, 2, 2, 10)
    assert (loss.reason, loss.last_digest) == (LossReason.SPOOL_CORRUPT, digests[1])


def test_a_full_disk_refuses_the_acceptance_whole_and_takes_it_later(spool: Spool) -> None:
    spool.accept([("a", group(0, 10))])
    pages = spool._db.execute("pragma page_count").fetchone()[0]
    spool._db.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(SpoolUnavailable, match="free space"):
        fill_until_it_fails(spool)
    before = spool.totals()
    assert [reading.value for reading in readings_of(spool)] == list(range(before.accepted_readings))
    assert spool.position("a") == str(before.accepted_readings - 1)
    spool._db.execute("pragma max_page_count = 100000")
    spool.accept([("a", group(before.accepted_readings, 10))])
    assert [reading.value for reading in readings_of(spool)] == list(range(before.accepted_readings + 10))


def fill_until_it_fails(spool: Spool) -> None:
    for number in range(1, 1000):
        spool.accept([("a", group(number * 10, 10))])


def test_heads_of_the_day_keep_the_furthest_ledger_head(spool: Spool, path: Path, clock: HandClock) -> None:
    spool.accept([("a", group(0, 10))])
    sealed = spool.pending()[0].sha256
    for entries in (5, 7, 6):
        head = LedgerHead(entries=entries, digest=f"{entries}" * 64)
        spool.trim(Acknowledgement(spool=spool.spool_id, head=head, at_us=1))
    clock.advance(86_400)
    spool.trim(
        Acknowledgement(spool=spool.spool_id, committed=[(1, 1)], head=LedgerHead(entries=8, digest="8" * 64), at_us=1)
    )
    status = read_status(path)
    assert [(head.day, head.ledger_entries, head.last_sequence, head.last_digest) for head in status.heads] == [
        ("2025-06-16", 8, 1, sealed),
        ("2025-06-15", 7, 1, sealed),
    ]
    assert status.acknowledged_us == clock.now_us


def test_connections_are_numbered_over_restarts(path: Path, clock: HandClock) -> None:
    numbers = []
    for _ in range(2):
        spool = Spool.open(path, LIMITS, clock.clock)
        numbers += [spool.next_connection(), spool.next_connection()]
        spool.close()
    assert numbers == [1, 2, 3, 4]


def test_commits_reach_the_disk_before_they_count(spool: Spool) -> None:
    assert spool._db.execute("pragma journal_mode").fetchone() == ("wal",)
    assert spool._db.execute("pragma synchronous").fetchone() == (2,)  # full
    with pytest.raises(sqlite3.IntegrityError):
        spool._db.execute("insert into spool (only_row, spool) values (2, 'another')")
