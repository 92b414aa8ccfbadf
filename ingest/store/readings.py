"""Readings out: one row a series with its arrays in binary, parsed by numpy without a Python object a reading.

What comes out is effective: retention classes of one definition are merged (the first value committed wins) and the
corrections in force are applied. A row of the answer holds up to 1 GB, some 80 million readings of one series.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from edge.wire.series import Statistic
from ingest.store.arrays import array_cursor
from ingest.store.connection import Database
from ingest.store.pgcopy import POSTGRES_EPOCH_US
from ingest.store.series import CLASSES, OF_STATISTIC

SeriesKey = tuple[str, str, str]
"""Device, quantity, channel."""


@dataclass(frozen=True, slots=True)
class SeriesRows:
    """The effective readings of one series definition, sorted by (t, ordinal); the arrays have one length.

    ``t_us`` is µs since 1970 (int64), ``ordinal`` and ``flags`` are int16, ``value`` is float64 in ``unit``,
    ``entry_id`` (int64) is the ledger entry with which each came first.
    """

    definition: str
    device: str
    quantity: str
    channel: str
    unit: str
    kind: str
    period_s: float | None
    t_us: NDArray[np.int64]
    ordinal: NDArray[np.int16]
    value: NDArray[np.float64]
    flags: NDArray[np.int16]
    entry_ids: NDArray[np.int64]
    """Ledger entries that have a row of it in this time, each once, ascending; of every retention class."""
    entry_id: NDArray[np.int64]


@dataclass(slots=True)
class Rows:
    """The rows of one series in one table, as arrays of one length."""

    t_us: NDArray[np.int64]
    ordinal: NDArray[np.int16]
    value: NDArray[np.float64]
    flags: NDArray[np.int16]
    entry_id: NDArray[np.int64]

    def taken(self, chosen: NDArray[Any]) -> Rows:
        """Return the rows of a mask or of indices."""
        return Rows(*(column[chosen] for column in self.columns()))

    def columns(self) -> tuple[NDArray[Any], ...]:
        """Return the arrays."""
        return self.t_us, self.ordinal, self.value, self.flags, self.entry_id


def fetch_series(
    connection: Database,
    keys: Sequence[SeriesKey],
    start: datetime,
    end: datetime,
    statistic: Statistic = Statistic.MEAN,
) -> list[SeriesRows]:
    """Return the effective readings of series in [start, end), one item a definition that has any, by definition.

    Where an agent reports aggregates of windows, ``statistic`` says which of them; the others are left out.
    """
    described = described_series(connection, keys, statistic)
    found: dict[str, list[Rows]] = defaultdict(list)
    for retention_class in CLASSES:
        numbers = {number: text for number, (text, of, *_) in described.items() if of == retention_class}
        for number, rows in class_rows(connection, retention_class, list(numbers), start, end):
            found[numbers[number]].append(rows)
    facts = {text: particulars for text, _, *particulars in described.values()}
    return [_series_rows(definition, facts[definition], found.pop(definition)) for definition in sorted(found)]


def _series_rows(definition: str, facts: list[Any], parts: list[Rows]) -> SeriesRows:
    rows = merged(parts)
    device, quantity, channel, unit, kind, period_s = facts
    return SeriesRows(
        definition=definition,
        device=device,
        quantity=quantity,
        channel=channel,
        unit=unit,
        kind=kind,
        period_s=period_s,
        t_us=rows.t_us,
        ordinal=rows.ordinal,
        value=rows.value,
        flags=rows.flags,
        entry_ids=np.unique(np.concatenate([_without_repeats(part.entry_id) for part in parts])),
        entry_id=rows.entry_id,
    )


def _without_repeats(entry_id: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return entries with each run of one as a single element: a batch's readings of a series follow each other."""
    first: NDArray[np.int64] = entry_id[np.concatenate([[True], np.diff(entry_id) != 0])]
    return first


