"""Readings put into a database as committed batches would be, without agents: for tests of what reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg

from edge.readings import Reading
from edge.wire.series import Origin, Series
from ingest.store.readings_in import store_readings as copy_into_tables
from ingest.store.series import CLASSES, retention_class, series_numbers

Database = psycopg.Connection[Any]


def store_readings(c: Database, agent: str, readings: Iterable[Reading], origin: Origin = Origin.SIMULATED) -> int:
    """Store readings as one ledger entry of a new spool; return their number."""
    rows = list(readings)
    series = sorted({reading.series for reading in rows}, key=lambda s: s.definition)
    with c.transaction():
        spool = c.execute(
            "insert into spools (spool, agent) values (%s, %s) returning spool_id", [uuid4(), agent]
        ).fetchone()
        entry = c.execute(
            """insert into ledger (spool_id, sequence, sha256, series_table, origin, readings, sealed_at, row_root)
               values (%s, 1, '', '', %s, %s, now(), '') returning entry_id""",
            [_first(spool), origin, len(rows)],
        ).fetchone()
        wanted = [(each, retention_class(origin, each.kind)) for each in series]
        number = dict(zip(series, series_numbers(c, wanted), strict=True))
        copy_into_tables(c, _columns(rows, number, _first(entry)), _classes(rows, origin), resolving=True)
    return len(rows)


def _columns(rows: list[Reading], number: dict[Series, int], entry_id: int) -> dict[str, Any]:
    size = len(rows)
    return {
        "t_us": np.fromiter((r.t_us for r in rows), np.int64, size),
        "value": np.fromiter((r.value for r in rows), np.float64, size),
        "entry_id": np.full(size, entry_id, dtype=np.int64),
        "series_id": np.fromiter((number[r.series] for r in rows), np.int32, size),
        "flags": np.fromiter((r.flags for r in rows), np.int16, size),
        "ordinal": np.fromiter((r.ordinal for r in rows), np.int16, size),
        "place": np.arange(size, dtype=np.int32),
    }


def _classes(rows: list[Reading], origin: Origin) -> Any:
    return np.fromiter((CLASSES.index(retention_class(origin, r.series.kind)) for r in rows), np.int8, len(rows))


def _first(row: tuple[Any, ...] | None) -> int:
    assert row is not None
    return int(row[0])
