"""A long history: bytes a reading once compressed, and how fast hours and days are read out of it.

Noisy series at one minute, as devices of a store have them: levels to a tenth, counts of persons, registers of energy.
A district's share of them is a year long, the others as long as the number of readings lets. Rows go by the way of live
readings into the real tables, with all columns and indexes; weeks are compressed as they are complete, and the buckets
are the scheduler's. Needs TimescaleDB's community edition.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from benchmarks.report import Figure, report
from numpy.typing import NDArray
from session_server import SessionServer
from standalone.data_folder import data_folder
from standalone.database_choice import choose_server

from analytics.scheduler.aggregation import Aggregation
from edge.wire.series import Counter, Kind, Reset, Series, Unit
from ingest.store import compression
from ingest.store.buckets import Measure, fetch_buckets
from ingest.store.connection import Database
from ingest.store.entries import instant
from ingest.store.readings import SeriesKey
from ingest.store.readings_in import store_readings
from ingest.store.series import CLASSES, series_numbers

_MINUTE_US = 60_000_000
_START = datetime(2025, 1, 1, tzinfo=UTC)
_START_US = int(_START.timestamp()) * 1_000_000
_YEAR_MINUTES = 365 * 24 * 60
_WEEK_MINUTES = 7 * 24 * 60
_BATCH_MINUTES = 10
"""Readings of a series in one batch: its ledger entry is in each of its rows."""
_REPEATS = 7


def main() -> None:
    """Run the benchmark and print its figures; exits 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=100_000_000)
    parser.add_argument("--series", type=int, default=2000)
    parser.add_argument("--year-series", type=int, default=32, help="series of a district of 16 stores, a year long")
    chosen = parser.parse_args()
    server = choose_server(data_folder(), "benchmark")
    server.start()
    session = SessionServer(server)
    name = session.create(session.migrated())
    try:
        with psycopg.connect(session.dsn(name), autocommit=True) as connection:
            if not compression.has_columnstore(connection):
                sys.exit(f"this needs TimescaleDB's community edition, and the database is {server.label}")
            _run(connection, chosen, server.label)
    finally:
        session.drop(name)
        session.close()


def _run(connection: Database, chosen: argparse.Namespace, label: str) -> None:
    series = [_series(n) for n in range(chosen.series)]
    classes = np.array([CLASSES.index("state" if s.kind is Kind.GAUGE else "count") for s in series], np.int8)
    numbers = np.array(
        series_numbers(connection, [(s, CLASSES[c]) for s, c in zip(series, classes, strict=True)]), np.int32
    )
    long = np.zeros(chosen.series, np.int64) + _YEAR_MINUTES
    others = (chosen.readings - chosen.year_series * _YEAR_MINUTES) // (chosen.series - chosen.year_series)
    long[chosen.year_series :] = min(max(others, _WEEK_MINUTES), _YEAR_MINUTES)
    stored, copied_s, packed_s = 0, 0.0, 0.0
    for columns, of, whole_until in _weeks(long, series):
        begun_s = time.perf_counter()
        arrays = columns | {"series_id": numbers[of]}
        with connection.transaction():
            store_readings(connection, arrays, classes[of], resolving=False)
        copied_s += time.perf_counter() - begun_s
        stored += len(of)
        if whole_until is not None:
            packed_s += _pack(connection, whole_until)
            print(f"  {stored:>12,} readings", flush=True)
    packed_s += _pack(connection, datetime.now(UTC))
    size = _bytes(connection)
    begun_s = time.perf_counter()
    until = instant(_START_US + int(long.max()) * _MINUTE_US)
    while Aggregation(connection).run(until):
        print(f"  aggregating, {time.perf_counter() - begun_s:.0f} s", flush=True)
    aggregated_s = time.perf_counter() - begun_s
    connection.execute("analyze")
    month = np.arange(31 * 24 + 1, dtype=np.int64) * 60 * _MINUTE_US + _START_US
    days = np.arange(366, dtype=np.int64) * 24 * 60 * _MINUTE_US + _START_US - 8 * 60 * _MINUTE_US
    footfall = [_key(s) for s in series[: chosen.year_series] if s.quantity == "entries"]
    report(
        f"history: {stored:,} readings of {chosen.series:,} series at one minute; {label}",
        [
            Figure("bytes a reading, compressed, with every column and index", size / stored, at_most=4),
            Figure("COPY into the tables, rows/s", stored / copied_s),
            Figure("compression, rows/s", stored / packed_s),
            Figure("buckets, readings/s", stored / aggregated_s),
            Figure(
                "a store's month of hourly footfall, warm, ms",
                _median_ms(lambda: fetch_buckets(connection, footfall[:1], month, [Measure.SUM, Measure.N])),
                at_most=20,
            ),
            Figure(
                "a district's year of daily values, warm, ms",
                _median_ms(lambda: fetch_buckets(connection, footfall, days, [Measure.SUM, Measure.N])),
                at_most=200,
            ),
        ],
    )


