"""Histories in Parquet, by way of pyarrow, which is an extra."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ingest.history.block import Block, Column, HistoryError, Instants, Numbers
from ingest.history.history_map import HistoryMap

NEEDS_PYARROW = "Parquet needs pyarrow, which is not installed: pip install 'smartstore[backfill]', or use CSV"


class ParquetFile:
    """A Parquet file, read by the columns that a map names.

    Raises
    ------
    HistoryError
        It cannot be read, lacks a column of the map, or holds one of a type that is no text, number or time.
    """

    row_word = "row"

    def __init__(self, path: Path, described: HistoryMap) -> None:
        try:
            import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra, and has no types
        except ImportError:
            raise HistoryError(NEEDS_PYARROW) from None
        self._used = described.used_columns
        try:
            self._file: Any = pyarrow.parquet.ParquetFile(path)
        except (OSError, pyarrow.ArrowException) as error:
            msg = f"{path}: cannot be read as Parquet: {error}"
            raise HistoryError(msg) from None
        there = self._file.schema_arrow.names
        if absent := [name for name in self._used if name not in there]:
            msg = f"{path} lacks the columns {', '.join(absent)}; it has: {', '.join(there[:50])}"
            raise HistoryError(msg)

    def blocks(self, rows: int) -> Iterator[Block]:
        """Yield so many rows at a time."""
        first = 1
        for batch in self._batches(rows):
            columns = {name: _column(batch.column(name), name) for name in self._used}
            yield Block(np.arange(first, first + batch.num_rows, dtype=np.int64), columns)
            first += batch.num_rows

    def _batches(self, rows: int) -> Iterator[Any]:
        """Yield record batches of exactly so many rows, but for the last: the file's row groups make no difference."""
        import pyarrow as pa  # noqa: PLC0415 - an extra

        waiting: list[Any] = []
        size = 0
        for batch in self._file.iter_batches(batch_size=rows, columns=self._used):
            rest = batch
            while size + rest.num_rows >= rows:
                yield _joined([*waiting, rest.slice(0, rows - size)], pa)
                rest = rest.slice(rows - size)
                waiting, size = [], 0
            if rest.num_rows:
                waiting.append(rest)
                size += rest.num_rows
        if waiting:
            yield _joined(waiting, pa)


def _joined(batches: list[Any], pa: Any) -> Any:
    return pa.Table.from_batches(batches).combine_chunks()


def _column(chunks: Any, name: str) -> Column:
    """Return a column of Arrow as one of a block."""
    import pyarrow as pa  # noqa: PLC0415 - an extra

    kind = chunks.type
    if pa.types.is_dictionary(kind):
        chunks = chunks.cast(kind.value_type)
        kind = chunks.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return ["" if text is None else text for text in chunks.to_pylist()]
    if pa.types.is_boolean(kind):
        return ["" if truth is None else str(truth).lower() for truth in chunks.to_pylist()]
    there = chunks.is_valid().to_numpy()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = chunks.cast(pa.float64(), safe=False).fill_null(0.0)
        return Numbers(values.to_numpy(), there)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        utc = pa.types.is_timestamp(kind) and kind.tz is not None
        us = chunks.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).fill_null(0)
        return Instants(us.to_numpy(), there, utc)
    msg = f"column {name} is of type {kind}, which is no text, number or time; convert it before the import"
    raise HistoryError(msg)
