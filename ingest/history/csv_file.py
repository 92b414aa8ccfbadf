"""Histories in CSV: a row is a line, so that a quote that is never closed costs its own line and no other."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from ingest.history.block import Block, HistoryError, RefusedRow, Texts
from ingest.history.history_map import HistoryMap

_AT_A_TIME = 2000
"""Lines parsed before they are put into columns: rows of so many lines stay in the processor's cache."""
_LONGEST_HEADER = 1024 * 1024
_MOST_KEPT = 3800


class CsvFile:
    """A CSV file with a header line, read by the columns that a map names.

    Raises
    ------
    HistoryError
        It cannot be opened, or its header lacks a column of the map.
    """

    row_word = "line"

    def __init__(self, path: Path, described: HistoryMap) -> None:
        self._path = path
        self._encoding = "utf-8-sig" if described.encoding.lower() in {"utf-8", "utf8"} else described.encoding
        self._delimiter = described.delimiter
        self._header = self._read_header()
        self._used = described.used_columns
        if absent := [name for name in self._used if name not in self._header]:
            msg = f"{path} lacks the columns {', '.join(absent)}; its header has: {', '.join(self._header[:50])}"
            raise HistoryError(msg)
        if twice := [name for name in self._used if self._header.count(name) > 1]:
            msg = f"{path} has the column {twice[0]} twice; rename one, so that the map is clear"
            raise HistoryError(msg)
        self._places = [self._header.index(name) for name in self._used]

    def blocks(self, rows: int) -> Iterator[Block]:
        """Yield so many lines at a time."""
        with self._path.open(encoding=self._encoding, errors="replace", newline="") as file:
            file.readline()
            after = 1
            while lines := list(islice(file, rows)):
                yield self._block(lines, after + 1)
                after += len(lines)

    def _read_header(self) -> list[str]:
        try:
            with self._path.open(encoding=self._encoding, errors="strict", newline="") as file:
                line = file.readline(_LONGEST_HEADER)
        except OSError as error:
            msg = f"{self._path}: cannot be read ({error.strerror}); give the path of a CSV or Parquet file"
            raise HistoryError(msg) from None
        except ValueError as error:
            msg = f"{self._path}: the first line is no text in {self._encoding} ({error}); check the map's encoding"
            raise HistoryError(msg) from None
        try:
            return self._fields(line)
        except csv.Error as error:
            msg = f"{self._path}: the first line is no header of CSV: {error}"
            raise HistoryError(msg) from None

    def _fields(self, line: str) -> list[str]:
        return next(csv.reader([line], delimiter=self._delimiter, strict=True), [])

    def _block(self, lines: Sequence[str], first: int) -> Block:
        columns: list[Texts] = [[] for _ in self._used]
        numbers: list[int] = []
        refused: list[RefusedRow] = []
        for start in range(0, len(lines), _AT_A_TIME):
            piece = lines[start : start + _AT_A_TIME]
            rows = self._rows(piece)
            if rows is None:
                rows, good = self._one_by_one(piece, first + start, refused)
                numbers += good
            else:
                numbers += range(first + start, first + start + len(piece))
            if rows:
                fields = list(zip(*rows, strict=True))
                for column, place in zip(columns, self._places, strict=True):
                    column.extend(fields[place])
        return Block(np.array(numbers, np.int64), dict(zip(self._used, columns, strict=True)), refused)

    def _rows(self, lines: Sequence[str]) -> list[list[str]] | None:
        """Return the fields of lines, None where not every line is one row of the header's length."""
        try:
            rows = list(csv.reader(lines, delimiter=self._delimiter, strict=True))
        except csv.Error:
            return None
        as_many = len(rows) == len(lines) and set(map(len, rows)) == {len(self._header)}
        return rows if as_many else None

    def _one_by_one(
        self, lines: Sequence[str], first: int, refused: list[RefusedRow]
    ) -> tuple[list[list[str]], list[int]]:
        rows: list[list[str]] = []
        numbers: list[int] = []
        for number, line in enumerate(lines, start=first):
            if not line.strip():
                continue
            try:
                fields = self._fields(line)
            except csv.Error as error:
                refused.append(RefusedRow(number, "columns", str(error), self._kept(line)))
                continue
            if len(fields) != len(self._header):
                detail = f"{len(fields)} fields where the header has {len(self._header)}"
                refused.append(RefusedRow(number, "columns", detail, self._kept(line)))
                continue
            rows.append(fields)
            numbers.append(number)
        return rows, numbers

    def _kept(self, line: str) -> str:
        """Return what may be kept of a line whose columns are unclear: all of it, where the map names all columns."""
        return line.rstrip("\r\n")[:_MOST_KEPT] if set(self._used) >= set(self._header) else ""
