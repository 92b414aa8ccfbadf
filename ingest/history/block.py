"""Rows of a file, a block at a time and column by column; which kind of file they come from makes no difference.

Blocks hold the same rows whenever and wherever a file is read, since the batches that are sealed of them must be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Texts = list[str]
"""A column of texts; an empty one is absent."""


class HistoryError(ValueError):
    """A history cannot be read as its map says, or not be written; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers (float64); ``there`` is false where a row has none."""

    values: NDArray[np.float64]
    there: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Instants:
    """A column of times in µs since 1970 (int64), of UTC where ``utc``, else local; ``there`` as in ``Numbers``."""

    us: NDArray[np.int64]
    there: NDArray[np.bool_]
    utc: bool


Column = Texts | Numbers | Instants


class RefusedRow(NamedTuple):
    """A row, or one value of it, that is no reading; ``kept`` is what may be kept of its content."""

    line: int
    reason: str
    detail: str
    kept: str


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows; ``lines`` are their numbers in the file, ``columns`` are parallel to it and hold what a map uses.

    ``rows_read`` counts rows that were refused, too.
    """

    lines: NDArray[np.int64]
    columns: Mapping[str, Column]
    refused: Sequence[RefusedRow] = field(default=())

    @property
    def rows_read(self) -> int:
        """Number of rows of the file that this block stands for."""
        return len(self.lines) + len(self.refused)

    def kept(self, row: int, names: Sequence[str]) -> str:
        """Return the content of a row in these columns as text."""
        return "; ".join(f"{name}={text_at(self.columns[name], row)}" for name in names)


class HistoryFile(Protocol):
    """An open history."""

    @property
    def row_word(self) -> str:
        """What a row's number counts: ``line`` or ``row``."""

    def blocks(self, rows: int) -> Iterator[Block]:
        """Yield the rows from the first on, so many rows of the file at a time."""


def text_at(column: Column, row: int) -> str:
    """Return one value of a column as text, empty where there is none."""
    if isinstance(column, list):
        return column[row]
    if not column.there[row]:
        return ""
    return repr(float(column.values[row])) if isinstance(column, Numbers) else str(column.us[row].astype("M8[us]"))
