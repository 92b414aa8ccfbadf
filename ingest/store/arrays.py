"""Arrays out: PostgreSQL's binary arrays parsed by numpy, without a Python object an element."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Cursor
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from ingest.store.connection import Database


class _ArrayLoader(Loader):
    """Loads a one-dimensional array without nulls from PostgreSQL's binary format."""

    format = Format.BINARY
    element: np.dtype[Any] = np.dtype(">i8")

    def load(self, data: Buffer) -> NDArray[Any]:
        if not int.from_bytes(data[:4]):
            return np.zeros(0, self.element.newbyteorder("="))  # an empty array has no dimension, and ends here
        layout = np.dtype([("length", ">i4"), ("value", self.element)])
        # Dimensions, nulls, type; then length and lower bound of the one dimension: 20 bytes.
        return np.frombuffer(data, layout, offset=20)["value"].astype(self.element.newbyteorder("="))


class _Float8Loader(_ArrayLoader):
    element: np.dtype[Any] = np.dtype(">f8")


class _Int2Loader(_ArrayLoader):
    element: np.dtype[Any] = np.dtype(">i2")


class _Int4Loader(_ArrayLoader):
    element: np.dtype[Any] = np.dtype(">i4")


_LOADERS = {
    "timestamptz": _ArrayLoader,
    "int8": _ArrayLoader,
    "float8": _Float8Loader,
    "int4": _Int4Loader,
    "int2": _Int2Loader,
}


def array_cursor(connection: Database) -> Cursor[Any]:
    """Return a cursor whose arrays come as numpy's; times in them are µs since 2000-01-01 (UTC)."""
    cursor = connection.cursor(binary=True)
    for name, loader in _LOADERS.items():
        cursor.adapters.register_loader(cursor.adapters.types[name].array_oid, loader)
    return cursor