def origins_of_entries(connection: Database, entry_ids: NDArray[np.int64]) -> frozenset[str]:
    """Return the origins of ledger entries."""
    rows = connection.execute("select distinct origin from ledger where entry_id = any(%b)", [entry_ids.tolist()])
    return frozenset(origin for (origin,) in rows)


def origins(connection: Database, keys: Sequence[SeriesKey], start: datetime, end: datetime) -> frozenset[str]:
    """Return where the readings of series in [start, end) come from: measured, replayed, simulated, ..."""
    described = described_series(connection, keys, Statistic.MEAN)
    result: set[str] = set()
    for retention_class in CLASSES:
        numbers = [number for number, (_, of, *_) in described.items() if of == retention_class]
        if numbers:
            query = sql.SQL(
                """select distinct origin from ledger where entry_id in (
                       select distinct entry_id from {} where series_id = any(%s) and t >= %s and t < %s)"""
            ).format(_table(retention_class))
            result.update(row[0] for row in connection.execute(query, [numbers, start, end]))
    return frozenset(result)


def _table(retention_class: str) -> sql.Identifier:
    return sql.Identifier(f"readings_{retention_class}")


def described_series(
    connection: Database, keys: Sequence[SeriesKey], statistic: Statistic
) -> dict[int, tuple[Any, ...]]:
    """Return definition, retention class and particulars of the registered series with these keys, by number."""
    if not keys:
        return {}
    rows = connection.execute(
        f"""select distinct s.series_id, s.definition, s.retention_class, s.device, s.quantity, s.channel, s.unit,
                  s.kind, s.period_s
             from series s join unnest(%s::text[], %s::text[], %s::text[]) as k (device, quantity, channel)
                  using (device, quantity, channel)
            where {OF_STATISTIC}""",  # noqa: S608 - own text
        [*(list(column) for column in zip(*keys, strict=True)), statistic, statistic],
    )
    return {number: tuple(rest) for number, *rest in rows}


def class_rows(
    connection: Database, retention_class: str, numbers: list[int], start: datetime, end: datetime
) -> list[tuple[int, Rows]]:
    """Return the rows of one retention class with its corrections applied, by number of series."""
    if not numbers:
        return []
    by_number: dict[int, Rows] = {}
    repeating: list[int] = []
    for number, t, value, entry_id, *marked in _arrays(connection, _SPARSE, retention_class, (numbers, start, end)):
        if np.all(np.diff(t) > 0):
            ordinal, flags = _marks(t, *marked)
            by_number[number] = Rows(t + POSTGRES_EPOCH_US, ordinal, value, flags, entry_id)
        else:
            repeating.append(number)
    if repeating:
        for number, t, *others in _arrays(connection, _DENSE, retention_class, (repeating, start, end)):
            by_number[number] = _sorted(Rows(t + POSTGRES_EPOCH_US, *others))
    for number, corrected in _corrections(connection, list(by_number), start, end).items():
        _apply(by_number[number], corrected)
    return list(by_number.items())


# Nearly every ordinal and flag is 0: where the times of a series tell its rows apart, the others alone are sent.
_SPARSE: LiteralString = """
    array_agg(t), array_agg(value::float8), array_agg(entry_id),
    array_agg(t) filter (where ordinal <> 0 or flags <> 0),
    array_agg(ordinal) filter (where ordinal <> 0 or flags <> 0),
    array_agg(flags) filter (where ordinal <> 0 or flags <> 0)"""
_DENSE: LiteralString = (
    "array_agg(t), array_agg(ordinal), array_agg(value::float8), array_agg(flags), array_agg(entry_id)"
)


