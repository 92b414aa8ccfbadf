"""Urgent readings have batches of their own, which are found first and dropped last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from edge_tools.readings import HandClock, group, refusal

from edge.readings import Priority
from edge.spool.records import SpoolLimits
from edge.spool.spool import Spool
from edge.wire.batch import Batch, LossReason
from edge.wire.decode import decode
from edge.wire.series import Origin


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    limits = SpoolLimits(max_bytes=100_000, max_age_s=3600, batch_readings=100)
    opened = Spool.open(tmp_path / "spool.db", limits, HandClock().clock)
    yield opened
    opened.close()


def accept(spool: Spool, *parts: tuple[int, int, Priority]) -> list[int]:
    return spool.accept(
        [("a", replace(group(first, count, Origin.MEASURED), priority=priority)) for first, count, priority in parts]
    )


def batches(spool: Spool) -> list[Batch]:
    found = [decode(sealed.payload) for sealed in spool.pending(limit=1000)]
    return [document for document in found if isinstance(document, Batch)]


def test_one_acceptance_seals_what_is_urgent_on_its_own_and_first(spool: Spool) -> None:
    sequences = accept(spool, (0, 3, Priority.NORMAL), (3, 2, Priority.HIGH), (5, 1, Priority.NORMAL))
    assert sequences == [1, 2]
    assert [batch.value for batch in batches(spool)] == [[3.0, 4.0], [0.0, 1.0, 2.0, 5.0]]
    assert spool.position("a") == "5"
    assert spool.first_pending(0, 100, Priority.HIGH) == 1
    assert spool.first_pending(0, 100, Priority.NORMAL) == 2
    assert len({batch.series_table for batch in batches(spool)}) <= 2


def test_a_renewal_keeps_priorities(spool: Spool) -> None:
    accept(spool, (0, 3, Priority.NORMAL))
    accept(spool, (3, 2, Priority.HIGH))
    spool.renew("sequence_reused")
    assert spool.first_pending(0, 100, Priority.HIGH) == 2
    assert spool.first_pending(0, 100, Priority.NORMAL) == 1


def test_refusals_alone_are_not_urgent(spool: Spool) -> None:
    accept(spool, (0, 3, Priority.HIGH))
    urgent = replace(group(3, 0, refusals=[refusal("x")]), priority=Priority.HIGH)
    spool.accept([("a", urgent)])
    assert spool.first_pending(1, 100, Priority.HIGH) is None
    assert spool.first_pending(1, 100, Priority.NORMAL) == 2


def test_a_full_spool_drops_what_is_urgent_last(spool: Spool) -> None:
    accept(spool, (0, 100, Priority.HIGH))
    first = 100
    while spool.totals().lost_batches == 0:
        accept(spool, (first, 100, Priority.NORMAL))
        first += 100
    assert spool.first_pending(0, 100, Priority.HIGH) == 1
    accept(spool, (first, 100, Priority.NORMAL))
    losses = [loss for batch in batches(spool) for loss in batch.losses]
    assert {loss.reason for loss in losses} == {LossReason.SPOOL_FULL}
    assert min(loss.first_sequence for loss in losses) == 2
    assert sum(loss.readings for loss in losses) == spool.totals().lost_readings
