"""From the rows of a block to readings: arrays as far as values are plain, the agent's own rules for the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.decoders.payload import PayloadRefusedError
from ingest.history.block import Block, Column, Numbers, RefusedRow, text_at
from ingest.history.numbers_in_text import plain_numbers
from ingest.history.stamps import Stamps
from ingest.history.targets import Target

_MOST_REMEMBERED = 100_000
_LARGEST_COUNT = float(2**53)
Refuse = Callable[[int, PayloadRefusedError, str], None]
"""Told of a row's value (by its column's name) that is no reading."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of a block in the order of its rows, with what was no reading; the arrays have one length.

    ``target`` is the number of the series, ``t_us`` µs since 1970, ``line`` the row in the file: int64. ``value`` is
    float64, ``flags`` and ``ordinal`` are int16. ``empty`` and ``ignored`` count cells.
    """

    target: NDArray[np.int64]
    t_us: NDArray[np.int64]
    value: NDArray[np.float64]
    flags: NDArray[np.int16]
    ordinal: NDArray[np.int16]
    line: NDArray[np.int64]
    refused: list[RefusedRow]
    empty: int
    ignored: int


@dataclass(slots=True)
class Cells:
    """The values of one column: for each row its target (-1: none is wanted), its number, and whether that counts."""

    name: str
    column: Column
    target: NDArray[np.int64]
    value: NDArray[np.float64]
    good: NDArray[np.bool_]
    empty: int = 0
    ignored: int = 0


class CellReader:
    """Reads the values of a column; what is not plain is read one by one, each different text once."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = targets
        self._remembered: dict[tuple[int, Any], float | PayloadRefusedError | None] = {}

    def read(self, name: str, column: Column, target: NDArray[np.int64], refuse: Refuse) -> Cells:
        """Return the values of a column whose rows are of these targets; ``refuse`` is told of those that are none."""
        if isinstance(column, Numbers):
            values, plain = column.values, column.there & np.isfinite(column.values)
        elif isinstance(column, list):
            values, plain = plain_numbers(column)
        else:
            values, plain = np.zeros(len(target)), np.zeros(len(target), bool)
        cells = Cells(name, column, target, values, plain & self._stand_for_themselves(target, values))
        rest = np.flatnonzero((target >= 0) & ~cells.good).tolist()
        if rest:
            cells.value = values.copy()
        for row in rest:
            self._read_one(cells, row, refuse)
        return cells

    def _stand_for_themselves(self, target: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.bool_]:
        plain, counts = (
            np.array([getattr(each, name) for each in self._targets] + [False]) for name in ("plain", "counts")
        )  # the last is for -1: no target
        with np.errstate(invalid="ignore"):
            whole = (values >= 0) & (values == np.floor(values)) & (values <= _LARGEST_COUNT)
        result: NDArray[np.bool_] = plain[target] & (whole | ~counts[target])
        return result

    def _read_one(self, cells: Cells, row: int, refuse: Refuse) -> None:
        raw = _raw(cells.column, row)
        if raw is None:
            cells.empty += 1
            return
        found = self._value(int(cells.target[row]), raw, cells.name)
        if isinstance(found, PayloadRefusedError):
            refuse(row, found, cells.name)
        elif found is None:
            cells.ignored += 1
        else:
            cells.value[row], cells.good[row] = found, True

    def _value(self, number: int, raw: Any, name: str) -> float | PayloadRefusedError | None:
        key = (number, raw)
        if key not in self._remembered:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            try:
                self._remembered[key] = self._targets[number].read(raw, name)
            except PayloadRefusedError as error:
                self._remembered[key] = error
        return self._remembered[key]


def _raw(column: Column, row: int) -> Any:
    """Return what a cell holds, None where it is empty."""
    if isinstance(column, Numbers):
        return float(column.values[row]) if column.there[row] else None
    text = text_at(column, row)
    return text if text.strip() else None


def gathered(
    block: Block, stamps: Stamps, columns: Sequence[Cells], targets: Sequence[Target], refused: list[RefusedRow]
) -> Readings:
    """Return the readings of the good cells of several columns, in the order of rows and then of columns."""
    rows = [np.flatnonzero(cells.good) for cells in columns]
    row = np.concatenate([np.empty(0, np.int64), *rows])
    order = np.argsort(row, kind="stable")
    row = row[order]
    target = np.concatenate([np.empty(0, np.int64), *(c.target[r] for c, r in zip(columns, rows, strict=True))])[order]
    value = np.concatenate([np.empty(0), *(c.value[r] for c, r in zip(columns, rows, strict=True))])[order]
    shift = np.array([each.shift_us for each in targets], np.int64)
    return Readings(
        target=target,
        t_us=stamps.t_us[row] - (shift[target] if len(targets) else 0),
        value=value,
        flags=stamps.flags[row],
        ordinal=np.zeros(len(row), np.int16),
        line=block.lines[row],
        refused=sorted(refused),
        empty=sum(cells.empty for cells in columns),
        ignored=sum(cells.ignored for cells in columns),
    )
