"""The whole catalogue over a store's year: time to compute it, beside pandas; fetching, growth, and memory.

Stores of twenty series at one minute, in the real tables and compressed. Figures of time are processor seconds of this
process, of the better of two runs; rates of fetching are by the clock, since the database works then.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pandas as pd
import psycopg
from benchmarks.pandas_catalogue import METRICS as CHECKED
from benchmarks.pandas_catalogue import Checked, StoreFrame, cross_check
from benchmarks.report import Figure, report
from benchmarks.store_year import DAYS, OBSERVERS, START, ZONE, fill, register
from session_server import SessionServer
from standalone.data_folder import data_folder
from standalone.database_choice import choose_server

from analytics import series as series_room
from analytics.api.database import read_only
from analytics.catalogue.all_metrics import METRICS
from analytics.evaluation import Calendar, Evaluation
from analytics.facts import Facts, Watched, gather, store_in
from analytics.keeping import Keeping
from analytics.metrics.inputs import Observed
from analytics.results import Result
from analytics.shared_rows import SharedRows
from analytics.windows import Window
from ingest.store.arrays import array_cursor
from ingest.store.readings import fetch_series

Connection = psycopg.Connection[Any]
Value = TypeVar("Value")
_TOLERANCE = 1e-9


def main() -> None:
    """Run the benchmark and print its figures; exits 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=int, default=2)
    parser.add_argument("--memory-of", metavar="DSN", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.memory_of:
        _year_of_all(chosen.memory_of)
        return
    server = choose_server(data_folder(), "benchmark")
    server.start()
    session = SessionServer(server)
    name = session.create(session.migrated())
    try:
        with psycopg.connect(session.dsn(name), autocommit=True) as connection:
            stores = [f"s{n}" for n in range(chosen.stores)]
            register(connection, stores)
            stored = sum(fill(connection, store, DAYS, seed) for seed, store in enumerate(stores))
            title = f"catalogue: {len(METRICS)} metrics, {len(stores)} stores of {len(OBSERVERS)} series at one minute"
            figures = [*_computation(connection), *_fetching(connection)]
        figures.append(_memory(session.dsn(name)))
        report(f"{title}, {stored:,} readings of a year; {server.label}", figures)
    finally:
        session.drop(name)
        session.close()


def _window(days: int) -> Window:
    return Window(START, START + timedelta(days=days), ZONE)


def _facts(connection: Connection, days: int, store: str = "s0") -> Facts:
    window = _window(days)
    return gather(connection, store_in(connection, store, window, 1), window, 1)


def _watched(facts: Facts) -> dict[str, tuple[Watched, ...]]:
    return {name: facts.watched_by(metric) for name, metric in METRICS.items()}


def _fetched(connection: Connection, facts: Facts) -> dict[Watched, Observed]:
    every = dict.fromkeys(w for of_metric in _watched(facts).values() for w in of_metric)
    return series_room.fetch(connection, facts, every)


def _catalogue(facts: Facts, fetched: dict[Watched, Observed]) -> dict[str, Result]:
    """Return what the engine answers once the readings are there: values, bounds, gaps and digests."""
    # Nothing that an earlier run computed of these rows is used again.
    observed = {watched: each.with_parts(each.parts) for watched, each in fetched.items()}
    calendar, shared = Calendar.of(facts), SharedRows()
    return {
        name: Evaluation(METRICS[name], facts, calendar, [observed[w] for w in of_metric], shared).result({}, ())[0]
        for name, of_metric in _watched(facts).items()
    }


def _computation(connection: Connection) -> list[Figure]:
    lasted_s, readings = [], []
    for days in (91, 182, DAYS):
        facts = _facts(connection, days)
        fetched = _fetched(connection, facts)
        results, seconds = _processor_s(lambda facts=facts, fetched=fetched: _catalogue(facts, fetched))  # type: ignore[misc]
        lasted_s.append(seconds)
        readings.append(sum(part.t_us.size for each in fetched.values() for part in each.parts))
    checked, pandas_s = _processor_s(lambda: cross_check(_frame(facts.window, fetched)))
    _compare(results, checked)
    of_both = [name for name in METRICS if name in CHECKED]
    measured = [name for name, result in results.items() if result.value is not None]
    print(f"  {len(of_both)} metrics equal pandas': {', '.join(of_both)}", flush=True)
    return [
        Figure("readings of a store-year", readings[-1]),
        Figure("metrics of the catalogue with a value", len(measured)),
        Figure("the catalogue of a store-year, processor s", lasted_s[-1], at_most=2),
        Figure("pandas: values, completeness, gaps, digests; s", pandas_s),
        Figure("times as fast as pandas, metrics of both", pandas_s / _of_both_s(facts, fetched, of_both), at_least=5),
        Figure("s a reading, half a year to a quarter", _growth(lasted_s, readings, 0, 1), at_most=1.5),
        Figure("s a reading, a year to half a year", _growth(lasted_s, readings, 1, 2), at_most=1.5),
    ]


def _growth(lasted_s: Sequence[float], readings: Sequence[int], shorter: int, longer: int) -> float:
    return lasted_s[longer] / readings[longer] / (lasted_s[shorter] / readings[shorter])


def _of_both_s(facts: Facts, fetched: dict[Watched, Observed], names: Sequence[str]) -> float:
    """Return the processor time of the metrics that pandas computes too, with bounds and digests all the same."""

    def run() -> None:
        observed = {watched: each.with_parts(each.parts) for watched, each in fetched.items()}
        calendar, shared = Calendar.of(facts), SharedRows()
        for name in names:
            of_metric = [observed[w] for w in facts.watched_by(METRICS[name])]
            Evaluation(METRICS[name], facts, calendar, of_metric, shared).result({}, ())

    return _processor_s(run)[1]


def _processor_s(run: Callable[[], Value]) -> tuple[Value, float]:
    """Return a value, and the least processor time of two runs that make it."""
    least = float("inf")
    for _ in range(2):
        gc.collect()
        begun_s = time.process_time()
        value = run()
        least = min(least, time.process_time() - begun_s)
    return value, least


def _frame(window: Window, fetched: dict[Watched, Observed]) -> StoreFrame:
    """Return the same readings as pandas has them, by local time."""
    readings, definitions = {}, {}
    for watched, each in fetched.items():
        (part,) = each.parts
        inside = part.between(window.start_us, window.end_us)
        stamps = pd.to_datetime(inside.t_us, unit="us", utc=True).tz_convert(ZONE)
        key = watched.series.quantity, watched.series.device_id
        readings[key], definitions[key] = pd.Series(inside.value, stamps), part.series.definition
    return StoreFrame(_local(window.start), _local(window.end), readings, definitions)


def _local(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(ZONE))


def _compare(results: dict[str, Result], checked: dict[str, Checked]) -> None:
    """Exit where pandas has another value, completeness, number of gaps, digest or hard bound."""
    for name, own in checked.items():
        result = results[name]
        if result.value is None or result.completeness is None:
            sys.exit(f"{name} has no value: {result.status}, {result.detail}")
        told = [result.value, result.completeness.ratio, result.completeness.gaps_total]
        expected = [own.value, own.completeness, own.gaps]
        if own.bounds is not None and result.interval is not None:
            told += [result.interval.low, result.interval.high]
            expected += own.bounds
        if result.digest != own.digest or any(
            abs(a - b) > _TOLERANCE * max(1.0, abs(b)) for a, b in zip(told, expected, strict=True)
        ):
            sys.exit(f"{name}: {told} with digest {result.digest}; by pandas {expected} with {own.digest}")


# The best read path that the design knows: one row a series, arrays in binary, parsed by numpy.frombuffer.
_BEST = """
    select series_id, array_agg(t), array_agg(value::float8)
      from {} where series_id = any(%s) and t >= %s and t < %s group by series_id"""


def _fetching(connection: Connection) -> list[Figure]:
    facts = _facts(connection, DAYS)
    keys = sorted({watched.key for of_metric in _watched(facts).values() for watched in of_metric})
    reach = series_room.reach_of(facts)

    def best() -> int:
        rows = 0
        for table in ("readings_count", "readings_state"):
            numbers = connection.execute(
                "select array_agg(series_id) from series where device like 's0-%%' and retention_class = %s",
                [table.removeprefix("readings_")],
            ).fetchall()[0][0]
            with array_cursor(connection) as cursor:
                found = cursor.execute(_BEST.format(table).encode(), [numbers, reach.start, reach.end]).fetchall()
            rows += sum(t.size for _, t, _ in found)
        return rows

    def engine() -> int:
        return sum(one.t_us.size for one in fetch_series(connection, keys, reach.start, reach.end))

    best_rate, rate = (max(_rate(way) for _ in range(3)) for way in (best, engine))
    return [
        Figure("best read path: times and values, readings/s", best_rate),
        Figure("fetch of effective readings, readings/s", rate),
        Figure("fetch beside the best read path", rate / best_rate, at_least=0.5),
    ]


def _rate(way: Callable[[], int]) -> float:
    begun_s = time.perf_counter()
    rows = way()
    return rows / (time.perf_counter() - begun_s)


def _memory(dsn: str) -> Figure:
    """Return the highest resident memory of a process that computes and keeps a year of all stores, and its months."""
    command = [sys.executable, "-m", "benchmarks.catalogue", "--memory-of", dsn]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(ran.stderr)
    return Figure("a year of all stores, highest resident memory, MiB", float(ran.stdout), at_most=1024)


def _year_of_all(dsn: str) -> None:
    with psycopg.connect(dsn) as reading, psycopg.connect(dsn, autocommit=True) as writing:
        read_only(reading, 600)
        keeping, end = Keeping(reading, writing), START.date() + timedelta(days=DAYS)
        for store in keeping.stores("d", START.date(), end):
            for _ in keeping.run(store, START.date(), end, datetime.now(UTC)):
                pass
    # Not getrusage: what that tells begins with the memory of the process that started this one.
    (highest,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(int(highest.split()[1]) / 1024)


if __name__ == "__main__":
    main()
