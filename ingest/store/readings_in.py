"""Readings in: binary COPY into the keyed tables; where a key is taken, first value, duplicates and corrections.

The first value of a (series, t, ordinal) is the row. A later reading of the key is compared with the value in force
there: an equal one is a duplicate, a different one is a correction and in force from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from ingest.store import arrivals
from ingest.store.connection import Database
from ingest.store.entries import Conflicts
from ingest.store.pgcopy import READING_COLUMNS, reading_tuples
from ingest.store.series import CLASSES
from ingest.store.write_bounds import mark_write

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of readings that are not each a new row."""

    conflicts: Sequence[Conflicts] = ()
    past_retention: Mapping[int, int] = field(default_factory=dict)
    """By ledger entry, how many readings were not stored: the rows of their time are removed."""


def store_readings(connection: Database, columns: Arrays, classes: NDArray[np.int8], *, resolving: bool) -> Stored:
    """Store readings within the caller's transaction, and note which came otherwise than live.

    Parameters
    ----------
    columns
        ``t_us`` (µs since 1970), ``value``, ``entry_id``, ``series_id``, ``flags``, ``ordinal``, ``place`` (rank of
        arrival, which tells the first from the later), all of one length.
    classes
        For each reading its retention class, as an index into ``CLASSES``.
    resolving
        False: the direct way, which fails where a key is taken. True: the way that resolves conflicts.

    Raises
    ------
    psycopg.errors.UniqueViolation
        A key is taken, and ``resolving`` is false.
    """
    store = _store_resolving if resolving else _store_directly
    bounds = mark_write(connection)
    stored = columns["t_us"] >= bounds.stored_from_us[classes]
    past_retention = _by_entry(columns["entry_id"][~stored])
    if past_retention:
        columns, classes = _chosen(columns, stored), classes[stored]
    conflicts: list[Conflicts] = []
    for number, name in enumerate(CLASSES):
        table = sql.Identifier(f"readings_{name}")
        chosen = classes == number
        if chosen.any():
            conflicts += store(connection, table, columns if chosen.all() else _chosen(columns, chosen))
    arrivals.note(connection, columns, classes != _ARCHIVE, conflicts, late_before_us=bounds.late_before_us)
    return Stored(conflicts, past_retention)


def _chosen(columns: Arrays, chosen: NDArray[np.bool_]) -> Arrays:
    return {key: values[chosen] for key, values in columns.items()}


def _by_entry(entry_ids: NDArray[Any]) -> dict[int, int]:
    found, numbers = np.unique(entry_ids, return_counts=True)
    return dict(zip(found.tolist(), numbers.tolist(), strict=True))


_ARCHIVE = CLASSES.index("archive")
_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, READING_COLUMNS))


def _store_directly(connection: Database, table: sql.Identifier, columns: Arrays) -> list[Conflicts]:
    direct = {name: values for name, values in columns.items() if name != "place"}
    _copy(connection, sql.SQL("copy {} ({}) from stdin (format binary)").format(table, _COLUMNS), direct)
    return []


def _copy(connection: Database, statement: sql.Composed, columns: Arrays) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(reading_tuples(columns))


def _store_resolving(connection: Database, table: sql.Identifier, columns: Arrays) -> list[Conflicts]:
    """Store readings of which some meet a taken key, by way of a table of this transaction."""
    connection.execute(
        """create temporary table if not exists arriving (
               t timestamptz, value float8, entry_id bigint, series_id integer, flags smallint, ordinal smallint,
               place integer) on commit delete rows"""
    )
    connection.execute("delete from arriving")
    _copy(connection, sql.SQL("copy arriving ({}, place) from stdin (format binary)").format(_COLUMNS), columns)
    connection.execute(
        sql.SQL(
            """insert into {table} (t, value, entry_id, series_id, flags, ordinal)
               select distinct on (series_id, t, ordinal) t, value, entry_id, series_id, flags, ordinal
                 from arriving order by series_id, t, ordinal, place
               on conflict do nothing"""
        ).format(table=table)
    )
    rows = connection.execute(sql.SQL(_RESOLVE).format(table=table)).fetchall()
    return [Conflicts(*row) for row in rows]


# After the insert every arriving key has its row. The row is this write's own where its entry is the one of the first
# arriving reading of the key: an entry is new in this write, so no row had it before.
_RESOLVE = """
    with ranked as (
        select a.*, row_number() over of_key as nth,
               lag(value) over of_key as before, lag(flags) over of_key as flags_before
          from arriving a
        window of_key as (partition by series_id, t, ordinal order by place)
    ), compared as (
        select n.*,
               coalesce(n.before, c.new_value, r.value) as old_value,
               coalesce(n.flags_before, c.new_flags, r.flags) as old_flags
          from ranked n
          join {table} r on r.series_id = n.series_id and r.t = n.t and r.ordinal = n.ordinal
          left join lateral (
               select new_value, new_flags from corrections c
                where c.series_id = n.series_id and c.t = n.t and c.ordinal = n.ordinal
                order by correction_id desc limit 1) c on n.nth = 1
         where n.nth > 1 or r.entry_id <> n.entry_id
    ), corrected as (
        insert into corrections (series_id, t, ordinal, old_value, old_flags, new_value, new_flags, reason, entry_id)
        select series_id, t, ordinal, old_value, old_flags, value, flags, 'later value', entry_id
          from compared where value <> old_value order by place
    )
    select entry_id, series_id,
           (extract(epoch from date_bin('1 hour', t, '0001-01-01 00:00:00Z')) * 1000000)::bigint as hour_us,
           count(*) filter (where value = old_value), count(*) filter (where value <> old_value)
      from compared group by 1, 2, 3"""
