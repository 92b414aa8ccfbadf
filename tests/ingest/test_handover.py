"""Parts joined to writes hold all that the parts held, in order, and no identity twice."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sealed_batches import SealingAgent, gauge, interval

from edge.wire.series import SeriesTable
from ingest.arrived import ArrivedBatch
from ingest.canonical import definition_digest
from ingest.decode import decode_payload
from ingest.handover import Handover, merged
from ingest.preparation import Prepared
from ingest.store.entries import Entry, Numbering

TABLE = SeriesTable.of([gauge("d1"), interval("d2")])
DEFINITIONS = [definition_digest(series.definition) for series in TABLE.series]
NUMBERING = Numbering(np.array([1, 2], np.int32), np.array([1, 0], np.int8))
ROW = st.tuples(st.integers(0, 1), st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False))


def entry(agent: SealingAgent, rows: list[Any]) -> Entry:
    batch = decode_payload(agent.seal(rows))
    assert isinstance(batch, ArrivedBatch)
    return Entry("a", b"", b"", 0, batch, DEFINITIONS, NUMBERING)


def part(entries: list[Entry], wanted: dict[tuple[str, UUID], set[str]] | None = None) -> Prepared:
    return Prepared(entries, [], [], wanted or {})


@given(st.lists(st.lists(st.lists(ROW, max_size=4), max_size=3), min_size=1, max_size=4))
def test_joined_parts_are_one_write(groups: list[list[list[Any]]]) -> None:
    agent = SealingAgent("a", TABLE)
    parts = [[entry(agent, rows) for rows in group] for group in groups]
    (joined,) = merged([part(entries) for entries in parts])
    assert list(joined.entries) == [one for entries in parts for one in entries]


def test_one_identity_twice_makes_two_writes() -> None:
    first, second, third = (SealingAgent("a", TABLE, spool=UUID(int=n)) for n in (1, 1, 2))
    parts = [part([entry(agent, [(0, n, 1.0)])]) for n, agent in enumerate((first, second, third))]
    assert [[one.key[0].int for one in write.entries] for write in merged(parts)] == [[1], [1, 2]]


def test_wanted_tables_are_joined() -> None:
    one, two = ("a", UUID(int=1)), ("b", UUID(int=1))
    (joined,) = merged([part([], {one: {"x"}}), part([], {one: {"y"}, two: {"z"}})])
    assert joined.wanted == {one: {"x", "y"}, two: {"z"}}


def test_nothing_is_lost_between_threads() -> None:
    handover, taken = Handover(most_deliveries=3), list[int]()

    def take() -> None:
        while writes := handover.take(0.0):
            taken.extend(one.batch.sequence for write in writes for one in write.entries)

    thread = threading.Thread(target=take)
    thread.start()
    agent = SealingAgent("a", TABLE)
    for _ in range(50):
        handover.put(part([entry(agent, [])]))
    handover.close()
    thread.join(20)
    assert not thread.is_alive()
    assert taken == list(range(1, 51))
