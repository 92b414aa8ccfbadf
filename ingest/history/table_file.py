"""Tables written as CSV or Parquet, a portion at a time; a file has its name only once it is whole and on the disk."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.history.block import HistoryError
from ingest.history.parquet_file import NEEDS_PYARROW

Values = str | NDArray[Any] | Sequence[Any]
"""A column of a portion; a text stands in every row."""


class Kind(Enum):
    """What a column holds."""

    TEXT = auto()
    """Texts of which many are equal."""
    TIME = auto()
    """µs since 1970, written as ISO 8601 in UTC."""
    REAL = auto()
    SMALL = auto()
    """Whole numbers of 16 bits."""


class TableFile(Protocol):
    """A file that takes portions of its table."""

    def write(self, rows: int, columns: Mapping[str, Values]) -> None:
        """Write so many rows, each column by its name."""

    def close(self) -> None:
        """Write what is left."""


@contextmanager
def new_table(path: Path, kinds: Mapping[str, Kind]) -> Iterator[TableFile]:
    """Yield a table to be written; ``.parquet`` is Parquet, any other name is CSV. It replaces a file of the name.

    Raises
    ------
    HistoryError
        Parquet without pyarrow.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        table = (_Parquet if path.suffix.lower() == ".parquet" else _Csv)(part, kinds)
        try:
            yield table
        finally:
            table.close()
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def iso_times(t_us: NDArray[np.int64]) -> list[str]:
    """Return times in ISO 8601, UTC, to the microsecond."""
    return [f"{text}Z" for text in np.datetime_as_string(t_us.astype("M8[us]"), unit="us").tolist()]


_TEXT_OF: dict[Kind, Callable[[Any], list[Any]]] = {
    Kind.TEXT: list,
    Kind.TIME: iso_times,
    Kind.REAL: lambda values: list(map(repr, values.tolist())),
    Kind.SMALL: lambda values: values.tolist(),
}


class _Csv:
    def __init__(self, path: Path, kinds: Mapping[str, Kind]) -> None:
        self._kinds = kinds
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(kinds)

    def write(self, rows: int, columns: Mapping[str, Values]) -> None:
        texts = (
            [column] * rows if isinstance(column := columns[name], str) else _TEXT_OF[kind](column)
            for name, kind in self._kinds.items()
        )
        self._rows.writerows(zip(*texts, strict=True))

    def close(self) -> None:
        self._file.close()


class _Parquet:
    def __init__(self, path: Path, kinds: Mapping[str, Kind]) -> None:
        try:
            import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra, and has no types
            import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415 - likewise
        except ImportError:
            raise HistoryError(NEEDS_PYARROW) from None
        self._pa = pa
        types = {
            Kind.TEXT: pa.dictionary(pa.int32(), pa.string()),
            Kind.TIME: pa.timestamp("us", tz="UTC"),
            Kind.REAL: pa.float64(),
            Kind.SMALL: pa.int16(),
        }
        self._schema = pa.schema([(name, types[kind]) for name, kind in kinds.items()])
        self._file = pq.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: int, columns: Mapping[str, Values]) -> None:
        pa = self._pa
        arrays = []
        for field in self._schema:
            values = columns[field.name]
            if isinstance(values, str):
                values = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), [values])
            elif pa.types.is_dictionary(field.type):
                values = pa.array(values, pa.string()).dictionary_encode()
            arrays.append(values if isinstance(values, pa.Array) else pa.array(values, field.type))
        self._file.write_batch(pa.record_batch(arrays, schema=self._schema))

    def close(self) -> None:
        self._file.close()
