"""CSV by lines: every line is a row, a blank or a refusal, however it is broken, and however the file is cut."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.history.block import HistoryError
from ingest.history.csv_file import CsvFile
from ingest.history.history_map import HistoryMap, HistoryReading, HistoryTime

HEADER = "time,a,b"


def described(**changes: object) -> HistoryMap:
    reading = HistoryReading(column="a", device="d", quantity="temperature", unit="degC", kind="gauge")
    time = HistoryTime(columns=("time",), form="epoch_s")
    return HistoryMap.model_validate({"title": "t", "time": time, "reading": (reading,), **changes})


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_broken_lines_cost_themselves_alone(tmp_path: Path) -> None:
    lines = ["1,2,3", '2,"open,3', "3,4,5", "", "4,5", '5,"two ""words""",6', "6,7,8,9", "7,8,9"]
    file = CsvFile(write(tmp_path / "h.csv", "\n".join([HEADER, *lines])), described())
    (block,) = file.blocks(100)
    assert block.lines.tolist() == [2, 4, 7, 9]
    assert block.columns == {"time": ["1", "3", "5", "7"], "a": ["2", "4", 'two "words"', "8"]}
    assert [(row.line, row.reason) for row in block.refused] == [(3, "columns"), (6, "columns"), (8, "columns")]
    assert [row.kept for row in block.refused] == ["", "", ""]  # b is none of the map's business
    assert block.rows_read == 7


def test_all_of_a_line_is_kept_where_the_map_names_every_column(tmp_path: Path) -> None:
    (block,) = CsvFile(write(tmp_path / "h.csv", "time,a\r\n1,2,3\r\n"), described()).blocks(10)
    assert [row.kept for row in block.refused] == ["1,2,3"]


@given(
    st.lists(st.lists(st.text('0123456789 "x,\u00e9', max_size=5), min_size=1, max_size=4), max_size=40),
    st.integers(1, 50),
    st.sampled_from(["\n", "\r\n"]),
)
def test_cut_anyhow_the_rows_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], size: int, end: str
) -> None:
    path = tmp_path_factory.mktemp("h") / "h.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator=end)
        writer.writerows([HEADER.split(","), *rows])
    expected = [(number, row) for number, row in enumerate(rows, start=2) if len(row) == 3]
    found = list(CsvFile(path, described()).blocks(size))
    assert [n for block in found for n in block.lines.tolist()] == [number for number, _ in expected]
    assert [text for block in found for text in block.columns["a"]] == [row[1] for _, row in expected]  # type: ignore[union-attr]  # CSV is texts
    blank = {number for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1) if not line.strip()}
    wrong = [number for number, row in enumerate(rows, start=2) if len(row) != 3 and number not in blank]
    assert [row.line for block in found for row in block.refused] == wrong


def test_encoding_and_delimiter(tmp_path: Path) -> None:
    text = "time;a;温度\n1;2,5;3\n"
    map_ = described(delimiter=";", encoding="gb18030")
    (block,) = CsvFile(write(tmp_path / "h.csv", text, "gb18030"), map_).blocks(10)
    assert block.columns["a"] == ["2,5"]
    (block,) = CsvFile(write(tmp_path / "b.csv", "\ufefftime,a\n1,2\n"), described()).blocks(10)
    assert block.columns["time"] == ["1"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("time,b\n", "lacks the columns a; its header has: time, b"),
        ("time,a,a\n", "has the column a twice"),
        ("", "lacks the columns"),
        ('time,"a\n', "no header of CSV"),
    ],
)
def test_a_file_that_is_not_the_one_of_the_map(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(HistoryError, match=told):
        CsvFile(write(tmp_path / "h.csv", text), described())


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="cannot be read"):
        CsvFile(tmp_path / "none.csv", described())
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(HistoryError, match="check the map's encoding"):
        CsvFile(tmp_path / "b.csv", described())
