"""What a file held, as far as it was read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingest.history.block import RefusedRow
from ingest.history.row_readings import Readings

_SHOWN = 10
_NEVER = np.iinfo(np.int64)


@dataclass(slots=True)
class FileTally:
    """Counts of rows and cells, and of each series (by its number) the readings and their first and last time."""

    rows: int = 0
    empty: int = 0
    ignored: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    first_refused: list[RefusedRow] = field(default_factory=list)
    readings: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    first_us: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    last_us: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def add(self, rows: int, readings: Readings, series: int) -> None:
        """Count a block of so many rows, when so many series are known."""
        self.rows += rows
        self.empty += readings.empty
        self.ignored += readings.ignored
        self.refused.update(row.reason for row in readings.refused)
        self.first_refused += readings.refused[: _SHOWN - len(self.first_refused)]
        new = series - len(self.readings)
        if new:
            self.readings = np.concatenate([self.readings, np.zeros(new, np.int64)])
            self.first_us = np.concatenate([self.first_us, np.full(new, _NEVER.max)])
            self.last_us = np.concatenate([self.last_us, np.full(new, _NEVER.min)])
        self.readings += np.bincount(readings.target, minlength=series)
        np.minimum.at(self.first_us, readings.target, readings.t_us)
        np.maximum.at(self.last_us, readings.target, readings.t_us)
