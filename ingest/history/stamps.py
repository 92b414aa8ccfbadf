"""The times of rows: together where that is safe, elsewhere one by one, as an agent's decoders read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.decoders.device_time import epoch_us, stated
from edge.decoders.payload import PayloadRefusedError
from edge.decoders.reading_json import number
from ingest.arrived import AFTER_US, FIRST_US
from ingest.history.block import Column, HistoryError, Instants, Numbers, Texts, text_at
from ingest.history.history_map import EPOCHS, HistoryTime
from ingest.history.local_time import LocalTime
from ingest.history.numbers_in_text import plain_numbers
from ingest.history.stamp_layout import Layout, layout_of_form, layout_of_iso, read_stamps

_AFTER_S = 4_102_444_800
"""2100-01-01T00:00:00Z: epochs from here on are read one by one, and refused."""
_EARLIEST_US = FIRST_US + 86_400_000_000
"""A period, of at most a day, may yet be taken off."""
_TRIED = 20
"""Times of a block that are looked at for a layout; where the first of them have none, all are read one by one."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """Times in µs since 1970 (int64) with their flags (int16); a row in ``refused`` has none."""

    t_us: NDArray[np.int64]
    flags: NDArray[np.int16]
    refused: dict[int, PayloadRefusedError]


class StampReader:
    """Reads the times of rows as a map states them."""

    def __init__(self, time: HistoryTime) -> None:
        self._time = time
        self._local = LocalTime(time.zone) if time.zone is not None else None

    def read(self, columns: Sequence[Column]) -> Stamps:
        """Return the times of rows; a local time of a repeated hour is taken as the first of the two, and flagged.

        Raises
        ------
        HistoryError
            The column's type and the map's ``time.form`` do not go together.
        """
        first = columns[0]
        if self._time.form in EPOCHS:
            return self._read_epochs(first)
        if self._time.form == "timestamp":
            if not isinstance(first, Instants):
                msg = f"time.form: column {self._time.columns[0]} is no timestamp of Parquet; give the form of its text"
                raise HistoryError(msg)
            return self._read_instants(first)
        return self._read_texts(_joined(columns, self._time))

    def _read_epochs(self, column: Column) -> Stamps:
        if isinstance(column, Instants):
            msg = f'time.form: column {self._time.columns[0]} is a timestamp of Parquet; write form = "timestamp"'
            raise HistoryError(msg)
        divisor = EPOCHS[self._time.form]
        if isinstance(column, Numbers):
            values, there = column.values, column.there
        else:
            values, there = plain_numbers(column)
        seconds = values / divisor
        safe = there & (seconds >= 0) & (seconds < _AFTER_S)
        t_us = np.rint(np.where(safe, seconds, 0) * 1e6).astype(np.int64)

        def one(row: int) -> tuple[int, int]:
            return epoch_us(number(text_at(column, row), "the time") / divisor), 0

        return _with_the_rest(t_us, safe, one)

    def _read_instants(self, column: Instants) -> Stamps:
        if column.utc:
            t_us, safe = column.us, column.there
        else:
            t_us, safe = self._to_utc(column.us)
            safe = safe & column.there

        def one(row: int) -> tuple[int, int]:
            return stated(text_at(column, row), self._time.zone)

        return _with_the_rest(t_us, safe, one)

    def _read_texts(self, texts: Texts) -> Stamps:
        form = None if self._time.form == "iso" else self._time.form
        layout = layout_of_form(form) if form else next(filter(None, map(layout_of_iso, texts[:_TRIED])), None)
        t_us, safe = self._read_laid_out(texts, layout) if layout else _nothing(len(texts))
        return _with_the_rest(t_us, safe, lambda row: stated(texts[row], self._time.zone, form))

    def _read_laid_out(self, texts: Texts, layout: Layout) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        us, right = read_stamps(texts, layout)
        if layout.offset_us is not None:
            return us, right
        t_us, plain = self._to_utc(us)
        return t_us, right & plain

    def _to_utc(self, local_us: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        return self._local.to_utc(local_us) if self._local is not None else _nothing(len(local_us))


def _nothing(rows: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    return np.zeros(rows, np.int64), np.zeros(rows, bool)


def _joined(columns: Sequence[Column], time: HistoryTime) -> Texts:
    texts = [column for column in columns if isinstance(column, list)]
    if len(texts) < len(columns):
        msg = f"time.form: the columns {', '.join(time.columns)} are no texts; give timestamp, epoch_s or epoch_ms"
        raise HistoryError(msg)
    return texts[0] if len(texts) == 1 else [" ".join(parts) for parts in zip(*texts, strict=True)]


def _with_the_rest(t_us: NDArray[np.int64], safe: NDArray[np.bool_], one: Callable[[int], tuple[int, int]]) -> Stamps:
    """Read the rows that were not safe to be read together one by one."""
    flags = np.zeros(len(t_us), np.int16)
    refused: dict[int, PayloadRefusedError] = {}
    rest = np.flatnonzero(~safe).tolist()
    if rest:
        t_us = t_us.copy()
    for row in rest:
        try:
            t_us[row], flags[row] = one(row)
        except PayloadRefusedError as error:
            refused[row] = error
    for row in np.flatnonzero((t_us < _EARLIEST_US) | (t_us >= AFTER_US)).tolist():
        refused.setdefault(row, PayloadRefusedError("time", "the stated time is outside the years 1 to 9999"))
    return Stamps(t_us, flags, refused)
