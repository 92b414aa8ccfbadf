"""Corrections as they were recorded: later values of readings, in the order in which they came into force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.store.connection import Database

_PORTION = 20_000
_TYPES: dict[str, Any] = {
    "t": np.int64,
    "ordinal": np.int16,
    "old_value": np.float64,
    "old_flags": np.int16,
    "new_value": np.float64,
    "new_flags": np.int16,
    "reason": object,
    "recorded_at": np.int64,
}


@dataclass(frozen=True, slots=True)
class CorrectionPortion:
    """Some corrections: an array a column of the table, times in µs since 1970 (int64)."""

    rows: int
    columns: dict[str, NDArray[Any]]


def corrections_of(
    connection: Database, numbers: Sequence[int], start: datetime, end: datetime
) -> Iterator[CorrectionPortion]:
    """Yield the corrections of readings in [start, end) of series by their numbers; within a transaction."""
    with connection.cursor("corrections") as cursor:
        cursor.execute(
            """select (extract(epoch from t) * 1000000)::bigint, ordinal, old_value, old_flags, new_value, new_flags,
                      reason, (extract(epoch from recorded_at) * 1000000)::bigint
                 from corrections where series_id = any(%s) and t >= %s and t < %s
                order by t, ordinal, correction_id""",
            [list(numbers), start, end],
        )
        while rows := cursor.fetchmany(_PORTION):
            columns = zip(*rows, strict=True)
            arrays = {
                name: np.array(column, kind) for (name, kind), column in zip(_TYPES.items(), columns, strict=True)
            }
            yield CorrectionPortion(len(rows), arrays)