def _arrays(
    connection: Database, columns: LiteralString, retention_class: str, asked: tuple[list[int], datetime, datetime]
) -> Iterator[tuple[Any, ...]]:
    """Yield for each of the series asked for its number and its arrays; one at a time is in the driver's memory."""
    query = sql.SQL(
        """select series_id, {columns}
             from (select * from {table} where series_id = any(%s) and t >= %s and t < %s
                    order by series_id, t, ordinal) r
            group by series_id"""
    ).format(columns=sql.SQL(columns), table=_table(retention_class))
    with array_cursor(connection) as cursor:
        yield from cursor.stream(query, asked)


def _marks(
    t: NDArray[np.int64],
    marked_t: NDArray[np.int64] | None,
    marked_ordinal: NDArray[np.int16] | None,
    marked_flags: NDArray[np.int16] | None,
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Return ordinals and flags of rows at ascending times, given those of the rows where either is not 0."""
    ordinal, flags = np.zeros((2, len(t)), np.int16)
    if marked_t is not None and marked_ordinal is not None and marked_flags is not None:
        places = np.searchsorted(t, marked_t)
        ordinal[places], flags[places] = marked_ordinal, marked_flags
    return ordinal, flags


def _sorted(rows: Rows) -> Rows:
    """Return rows sorted by (t, ordinal); they come so, but nothing in SQL promises the order within ``array_agg``."""
    step = np.diff(rows.t_us)
    if np.all((step > 0) | ((step == 0) & (np.diff(rows.ordinal) > 0))):
        return rows
    return rows.taken(np.lexsort((rows.ordinal, rows.t_us)))


_Corrected = tuple[NDArray[np.int64], NDArray[np.int16], NDArray[np.float64], NDArray[np.int16]]


def _corrections(connection: Database, numbers: list[int], start: datetime, end: datetime) -> dict[int, _Corrected]:
    """Return for each series t, ordinal, value and flags of the corrections in force, the latest of each reading."""
    rows = connection.execute(
        """select distinct on (series_id, t, ordinal) series_id,
                  (extract(epoch from t) * 1000000)::bigint, ordinal, new_value, new_flags
             from corrections where series_id = any(%s) and t >= %s and t < %s
            order by series_id, t, ordinal, correction_id desc""",
        [numbers, start, end],
    ).fetchall()
    by_number: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for number, *correction in rows:
        by_number[number].append(tuple(correction))
    return {number: _columns_of(corrections) for number, corrections in by_number.items()}


def _columns_of(corrections: list[tuple[Any, ...]]) -> _Corrected:
    t_us, ordinal, value, flags = zip(*corrections, strict=True)
    return (
        np.array(t_us, np.int64),
        np.array(ordinal, np.int16),
        np.array(value, np.float64),
        np.array(flags, np.int16),
    )


def _apply(rows: Rows, corrected: _Corrected) -> None:
    t_us, ordinal, value, flags = corrected
    places = _places(rows, t_us, ordinal)
    rows.value[places] = value
    rows.flags[places] = flags


def _places(rows: Rows, t_us: NDArray[np.int64], ordinal: NDArray[np.int16]) -> NDArray[np.int64]:
    """Return where the readings of these keys are: every correction has its reading in the same table."""
    key = np.dtype([("t_us", np.int64), ("ordinal", np.int16)])
    there, wanted = np.empty(len(rows.t_us), key), np.empty(len(t_us), key)
    there["t_us"], there["ordinal"] = rows.t_us, rows.ordinal
    wanted["t_us"], wanted["ordinal"] = t_us, ordinal
    return np.searchsorted(there, wanted)


def merged(parts: list[Rows]) -> Rows:
    """Merge the retention classes of a definition: of two rows with one key, that of the earlier entry counts."""
    if len(parts) == 1:
        return parts[0]
    together = Rows(*(np.concatenate(columns) for columns in zip(*(part.columns() for part in parts), strict=True)))
    together = together.taken(np.lexsort((together.entry_id, together.ordinal, together.t_us)))
    first = np.ones(len(together.t_us), bool)
    first[1:] = (np.diff(together.t_us) != 0) | (np.diff(together.ordinal) != 0)
    return together.taken(first)
