"""Finding what cannot be stored: the same outcome as trying one by one, in far fewer attempts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors
from sealed_batches import SealingAgent, delivery, gauge

from edge.wire.acknowledgement import RefusalReason
from edge.wire.series import SeriesTable
from edge.wire.topics import Subject
from ingest.quarantine import cut_up, rejected


class Store:
    """Takes numbers, all or nothing, but those that are poison; and no more than ``most`` at once."""

    def __init__(self, poison: set[int], most: int = 1_000_000, error: type[Exception] = errors.CheckViolation) -> None:
        self.poison = poison
        self.most = most
        self.error = error
        self.stored: list[int] = []
        self.attempts = 0

    def take(self, numbers: Sequence[int]) -> int:
        self.attempts += 1
        if len(numbers) > self.most:
            raise errors.OutOfMemory
        if self.poison & set(numbers):
            raise self.error
        self.stored += numbers
        return len(numbers)

    def cut_up(self, numbers: Sequence[int]) -> list[int]:
        """Return what is rejected."""
        outcome = cut_up(numbers, self.take, lambda _: None)
        return [number for part, done in outcome if isinstance(done, Exception) for number in part]

    def one_by_one(self, numbers: Sequence[int]) -> list[int]:
        rejected: list[int] = []
        for number in numbers:
            try:
                self.take([number])
            except psycopg.Error:
                rejected.append(number)
        return rejected


@given(st.integers(0, 200), st.sets(st.integers(0, 199), max_size=200), st.integers(1, 300))
def test_the_outcome_of_one_by_one_in_order(size: int, poison: set[int], most: int) -> None:
    halved, singly = Store(poison, most), Store(poison)
    numbers = range(size)
    assert halved.cut_up(numbers) == singly.one_by_one(numbers) == sorted(poison & set(numbers))
    assert halved.stored == singly.stored


@given(st.integers(1, 1000).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), max_size=12))))
def test_attempts_grow_with_the_poison_and_the_logarithm(case: tuple[int, set[int]]) -> None:
    size, poison = case
    store = Store(poison)
    store.cut_up(range(size))
    assert store.attempts <= 1 + 2 * len(poison) * math.ceil(math.log2(size))


@pytest.mark.parametrize(("error", "attempts"), [(errors.CheckViolation, 1), (errors.InternalError_, 3)])
def test_an_item_alone_is_tried_again_where_its_error_may_be_chance(error: type[Exception], attempts: int) -> None:
    store = Store({0}, error=error)
    pauses: list[float] = []
    ((part, done),) = cut_up([0], store.take, pauses.append)
    assert isinstance(done, error)
    assert list(part) == [0]
    assert (store.attempts, len(pauses)) == (attempts, attempts - 1)


def test_a_chance_error_of_an_item_is_no_rejection() -> None:
    store = Store({0}, error=errors.InternalError_)

    def passes(_: float) -> None:
        store.poison.clear()

    assert list(cut_up([0], store.take, passes)) == [([0], 1)]


def test_an_error_that_is_nobody_s_data_is_not_swallowed() -> None:
    def breaks(_: Sequence[int]) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        list(cut_up([1, 2], breaks, lambda _: None))


def test_a_message_that_cannot_be_prepared_is_kept_raw() -> None:
    agent = SealingAgent("a", SeriesTable.of([gauge("d1")]))
    payload = agent.seal([(0, 0, 1.0)])
    (refusal,) = rejected(delivery("a", payload), "no room for it").write.refused
    assert (refusal.reason, refusal.detail) == (RefusalReason.DATABASE_REJECTED, "no room for it")
    assert (refusal.payload, refusal.spool, refusal.sequence) == (payload, agent.spool, 1)
    (refusal,) = rejected(delivery("a", agent.table_payload), "no room for it").write.refused
    assert (refusal.payload, refusal.spool) == (agent.table_payload, None)


def test_what_could_not_be_read_keeps_its_own_reason() -> None:
    (refusal,) = rejected(delivery("a", b'{"mac": "00:11:22:33:44:55"}'), "no room for it").write.refused
    assert (refusal.reason, refusal.payload) == (RefusalReason.PERSONAL_DATA, None)


def test_of_a_birth_or_will_nothing_is_left() -> None:
    message = delivery("a", b"a birth that no table holds", Subject.BIRTH)
    prepared = rejected(message, "no room for it")
    assert (prepared.deliveries, prepared.write.entries, prepared.write.refused) == ([message], [], [])
