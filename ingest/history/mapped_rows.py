"""Rows as the ``[[reading]]`` tables of a map describe them.

The unit of refusal is the reading: a row whose time cannot be read refuses each of its values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from edge.decoders.payload import PayloadRefusedError
from ingest.history.block import Block, Numbers, RefusedRow, Texts, text_at
from ingest.history.history_map import Columns, HistoryMap
from ingest.history.ordinals import OrdinalCounter
from ingest.history.row_readings import CellReader, Cells, Readings, gathered
from ingest.history.stamps import StampReader
from ingest.history.targets import Target, Targets

_OTHER_KEY = PayloadRefusedError("series", "no [[reading]] of the map has the key of this row")

_Key = str | Columns
"""What the key columns of a row hold: of one column its text."""


class MappedRows:
    """Reads the blocks of one file, in their order."""

    def __init__(self, described: HistoryMap) -> None:
        self._map = described
        self.targets = Targets()
        self._wanted: dict[str, dict[_Key, int]] = {name: {} for name in described.value_columns}
        for reading in described.reading:
            series = reading.series(reading.device, reading.channel)
            target = Target(series, reading, marks_end=described.time.marks == "end")
            self._wanted[reading.column][_key(reading.key)] = self.targets.add(target)
        self._keys = {_key(reading.key) for reading in described.reading}
        self._stamps = StampReader(described.time)
        self._cells = CellReader(self.targets.all)
        self._ordinals = OrdinalCounter(self.targets.all)

    def read(self, block: Block) -> Readings:
        """Return the readings of the next block.

        Raises
        ------
        HistoryError
            A column's type does not go with the map.
        """
        refused = list(block.refused)

        def refuse(row: int, error: PayloadRefusedError, *columns: str) -> None:
            kept = block.kept(row, [*self._map.time.columns, *self._map.key_columns, *columns])
            refused.append(RefusedRow(int(block.lines[row]), error.reason, error.detail, kept))

        keys = self._keys_of(block)
        if not self._keys.issuperset(keys):
            for row in [row for row, key in enumerate(keys) if key not in self._keys]:
                refuse(row, _OTHER_KEY, *self._map.value_columns)
        stamps = self._stamps.read([block.columns[name] for name in self._map.time.columns])
        columns: list[Cells] = []
        for name, by_key in self._wanted.items():
            target = _targets_of(keys, by_key)
            for row in (row for row in stamps.refused if target[row] >= 0):
                if text_at(block.columns[name], row).strip():
                    refuse(row, stamps.refused[row], name)
                target[row] = -1
            columns.append(self._cells.read(name, block.columns[name], target, refuse))
        readings = gathered(block, stamps, columns, self.targets.all, refused)
        return replace(readings, ordinal=self._ordinals.following(readings.target, readings.t_us))

    def _keys_of(self, block: Block) -> Sequence[_Key]:
        texts = [_key_texts(block, name) for name in self._map.key_columns]
        if not texts:
            return [()] * len(block.lines)
        return texts[0] if len(texts) == 1 else list(zip(*texts, strict=True))


def _key_texts(block: Block, name: str) -> Texts:
    column = block.columns[name]
    if isinstance(column, list):
        return column
    texts = [text_at(column, row) for row in range(len(block.lines))]
    # A key that Parquet has as a number stands in a map as it is written: 7, not 7.0.
    return [text.removesuffix(".0") for text in texts] if isinstance(column, Numbers) else texts


def _key(key: Columns) -> _Key:
    return key[0] if len(key) == 1 else key


def _targets_of(keys: Sequence[_Key], by_key: dict[_Key, int]) -> NDArray[np.int64]:
    if () in by_key:
        return np.full(len(keys), by_key[()], np.int64)
    return np.fromiter(map(by_key.get, keys, repeat(-1)), np.int64, len(keys))
