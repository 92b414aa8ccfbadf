"""Parquet: columns of each type, blocks whatever the row groups are, and a clear word where pyarrow is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ingest.history.block import Block, HistoryError, Instants, Numbers, text_at
from ingest.history.history_map import HistoryMap
from ingest.history.parquet_file import ParquetFile

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def described(**time: Any) -> HistoryMap:
    reading = {"column": "a", "device": "d", "quantity": "temperature", "unit": "degC"}
    at = {"columns": ("time",), "form": "timestamp", "zone": "UTC"} | time
    return HistoryMap.model_validate({"title": "t", "time": at, "reading": (reading,)})


def write(path: Path, rows_a_group: int = 1000, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=rows_a_group)
    return path


def one_block(path: Path) -> Block:
    (block,) = ParquetFile(path, described()).blocks(1000)
    return block


@pytest.mark.parametrize("rows_a_group", [1, 7, 1000])
@pytest.mark.parametrize("rows", [1, 10, 100])
def test_blocks_do_not_depend_on_row_groups(tmp_path: Path, rows_a_group: int, rows: int) -> None:
    values = list(range(95))
    path = write(tmp_path / "h.parquet", rows_a_group, time=pa.array(values, pa.timestamp("s")), a=pa.array(values))
    blocks = list(ParquetFile(path, described()).blocks(rows))
    assert [len(block.lines) for block in blocks[:-1]] == [rows] * (len(blocks) - 1)
    assert [n for block in blocks for n in block.lines.tolist()] == list(range(1, 96))
    assert [text_at(block.columns["a"], row) for block in blocks for row in range(len(block.lines))] == [
        repr(float(value)) for value in values
    ]


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (pa.array(["x", None, ""]), ["x", "", ""]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        (pa.array([True, None, False]), ["true", "", "false"]),
        (pa.array([1.5, None, float("nan")]), ["1.5", "", "nan"]),
        (pa.array([1, None, 3], pa.int32()), ["1.0", "", "3.0"]),
        (pa.array([1, None, 3], pa.decimal128(10, 2)), ["1.0", "", "3.0"]),
    ],
)
def test_types_of_values(tmp_path: Path, array: Any, texts: list[str]) -> None:
    block = one_block(write(tmp_path / "h.parquet", time=pa.array([1, 2, 3], pa.timestamp("s")), a=array))
    assert [text_at(block.columns["a"], row) for row in range(3)] == texts


@pytest.mark.parametrize(
    ("array", "us", "utc"),
    [
        (pa.array([1, None], pa.timestamp("ms")), 1000, False),
        (pa.array([1, None], pa.timestamp("us", tz="Asia/Shanghai")), 1, True),
        (pa.array([1999, None], pa.timestamp("ns", tz="UTC")), 1, True),
        (pa.array([1, None], pa.date32()), 86_400_000_000, False),
    ],
)
def test_types_of_times(tmp_path: Path, array: Any, us: int, utc: bool) -> None:
    column = one_block(write(tmp_path / "h.parquet", time=array, a=pa.array([1, 2]))).columns["time"]
    assert isinstance(column, Instants)
    assert (column.us.tolist(), column.there.tolist(), column.utc) == ([us, 0], [True, False], utc)


def test_numbers_keep_what_is_there(tmp_path: Path) -> None:
    column = one_block(
        write(tmp_path / "h.parquet", time=pa.array([1, 2], pa.timestamp("s")), a=pa.array([None, 2.0]))
    ).columns["a"]
    assert isinstance(column, Numbers)
    assert column.there.tolist() == [False, True]


def test_what_cannot_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "h.parquet", time=pa.array([1], pa.timestamp("s")), a=pa.array([[1]]))
    with pytest.raises(HistoryError, match="column a is of type list"):
        one_block(path)
    with pytest.raises(HistoryError, match="lacks the columns a; it has: time"):
        ParquetFile(write(tmp_path / "b.parquet", time=pa.array([1], pa.timestamp("s"))), described())
    (tmp_path / "c.parquet").write_text("time,a\n")
    with pytest.raises(HistoryError, match="cannot be read as Parquet"):
        ParquetFile(tmp_path / "c.parquet", described())
    with pytest.raises(HistoryError, match="cannot be read as Parquet"):
        ParquetFile(tmp_path / "none.parquet", described())


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "h.parquet", time=pa.array([1], pa.timestamp("s")), a=pa.array([1]))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(HistoryError, match=r"smartstore\[backfill\]"):
        ParquetFile(path, described())
