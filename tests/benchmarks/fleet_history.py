"""What came to a fleet's platform some hours ago and is old now: the scheduler's work while the fleet goes on.

A platform that has run for long aggregates and compresses as many readings as arrive, all the time. A fresh one has
nothing to aggregate for an hour, and nothing to compress for days. So readings of the hours before are put into the
tables, by the way of live ones and in their order, before the scheduler starts: it finds the hours over, and their
chunks old enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import numpy as np
from benchmarks.fleet_load import BATCHES_OF_ALL_SERIES, HOUR_US, FleetStore
from benchmarks.report import Figure
from psycopg.errors import InsufficientPrivilege

from analytics.scheduler.aggregation import Aggregation
from analytics.scheduler.rollup import Rollup
from edge.wire.series import Kind, Origin
from ingest.store import compression
from ingest.store.connection import Database
from ingest.store.readings_in import store_readings
from ingest.store.series import CLASSES, retention_class, series_numbers
from ingest.store.watermarks import HOUR, last_whole_hour, watermarks

_COMPRESS_AFTER_DAYS = 0.04
SCHEDULER = f"""
aggregate_every_s = 5
increments_every_s = 5
compress_every_s = 5
compress_after_days = {_COMPRESS_AFTER_DAYS}
chunk_hours = 1
"""
"""Its ``[scheduler]`` table here: an hour after its end an hour is computed, as usual, and compressed as well."""
_HOURS = 6
"""Old hours, each with its chunks and its share of the stores."""
_HOUR_S = 3600
_STORES_AT_ONCE = 4
_FIRST_ENTRY = 1 << 40
"""Beyond what the ledger numbers while the fleet runs."""
_BUCKETS = [f"buckets_{width}_{of}" for width in ("15m", "60m", "480m") for of in ("count", "state")]


class FleetHistory:
    """Old readings: as many as the whole fleet sends in ``minutes``, as whole hours of as many stores as that makes."""

    def __init__(self, connection: Database, stores: Sequence[FleetStore], minutes: float) -> None:
        self._connection = connection
        self._random = np.random.default_rng(1)
        store_hours = [stores[n % len(stores)] for n in range(round(len(stores) * minutes / 60))]
        hours = max(_HOURS, -(-len(store_hours) // len(stores)))  # no store has an hour twice
        self._of_hours = [store_hours[hour::hours] for hour in range(hours)]
        self._end = last_whole_hour(connection, HOUR)
        self.readings = 0

    def put_in(self) -> None:
        """Let the scheduler's work begin with the first old hour, and store the readings of all of them."""
        if compression.has_chunks(self._connection):
            compression.set_chunk_interval(self._connection, HOUR)
        first = self._end - len(self._of_hours) * HOUR
        Aggregation(self._connection).run(first)
        Rollup(self._connection).run()
        for number, stores in enumerate(self._of_hours):
            start_us = round((first + number * HOUR).timestamp()) * 1_000_000
            for place in range(0, len(stores), _STORES_AT_ONCE):
                self._store_hour(stores[place : place + _STORES_AT_ONCE], start_us)
        self._connection.execute("analyze")
        with suppress(InsufficientPrivilege):  # what is put in is not to be written out while the fleet runs
            self._connection.execute("checkpoint")

    def _store_hour(self, stores: Sequence[FleetStore], start_us: int) -> None:
        """Store an hour of some stores: each second a batch of each, with a fifth of its series."""
        each = len(stores[0].table.series)
        series = [one for store in stores for one in store.table.series]
        classes = [retention_class(Origin.SIMULATED, one.kind) for one in series]
        numbers = np.array(series_numbers(self._connection, list(zip(series, classes, strict=True))), np.int32)
        of_second = [np.arange(n, each, BATCHES_OF_ALL_SERIES) for n in range(BATCHES_OF_ALL_SERIES)]
        starts = np.arange(len(stores)) * each
        batch = np.concatenate([start + some for some in of_second for start in starts])  # five seconds of all stores
        second = np.repeat(np.arange(BATCHES_OF_ALL_SERIES), [len(some) * len(stores) for some in of_second])
        times = _HOUR_S // BATCHES_OF_ALL_SERIES
        of = np.tile(batch, times)
        s = np.tile(second, times) + np.repeat(np.arange(times) * BATCHES_OF_ALL_SERIES, len(batch))
        register = np.array([one.kind is Kind.CUMULATIVE for one in series])[of]
        level = self._random.normal(20, 1, len(of))
        columns = {
            "t_us": start_us + s * 1_000_000,
            "value": np.round(np.where(register, start_us / HOUR_US + s / _HOUR_S, level), 1),
            "entry_id": _FIRST_ENTRY + self.readings + s * len(stores) + of // each,
            "series_id": numbers[of],
            "flags": np.zeros(len(of), np.int16),
            "ordinal": np.zeros(len(of), np.int16),
            "place": np.arange(len(of)),
        }
        with self._connection.transaction():
            store_readings(
                self._connection, columns, np.array([CLASSES.index(c) for c in classes], np.int8)[of], resolving=False
            )
        self.readings += len(of)

    def figures(self) -> list[Figure]:
        """Return what the scheduler has made of it, and what it has left undone."""
        marks = watermarks(self._connection)
        behind = [
            (self._end - until) / HOUR if until else float("inf")
            for until in (marks.aggregated_until, marks.increments_until)
        ]
        figures = [
            Figure("old readings that the scheduler found", self.readings),
            Figure("buckets computed", sum(self._count(name) for name in _BUCKETS)),
            Figure("old hours without buckets", behind[0], at_most=0),
            Figure("increments computed", self._count("increments_15m")),
            Figure("old hours without increments", behind[1], at_most=0),
        ]
        if not compression.has_columnstore(self._connection):
            return figures
        left = compression.chunks_to_compress(self._connection, timedelta(days=_COMPRESS_AFTER_DAYS))
        ((done,),) = self._connection.execute(
            "select count(*) from timescaledb_information.chunks where is_compressed and hypertable_name ~ '^readings_'"
        ).fetchall()
        return [
            *figures,
            Figure("chunks of readings compressed", done),
            Figure("old chunks not compressed", len(left), at_most=0),
        ]

    def _count(self, table: str) -> int:
        ((rows,),) = self._connection.execute(f"select count(*) from {table}".encode()).fetchall()  # noqa: S608 - own name
        return int(rows)
