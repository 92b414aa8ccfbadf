"""The completeness ledger of a district's year: how fast it is answered, and what keeping it costs the scheduler.

Stores of an agent and some devices each, whose series report once a minute. What the scheduler keeps of a year is put
into its tables as it would stand there, with a gap a week in each series and one a month in each agent's batches; the
jobs themselves run over two further days of readings.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import numpy as np
import psycopg
from benchmarks.report import Figure, report
from numpy.typing import NDArray
from session_server import SessionServer
from standalone.data_folder import data_folder
from standalone.database_choice import choose_server

from analytics.api.database import read_only
from analytics.completeness_answer import By
from analytics.completeness_ledger import Question, district_completeness, store_completeness
from analytics.scheduler.aggregation import Aggregation
from analytics.scheduler.batch_counting import BatchCounting
from analytics.scheduler.hearing import Hearing
from analytics.windows import Window
from edge.wire.series import Kind, Series, Unit
from ingest.store.readings_in import store_readings
from ingest.store.series import CLASSES, series_numbers

_ZONE = "Asia/Shanghai"
_START = datetime(2024, 12, 31, 16, tzinfo=UTC)
_END = _START + timedelta(days=365)
_DEVICES, _CHANNELS = 20, 5
_NEW_DAYS = 2
_REPEATS = 5


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=int, default=20)
    parser.add_argument("--batch-every-s", type=int, default=600, help="between two batches of an agent")
    chosen = parser.parse_args()
    server = choose_server(data_folder(), "benchmark")
    server.start()
    session = SessionServer(server)
    name = session.create(session.migrated())
    try:
        with (
            psycopg.connect(session.dsn(name), autocommit=True) as connection,
            psycopg.connect(session.dsn(name)) as reading,
        ):
            read_only(reading, statement_timeout_s=600)
            _fill(connection, chosen)
            report(
                f"completeness: {chosen.stores} stores of {_DEVICES * _CHANNELS} series, a year; {server.label}",
                [*_jobs(connection), *_answers(reading)],
            )
    finally:
        session.drop(name)
        session.close()


def _series(store: int) -> list[Series]:
    return [
        Series(
            device=f"d{store:03}-{device:02}",
            quantity="temperature",
            channel=f"c{channel}",
            unit=Unit.CELSIUS,
            kind=Kind.GAUGE,
            period_s=60.0,
        )
        for device in range(_DEVICES)
        for channel in range(_CHANNELS)
    ]


def _fill(c: psycopg.Connection[Any], chosen: argparse.Namespace) -> None:
    series = [each for store in range(chosen.stores) for each in _series(store)]
    for start in range(0, len(series), 1000):
        series_numbers(c, [(each, "state") for each in series[start : start + 1000]])
    values = {
        "stores": chosen.stores - 1,
        "start": _START,
        "end": _END,
        "every": timedelta(seconds=chosen.batch_every_s),
    }
    for statement in _FILL.split(";"):
        c.execute(statement.encode(), values)
    counting = BatchCounting()
    for _ in range(2):
        counting.run(c, Event())
    c.execute("analyze")


_FILL = """
insert into registry_versions (source, digest) values ('benchmark', '');
insert into districts values ('d', 'D', 'D', 'smart_district', 'Asia/Shanghai', true, '2020-01-01', null, 1, null);
insert into stores (store_id, district_id, name_en, name_zh, format, floor_area_m2, area_kind, opens_at, closes_at,
                    time_zone, valid_from, version_from)
select format('s%%s', n), 'd', '', '', '', 1, 'gross', '08:00', '20:00', 'Asia/Shanghai', '2020-01-01', 1
  from generate_series(0, %(stores)s) n;
insert into agents (agent_id, approved, valid_from, version_from)
select format('a%%s', n), true, '2020-01-01', 1 from generate_series(0, %(stores)s) n;
insert into devices (device_id, agent_id, store_id, valid_from, version_from)
select distinct device, format('a%%s', substr(device, 2, 3)::integer), format('s%%s', substr(device, 2, 3)::integer),
       date '2020-01-01', 1 from series;
insert into points (point_id, store_id, facility, kind, valid_from, version_from)
select format('p%%s', n), format('s%%s', n), 'cold_chain', 'probe', '2020-01-01', 1
  from generate_series(0, %(stores)s) n;
insert into registered_series (device_id, quantity, channel, point_id, valid_from, version_from)
select device, quantity, channel, format('p%%s', substr(device, 2, 3)::integer), '2020-01-01', 1 from series;
insert into buckets_480m_state
select series_id, at, 480, 0, 0, 0, 0, 0, 0
  from series, generate_series(%(start)s::timestamptz, %(end)s::timestamptz - interval '1 s', interval '8 hours') at;
