"""Readings in the binary COPY format of PostgreSQL, laid out by numpy without a Python object a reading.

Format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, no flags, no extension
TRAILER = b"\xff\xff"
POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01T00:00:00Z, from which PostgreSQL counts, in µs since 1970."""

READING_COLUMNS = ("t", "value", "entry_id", "series_id", "flags", "ordinal")
_TYPES = {"t": ">i8", "value": ">f8", "entry_id": ">i8", "series_id": ">i4", "flags": ">i2", "ordinal": ">i2"}


def _template(columns: dict[str, str]) -> NDArray[np.void]:
    """Return a tuple with its constants: the number of fields, and the length of each field."""
    fields: list[tuple[str, str]] = [("field_count", ">i2")]
    for name, kind in columns.items():
        fields += [(f"{name}_bytes", ">i4"), (name, kind)]
    template: NDArray[np.void] = np.zeros(1, np.dtype(fields))
    template["field_count"] = len(columns)
    for name, kind in columns.items():
        template[f"{name}_bytes"] = np.dtype(kind).itemsize
    return template


_TEMPLATE = _template(_TYPES)
_PLACED_TEMPLATE = _template(_TYPES | {"place": ">i4"})


def reading_tuples(columns: dict[str, NDArray[Any]]) -> bytes:
    """Return readings as a complete COPY stream.

    Parameters
    ----------
    columns
        ``t_us`` (µs since 1970) and the other ``READING_COLUMNS`` by name, and ``place`` (int32: rank of arrival, for
        the table that resolves conflicts) where it is wanted; all of one length.
    """
    tuples = np.repeat(_PLACED_TEMPLATE if "place" in columns else _TEMPLATE, len(columns["t_us"]))
    tuples["t"] = columns["t_us"] - POSTGRES_EPOCH_US
    for name, values in columns.items():
        if name != "t_us":
            tuples[name] = values
    return b"".join((HEADER, tuples.tobytes(), TRAILER))
