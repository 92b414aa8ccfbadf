"""Readings in force as a stream, for files of any length: corrections applied, each with its first value's origin.

What is in force is what ``readings.fetch_series`` returns: of the retention classes of one definition the value that
was committed first counts, and the latest correction of it is in force.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from ingest.store.connection import Database
from ingest.store.pgcopy import HEADER, POSTGRES_EPOCH_US
from ingest.store.series import CLASSES

_TUPLE = np.dtype(
    [
        ("fields", ">i2"),
        *(("t_bytes", ">i4"), ("t", ">i8")),
        *(("ordinal_bytes", ">i4"), ("ordinal", ">i2")),
        *(("value_bytes", ">i4"), ("value", ">f8")),
        *(("flags_bytes", ">i4"), ("flags", ">i2")),
        *(("entry_bytes", ">i4"), ("entry", ">i8")),
    ]
)
_PORTION = 50_000


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A definition with its numbers by retention class."""

    definition: str
    numbers: dict[str, int]


@dataclass(frozen=True, slots=True)
class Portion:
    """Some readings of one series, in the order of (t, ordinal); arrays of one length.

    ``t_us`` is µs since 1970 (int64), ``ordinal`` and ``flags`` are int16, ``value`` is float64, ``origin`` holds the
    names of origins.
    """

    t_us: NDArray[np.int64]
    ordinal: NDArray[np.int16]
    value: NDArray[np.float64]
    flags: NDArray[np.int16]
    origin: NDArray[np.object_]


def series_of_devices(connection: Database, devices: Sequence[str]) -> list[StoredSeries]:
    """Return every series that these devices ever reported, by definition."""
    rows = connection.execute(
        """select definition, array_agg(retention_class), array_agg(series_id)
             from series where device = any(%s) group by definition order by definition collate "C" """,
        [list(devices)],
    )
    return [StoredSeries(definition, dict(zip(classes, numbers, strict=True))) for definition, classes, numbers in rows]


def readings_in_force(
    connection: Database, looking: Database, series: StoredSeries, start: datetime, end: datetime
) -> Iterator[Portion]:
    """Yield the readings of a series in [start, end); ``looking`` is asked for origins while ``connection`` streams."""
    known: dict[int, str] = {}
    query = _query(series, start, end)
    for rows in _tuples(connection, query):
        entries, which = np.unique(rows["entry"], return_inverse=True)
        yield Portion(
            t_us=rows["t"].astype(np.int64) + POSTGRES_EPOCH_US,
            ordinal=rows["ordinal"].astype(np.int16),
            value=rows["value"].astype(np.float64),
            flags=rows["flags"].astype(np.int16),
            origin=_origins(looking, entries.tolist(), known)[which],
        )


def _query(series: StoredSeries, start: datetime, end: datetime) -> sql.Composed:
    parts = [
        sql.SQL(
            "select t, ordinal, value, flags, entry_id, series_id from {table}"
            " where series_id = {number} and t >= {start} and t < {end}"
        ).format(
            table=sql.Identifier(f"readings_{name}"), number=sql.Literal(series.numbers[name]), start=start, end=end
        )
        for name in CLASSES
        if name in series.numbers
    ]
    first = (
        sql.SQL("{}")
        if len(parts) == 1
        else sql.SQL("select distinct on (t, ordinal) * from ({}) u order by t, ordinal, entry_id")
    )
    return sql.SQL(
        """copy (
            select r.t, r.ordinal, coalesce(c.new_value, r.value), coalesce(c.new_flags, r.flags), r.entry_id
              from ({rows}) r
              left join (select distinct on (series_id, t, ordinal) series_id, t, ordinal, new_value, new_flags
                           from corrections where series_id = any({numbers}) and t >= {start} and t < {end}
                          order by series_id, t, ordinal, correction_id desc) c using (series_id, t, ordinal)
             order by r.t, r.ordinal) to stdout (format binary)"""
    ).format(
        rows=first.format(sql.SQL(" union all ").join(parts)),
        numbers=sql.Literal(list(series.numbers.values())),
        start=start,
        end=end,
    )


def _tuples(connection: Database, query: sql.Composed) -> Iterator[NDArray[np.void]]:
    """Yield the rows of a binary COPY in portions; every field of them is there, so every row has one length."""
    most = _PORTION * _TUPLE.itemsize
    waiting = bytearray()
    head = len(HEADER)
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for data in copy:
            waiting += data
            if head and len(waiting) >= head:
                del waiting[:head]
                head = 0
            if len(waiting) >= most:
                yield np.frombuffer(bytes(waiting[:most]), _TUPLE)
                del waiting[:most]
    rows = (len(waiting)) // _TUPLE.itemsize  # what is left over is the trailer
    if rows:
        yield np.frombuffer(bytes(waiting[: rows * _TUPLE.itemsize]), _TUPLE)


def _origins(looking: Database, entries: list[int], known: dict[int, str]) -> NDArray[Any]:
    """Return the origins of ledger entries; ``known`` has those of the portion before, which reaches into this one."""
    unknown = [entry for entry in entries if entry not in known]
    found = dict(looking.execute("select entry_id, origin from ledger where entry_id = any(%s)", [unknown]).fetchall())
    here = {entry: known.get(entry) or found[entry] for entry in entries}
    known.clear()
    known.update(here)
    return np.array(list(here.values()), object)