insert into buckets_60m_state
select series_id, at, 60, 0, 0, 0, 0, 0, 0
  from series, generate_series(%(end)s::timestamptz - interval '31 days', %(end)s::timestamptz - interval '1 s',
                               interval '1 hour') at
 where device like 'd000-%%';
insert into heard
select series_id, at, at + interval '6 days 20 hours'
  from series, generate_series(%(start)s::timestamptz, %(end)s::timestamptz - interval '1 s', interval '7 days') at;
insert into arrivals (series_id, hour, late)
select series_id, at, 5
  from series, generate_series(%(start)s::timestamptz, %(end)s::timestamptz - interval '1 s', interval '30 days') at;
update watermarks set closed_until = %(end)s, aggregated_until = %(end)s, heard_until = %(end)s;
insert into spools (spool, agent) select gen_random_uuid(), format('a%%s', n) from generate_series(0, %(stores)s) n;
insert into ledger (spool_id, sequence, sha256, series_table, origin, readings, sealed_at, row_root)
select spool_id, n, sha256(n::text::bytea), '', 'measured', 1000, at, sha256(n::text::bytea)
  from spools, generate_series(%(start)s::timestamptz, %(end)s, %(every)s::interval) with ordinality as g (at, n)
 where n %% 4000 <> 0
"""


def _jobs(c: psycopg.Connection[Any]) -> list[Figure]:
    """Return what the jobs make of new readings, beside the job that makes their buckets."""
    rows = c.execute("select series_id from series order by 1").fetchall()
    numbers = np.array([number for (number,) in rows], np.int32)
    minutes = np.arange(_NEW_DAYS * 1440, dtype=np.int64) * 60_000_000 + int(_END.timestamp()) * 1_000_000
    readings = len(numbers) * len(minutes)
    size = readings
    columns: dict[str, NDArray[Any]] = {
        "t_us": np.repeat(minutes, len(numbers)),
        "value": np.zeros(size),
        "entry_id": np.full(size, 1, np.int64),
        "series_id": np.tile(numbers, len(minutes)),
        "flags": np.zeros(size, np.int16),
        "ordinal": np.zeros(size, np.int16),
        "place": np.zeros(size, np.int32),
    }
    with c.transaction():
        store_readings(c, columns, np.full(size, CLASSES.index("state"), np.int8), resolving=False)
    c.execute("analyze")
    aggregated_s = joined_s = 0.0
    for hour in range(1, _NEW_DAYS * 24 + 1):
        began_s = time.perf_counter()
        Aggregation(c).run(_END + timedelta(hours=hour))
        aggregated_s += time.perf_counter() - began_s
        began_s = time.perf_counter()
        Hearing(c).run()
        joined_s += time.perf_counter() - began_s
    ((entries,),) = c.execute("select count(*) from ledger").fetchall()
    c.execute("truncate batch_hours, batch_ranges")
    c.execute("update batches_counted set entry_id = 0")
    counting = BatchCounting()
    began_s = time.perf_counter()
    for _ in range(2):
        counting.run(c, Event())
    counted_s = time.perf_counter() - began_s
    ((size,),) = c.execute(
        """select sum(pg_total_relation_size(name::regclass))
             from unnest(array['heard', 'batch_hours', 'batch_ranges']) as name"""
    ).fetchall()
    return [
        Figure("what was heard, hour by hour, readings/s", readings / joined_s),
        Figure("its share of the time of the buckets' job", joined_s / aggregated_s),
        Figure("batches counted, entries/s", entries / counted_s),
        Figure("what is kept of the year beside buckets, MB", float(size) / 1e6),
    ]


def _answers(c: psycopg.Connection[Any]) -> list[Figure]:
    year, month = Window(_START, _END, _ZONE), Window(_END - timedelta(days=31), _END, _ZONE)

    def of_store(by: By) -> Callable[[], object]:
        return lambda: store_completeness(c, "s0", month, Question(by, _END))

    def of_district(by: By) -> Callable[[], object]:
        return lambda: district_completeness(c, "d", year, Question(by, _END))

    return [
        Figure("a store's month by hour, warm, ms", _median_ms(c, of_store(By.HOUR))),
        Figure("a store's month by day, warm, ms", _median_ms(c, of_store(By.DAY))),
        Figure("a store's month by device, warm, ms", _median_ms(c, of_store(By.DEVICE))),
        Figure("the district's year by store, warm, ms", _median_ms(c, of_district(By.STORE))),
        Figure("the district's year by day, warm, ms", _median_ms(c, of_district(By.DAY))),
    ]


def _median_ms(c: psycopg.Connection[Any], run: Callable[[], object]) -> float:
    taken = []
    for _ in range(_REPEATS):
        began_s = time.perf_counter()
        with c.transaction():
            run()
        taken.append((time.perf_counter() - began_s) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