def _pack(connection: Database, until: datetime) -> float:
    """Compress the chunks that end by then and return the seconds that it took."""
    begun_s = time.perf_counter()
    for chunk in compression.chunks_to_compress(connection, datetime.now(UTC) - until):
        compression.compress(connection, chunk)
    return time.perf_counter() - begun_s


def _series(number: int) -> Series:
    """Return a series: half of them count persons, the others are levels and registers in turn."""
    device = f"d{number:05}"
    if number % 2 == 0:
        return Series(device=device, quantity="entries", unit=Unit.COUNT, kind=Kind.INTERVAL, period_s=60.0)
    if number % 4 == 1:
        return Series(device=device, quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=60.0)
    register = Counter(width_bits=None, reset=Reset.NEVER)
    return Series(
        device=device,
        quantity="active_energy",
        unit=Unit.KILOWATT_HOUR,
        kind=Kind.CUMULATIVE,
        period_s=60.0,
        counter=register,
    )


def _key(series: Series) -> SeriesKey:
    return series.device, series.quantity, series.channel


def _weeks(
    long: NDArray[Any], series: list[Series]
) -> Iterator[tuple[dict[str, NDArray[Any]], NDArray[Any], datetime | None]]:
    """Yield the readings week by week, in batches as they would arrive, for each its series, and a week's end with it.

    The end comes with the last part of a week alone: then all readings until there are yielded.
    """
    random = np.random.default_rng(1)
    totals = np.zeros(len(series))
    entry = 0
    for week in range(int(long.max()) // _WEEK_MINUTES + 1):
        minutes = np.arange(week * _WEEK_MINUTES, min((week + 1) * _WEEK_MINUTES, int(long.max())))
        present = np.flatnonzero(long > minutes[0]) if len(minutes) else np.array([], int)
        groups = [some for some in np.array_split(present, max(1, len(present) // 100)) if len(some)]
        for number, some in enumerate(groups, 1):
            value = np.stack([_values(series[n], minutes, totals, n, random) for n in some])
            inside = minutes[None, :] < long[some, None]
            of = np.broadcast_to(some[:, None], value.shape)[inside]
            t = np.broadcast_to(minutes[None, :], value.shape)[inside]
            batches = t // _BATCH_MINUTES
            batches = batches - batches.min() + entry
            entry = int(batches.max()) + 1
            order = np.lexsort((of, t // _BATCH_MINUTES))
            columns = {
                "t_us": (_START_US + t * _MINUTE_US)[order],
                "value": value[inside][order],
                "entry_id": batches[order],
                "flags": np.zeros(len(of), np.int16),
                "ordinal": np.zeros(len(of), np.int16),
                "place": np.arange(len(of)),
            }
            last = number == len(groups)
            yield columns, of[order], _START + timedelta(weeks=week + 1) if last else None


def _values(
    series: Series, minutes: NDArray[Any], totals: NDArray[Any], number: int, random: np.random.Generator
) -> NDArray[Any]:
    """Return a week of one series: the day's course, and noise."""
    day = np.sin((minutes % 1440) / 1440 * 2 * np.pi - np.pi / 2)
    if series.quantity == "entries":
        persons: NDArray[Any] = random.poisson(np.clip(4 * day, 0, None)).astype(float)
        return persons
    if series.quantity == "temperature":
        level: NDArray[Any] = np.round(21 + day + random.normal(0, 0.2, len(minutes)), 1)
        return level
    used: NDArray[Any] = totals[number] + np.cumsum(random.gamma(2, 0.02 * (2 + day), len(minutes)))
    totals[number] = used[-1]
    return np.round(used, 2)


def _bytes(connection: Database) -> int:
    ((size,),) = connection.execute(
        "select (hypertable_size('readings_count') + hypertable_size('readings_state'))::bigint"
    ).fetchall()
    return int(size)


def _median_ms(query: Callable[[], object]) -> float:
    query()
    lasted: list[float] = []
    for _ in range(_REPEATS):
        begun_s = time.perf_counter()
        query()
        lasted.append(time.perf_counter() - begun_s)
    return statistics.median(lasted) * 1000


if __name__ == "__main__":
    main()
