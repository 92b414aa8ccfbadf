"""Other ways to store readings, beside which the way taken is measured: their rates into a like table."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

Row = tuple[Any, ...]
Connection = psycopg.Connection[Any]

_COLUMNS = "t, value, entry_id, series_id, flags, ordinal"
_INSERT = f"insert into other_way ({_COLUMNS}) values (%s, %s, %s, %s, %s, %s)"  # noqa: S608 - names of this file
_UNNEST = f"""insert into other_way ({_COLUMNS})
    select * from unnest(%s::timestamptz[], %s::float8[], %s::bigint[], %s::integer[], %s::smallint[], %s::smallint[])
    on conflict do nothing"""  # noqa: S608 - likewise
_GROUP = 5000
"""Rows of a transaction, where the way has groups."""
_EACH = 2000
"""Rows of the way that commits each by itself."""


def rates(connection: Connection, table: str, rows: int) -> dict[str, float]:
    """Return rows/s of each way for up to ``rows`` rows of a table, each into a fresh like table with its indexes."""
    sample = connection.execute(f"select {_COLUMNS} from {table} order by entry_id, series_id limit {rows}").fetchall()  # noqa: S608 - likewise
    ways: dict[str, tuple[Callable[[Connection, Sequence[Row]], None], Sequence[Row]]] = {
        "one row a transaction": (_each, sample[:_EACH]),
        "executemany": (_executemany, sample),
        "unnest with ON CONFLICT": (_unnest, sample),
    }
    return {name: _rate(connection, table, way, some) for name, (way, some) in ways.items()}


def _rate(
    connection: Connection, table: str, way: Callable[[Connection, Sequence[Row]], None], rows: Sequence[Row]
) -> float:
    connection.execute(f"create table other_way (like {table} including all)")
    if connection.execute("select 1 from pg_extension where extname = 'timescaledb'").fetchone():
        connection.execute(
            "select create_hypertable('other_way', 't', chunk_time_interval => interval '7 days', "
            "create_default_indexes => false)"
        )
    begun_s = time.perf_counter()
    way(connection, rows)
    lasted_s = time.perf_counter() - begun_s
    connection.execute("drop table other_way")
    return len(rows) / lasted_s


def _each(connection: Connection, rows: Sequence[Row]) -> None:
    for row in rows:
        connection.execute(_INSERT, row)


def _executemany(connection: Connection, rows: Sequence[Row]) -> None:
    for low in range(0, len(rows), _GROUP):
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(_INSERT, rows[low : low + _GROUP])


def _unnest(connection: Connection, rows: Sequence[Row]) -> None:
    for low in range(0, len(rows), _GROUP):
        with connection.transaction():
            connection.execute(_UNNEST, [list(column) for column in zip(*rows[low : low + _GROUP], strict=True)])
