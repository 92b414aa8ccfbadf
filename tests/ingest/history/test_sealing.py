"""Sealed batches of a file: valid, chained, bounded, and the same whenever the file is read."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.batch import MAX_PAYLOAD_BYTES, MAX_READINGS, Batch
from edge.wire.decode import decode
from edge.wire.model import canonical
from edge.wire.series import Kind, Origin, Series, SeriesTable, Unit
from ingest.history.block import RefusedRow
from ingest.history.history_map import HistoryMap
from ingest.history.row_readings import Readings
from ingest.history.sealing import SealedPart, Sealer, rows_a_block, spool_of
from ingest.history.targets import Target

SPOOL = spool_of("a", "f" * 64, "0" * 64)
SEALED_US = 1_700_000_000_000_000


def targets(number: int, long: bool = False) -> list[Target]:
    name = "d" * 57 if long else "d"
    return [
        Target(Series(device=f"{name}{n:05}", quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE))
        for n in range(number)
    ]


def readings(of: np.ndarray[Any, Any], refused: int = 0) -> Readings:
    size = len(of)
    return Readings(
        target=of.astype(np.int64),
        t_us=np.arange(size, dtype=np.int64)[::-1] * 1_000_000,
        value=np.arange(size) / 7,
        flags=(np.arange(size) % 3).astype(np.int16),
        ordinal=(np.arange(size) % 2).astype(np.int16),
        line=np.arange(size, dtype=np.int64),
        refused=[RefusedRow(n, "time", "no time", f"t={n}") for n in range(refused)],
        empty=0,
        ignored=0,
    )


def seal(parts: list[tuple[Readings, list[Target]]]) -> list[SealedPart]:
    sealer = Sealer(SPOOL, "h.csv", "line", SEALED_US)
    return [sealed for block, known in parts for sealed in sealer.seal(block, known)]


def opened(parts: list[SealedPart]) -> list[tuple[Batch, SeriesTable]]:
    """Decode every batch as a worker does, with its table, which must have come before it."""
    tables: dict[str, SeriesTable] = {}
    found = []
    for part in parts:
        if part.table is not None:
            table = decode(part.table)
            assert isinstance(table, SeriesTable)
            assert canonical(table) == part.table
            assert table.digest not in tables
            tables[table.digest] = table
        batch = decode(part.payload)
        assert isinstance(batch, Batch)
        assert (part.readings, part.refusals, part.sequence) == (len(batch.series), len(batch.refusals), batch.sequence)
        found.append((batch, tables[batch.series_table]))
    return found


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 12_000), st.integers(0, 2500)), min_size=1, max_size=3),
    st.sampled_from([1, 7, 2500, 2501, 6000]),
)
def test_batches_hold_every_reading_once_and_are_chained(blocks: list[tuple[int, int]], number: int) -> None:
    known = targets(number)
    written = [readings(np.arange(size) * 7919 % number, refused) for size, refused in blocks]
    parts = seal([(block, known) for block in written])
    batches = opened(parts)
    before: str | None = None
    for sequence, (part, (batch, _)) in enumerate(zip(parts, batches, strict=True), start=1):
        assert (batch.spool, batch.sequence, batch.previous, batch.origin) == (SPOOL, sequence, before, Origin.IMPORTED)
        assert len(batch.series) <= MAX_READINGS
        assert len(part.payload) <= MAX_PAYLOAD_BYTES
        before = sha256(part.payload).hexdigest()
    expected = sorted(
        (known[n].series.definition, t, value, flags, ordinal)
        for block in written
        for n, t, value, flags, ordinal in zip(
            *(array.tolist() for array in (block.target, block.t_us, block.value, block.flags, block.ordinal)),
            strict=True,
        )
    )
    found = sorted(
        (table.series[n].definition, batch.base_us + offset, value, flags, ordinal)
        for batch, table in batches
        for n, offset, value, flags, ordinal in zip(
            batch.series,
            batch.offset_us,
            batch.value,
            batch.flags,
            batch.ordinal or [0] * len(batch.series),
            strict=True,
        )
    )
    assert found == expected
    assert sum(part.refusals for part in parts) == sum(len(block.refused) for block in written)
    assert seal([(block, known) for block in written]) == parts


def test_series_that_appear_later_get_tables_of_their_own() -> None:
    known = targets(5)
    parts = seal([(readings(np.arange(3)), known[:3]), (readings(np.arange(5)), known)])
    assert [len(table.series) for _, table in opened(parts)] == [3, 3, 2]


def test_the_longest_names_fit() -> None:
    known = targets(2500, long=True)
    (part,) = seal([(readings(np.arange(2500)), known)])
    assert part.table is not None
    assert len(part.table) <= MAX_PAYLOAD_BYTES


def test_refusals_wait_for_a_table() -> None:
    sealer = Sealer(SPOOL, "h.csv", "line", SEALED_US)
    nothing = np.empty(0, np.int64)
    assert list(sealer.seal(readings(nothing, refused=3), [])) == []
    assert sealer.unsent_refusals == 3
    (part,) = sealer.seal(readings(nothing, refused=2), targets(1))
    assert (part.refusals, sealer.unsent_refusals) == (5, 0)


@pytest.mark.parametrize("other", [("b", "f" * 64, "0" * 64), ("a", "e" * 64, "0" * 64), ("a", "f" * 64, "1" * 64)])
def test_another_agent_file_or_map_is_another_spool(other: tuple[str, str, str]) -> None:
    assert spool_of(*other) != SPOOL


def test_the_identity_of_an_import_stays() -> None:
    """Where the bytes of batches change, ``_FORM`` must be counted up: else files that were imported before collide."""
    (part,) = seal([(readings(np.arange(3), refused=1), targets(3))])
    assert sha256(part.payload).hexdigest() == "6338461b493b8c3ee5877a42c820c046634517cba20570b46e47464261c3c759"
    assert str(SPOOL) == "1ad80bf9-2a29-5664-9683-f68347c0969f"
    reading = {"device": "d", "quantity": "temperature", "unit": "degC"}
    described = {"title": "t", "time": {"columns": ["t"], "form": "epoch_s"}}
    many = [{"column": f"c{n}", **reading, "channel": str(n)} for n in range(2000)]
    assert rows_a_block(HistoryMap.model_validate(described | {"reading": many[:1]})) == 100_000
    assert rows_a_block(HistoryMap.model_validate(described | {"reading": many})) == 50
