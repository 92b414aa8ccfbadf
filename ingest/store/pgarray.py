"""One-dimensional arrays as parameters of a statement, laid out by numpy without a Python object an element.

Format: ``array_send`` of PostgreSQL (src/backend/utils/adt/arrayfuncs.c): number of dimensions, whether there are
nulls, type of the elements, length and lower bound, then each element as its length and its bytes, big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

from ingest.store.pgcopy import POSTGRES_EPOCH_US

_TYPES = psycopg.postgres.types
_NUMBERS = {"int4": ">i4", "int8": ">i8", "timestamptz": ">i8"}


@dataclass(frozen=True, slots=True)
class ArrayParameter:
    """An array in binary form, with the name of its elements' type."""

    element: str
    data: bytes


def number_array(element: str, values: NDArray[np.int64]) -> ArrayParameter:
    """Return an array of ``int4``, ``int8`` or ``timestamptz`` (µs since 1970).

    Raises
    ------
    KeyError
        Elements of another type.
    """
    return _array(element, _NUMBERS[element], values - POSTGRES_EPOCH_US if element == "timestamptz" else values)


def digest_array(digests: Sequence[bytes]) -> ArrayParameter:
    """Return an array of ``bytea`` from digests of 32 bytes each."""
    return _array("bytea", "V32", np.frombuffer(b"".join(digests), "V32"))


def _array(element: str, kind: str, values: NDArray[Any]) -> ArrayParameter:
    oid = _TYPES[element].oid
    if not len(values):
        return ArrayParameter(element, struct.pack(">iiI", 0, 0, oid))
    elements = np.empty(len(values), np.dtype([("length", ">i4"), ("value", kind)]))
    elements["length"] = np.dtype(kind).itemsize
    elements["value"] = values
    return ArrayParameter(element, struct.pack(">iiIii", 1, 0, oid, len(values), 1) + elements.tobytes())


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def get_key(self, obj: ArrayParameter, format: Any) -> tuple[type, str]:  # type: ignore[override]  # noqa: A002 - as psycopg names it
        return ArrayParameter, obj.element

    def upgrade(self, obj: ArrayParameter, format: Any) -> _ArrayDumper:  # noqa: A002 - as psycopg names it
        dumper = _ArrayDumper(self.cls, self.connection)
        dumper.oid = _TYPES[obj.element].array_oid
        return dumper

    def dump(self, obj: ArrayParameter) -> bytes:
        return obj.data


psycopg.adapters.register_dumper(ArrayParameter, _ArrayDumper)
