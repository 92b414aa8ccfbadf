"""Rows as ``smartstore-ingest export`` writes them: each names the definition of its series, its flags and ordinal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.decoders.payload import PayloadRefusedError
from ingest.history.block import Block, Column, HistoryError, Numbers, RefusedRow
from ingest.history.history_map import ExportedColumns, HistoryMap
from ingest.history.numbers_in_text import plain_numbers
from ingest.history.row_readings import CellReader, Readings, gathered
from ingest.history.stamps import StampReader
from ingest.history.targets import Targets

_LARGEST_SMALLINT = 2**15 - 1
_Refuse = Callable[[int, PayloadRefusedError], None]


class ExportedRows:
    """Reads the blocks of one export, in their order; its series become known on the way."""

    def __init__(self, described: HistoryMap, names: ExportedColumns) -> None:
        self._names = names
        self._time_columns = described.time.columns
        self.targets = Targets()
        self._stamps = StampReader(described.time)
        self._cells = CellReader(self.targets.all)

    def read(self, block: Block) -> Readings:
        """Return the readings of the next block; a row is refused whole.

        Raises
        ------
        HistoryError
            A column's type is not that of an export.
        """
        names = self._names
        refused = list(block.refused)
        kept = [*self._time_columns, *names.model_dump().values()]

        def refuse(row: int, error: PayloadRefusedError) -> None:
            refused.append(RefusedRow(int(block.lines[row]), error.reason, error.detail, block.kept(row, kept)))

        target = self._defined(block, refuse)
        stamps = self._stamps.read([block.columns[name] for name in self._time_columns])
        for row, error in stamps.refused.items():
            _refuse_wanted(target, row, error, refuse)
        flags = _small(block, names.flags, target, refuse)
        ordinal = _small(block, names.ordinal, target, refuse)
        cells = self._cells.read(names.value, block.columns[names.value], target, lambda row, e, _: refuse(row, e))
        readings = gathered(block, stamps, [cells], self.targets.all, refused)
        good = cells.good
        return replace(readings, flags=readings.flags | flags[good], ordinal=ordinal[good])

    def _defined(self, block: Block, refuse: _Refuse) -> NDArray[np.int64]:
        column = block.columns[self._names.definition]
        if not isinstance(column, list):
            msg = f"column {self._names.definition} holds no texts; is it a file of 'smartstore-ingest export'?"
            raise HistoryError(msg)
        number: dict[str, int] = {}
        wrong: dict[str, PayloadRefusedError] = {}
        for text in dict.fromkeys(column):
            try:
                number[text] = self.targets.of_definition(text)
            except PayloadRefusedError as error:
                number[text], wrong[text] = -1, error
        if wrong:
            for row, text in enumerate(column):
                if text in wrong:
                    refuse(row, wrong[text])
        return np.fromiter(map(number.__getitem__, column), np.int64, len(column))


def _refuse_wanted(target: NDArray[np.int64], row: int, error: PayloadRefusedError, refuse: _Refuse) -> None:
    """Refuse a row, but only once."""
    if target[row] >= 0:
        refuse(row, error)
        target[row] = -1


def _small(block: Block, name: str, target: NDArray[np.int64], refuse: _Refuse) -> NDArray[np.int16]:
    """Return a column of whole numbers from 0 to 32,767."""
    column: Column = block.columns[name]
    if isinstance(column, Numbers):
        values, there = column.values, column.there
    elif isinstance(column, list):
        values, there = plain_numbers(column)
    else:
        msg = f"column {name} holds no numbers; is it a file of 'smartstore-ingest export'?"
        raise HistoryError(msg)
    with np.errstate(invalid="ignore"):
        fits = there & (values >= 0) & (values <= _LARGEST_SMALLINT) & (values == np.floor(values))
    for row in np.flatnonzero(~fits).tolist():
        detail = f"{name} is no whole number from 0 to {_LARGEST_SMALLINT}"
        _refuse_wanted(target, row, PayloadRefusedError(name, detail), refuse)
    return np.where(fits, values, 0).astype(np.int16)
