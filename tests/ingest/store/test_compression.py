"""The columnstore takes nothing from the rules: late readings, duplicates and corrections in compressed chunks."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from threading import Event

import numpy as np
import psycopg
import pytest
from ingest_steps import Steps, instant
from sealed_batches import SealingAgent, gauge, interval, register
from storage_tools.effective_rows import check_buckets, effective_rows

from analytics.scheduler.aggregation import Aggregation
from analytics.scheduler.compression import Compression
from edge.simulator import air, cold_chain
from edge.simulator.local_day import local_day
from edge.simulator.observation import Observation
from edge.simulator.plan import district_plan
from edge.simulator.site import StorePlan
from edge.wire.series import Origin, SeriesTable
from ingest.store import compression as store
from ingest.store.buckets import fetch_buckets
from ingest.store.connection import Database, connect
from ingest.store.readings_in import store_readings
from ingest.store.series import CLASSES

START_US = 1_735_689_600_000_000  # 2025-01-01T00:00:00Z: old, by the clock of any machine that runs this
HOUR_US = 3_600_000_000
DAYS = 3
TABLE = SeriesTable.of([gauge("m1"), gauge("m2"), interval("m3")])
KEYS = [("m1", "temperature", ""), ("m2", "temperature", ""), ("m3", "entries", "")]
DAY = timedelta(days=1)


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with closing(connect(database, "test")) as connection:
        register(connection, "a", ["m1", "m2", "m3"])
        yield Steps(connection)


@pytest.fixture
def agent(steps: Steps) -> SealingAgent:
    agent = SealingAgent("a", TABLE)
    steps.take("a", agent.table_payload)
    return agent


@pytest.fixture
def second(database: str) -> Iterator[Database]:
    with closing(connect(database, "test")) as connection:
        yield connection


def run(steps: Steps, watching: Database, **given: object) -> None:
    compression = Compression(steps.connection, watching, **{"after": DAY, "chunk_interval": DAY, **given})  # type: ignore[arg-type]
    assert not compression.run()


def every_minute(seed: int) -> list[tuple[int, int, float]]:
    made = random.Random(seed)
    return [(n, m * 60_000_000, float(made.randrange(20))) for m in range(DAYS * 1440) for n in range(3)]


def seal(agent: SealingAgent, rows: list[tuple[int, int, float]], origin: Origin = Origin.MEASURED) -> list[bytes]:
    parts = [rows[n : n + 3_000] for n in range(0, len(rows), 3_000)]
    return [agent.seal(part, base_us=START_US, origin=origin) for part in parts]


def chunks(steps: Steps) -> dict[str, list[tuple[bool, int]]]:
    """Return whether compressed, and the status, of the chunks of each table that has any."""
    found: dict[str, list[tuple[bool, int]]] = {}
    for table, compressed, status in steps.rows(
        """select c.hypertable_name, c.is_compressed, k.status
             from timescaledb_information.chunks c
             join _timescaledb_catalog.chunk k on k.schema_name = c.chunk_schema and k.table_name = c.chunk_name
            order by c.range_start"""
    ):
        found.setdefault(table, []).append((compressed, status))
    return found


def test_old_chunks_are_compressed_and_read_the_same(
    community: None, steps: Steps, agent: SealingAgent, second: Database
) -> None:
    steps.take("a", *seal(agent, every_minute(1)), *seal(agent, every_minute(2), Origin.IMPORTED))
    Aggregation(steps.connection).run(instant(START_US + DAYS * 24 * HOUR_US))
    before = effective_rows(steps.connection)
    run(steps, second)
    assert {table for table, of in chunks(steps).items() if all(compressed for compressed, _ in of)} >= {
        "readings_count", "readings_state", "readings_archive", "buckets_15m_count", "buckets_60m_state",
    }  # fmt: skip
    assert effective_rows(steps.connection).equals(before)
    check(steps)


def test_young_chunks_are_left(community: None, steps: Steps, agent: SealingAgent, second: Database) -> None:
    ((now_us,),) = steps.rows("select (extract(epoch from now()) * 1000000)::bigint")
    steps.take("a", agent.seal([(0, 0, 1.0)], base_us=now_us), agent.seal([(0, 0, 1.0)], base_us=START_US))
    run(steps, second)
    assert [compressed for compressed, _ in chunks(steps)["readings_state"]] == [True, False]


def test_what_comes_late_to_compressed_chunks(
    community: None, steps: Steps, agent: SealingAgent, second: Database
) -> None:
    """New keys go in directly; taken ones are found out, counted and corrected, in the midst of new ones."""
    rows = every_minute(1)
    steps.take("a", *seal(agent, rows))
    Aggregation(steps.connection).run(instant(START_US + DAYS * 24 * HOUR_US))
    run(steps, second)
    made = random.Random(3)
    late = [(n, us + 1, 7.0) for n, us, _ in made.sample(rows, 500)]
    again = made.sample(rows, 400)
    corrected = [(n, us, value + 1) for n, us, value in made.sample(rows, 300)]
    steps.take("a", *seal(agent, late))
    mixed = [*again, *corrected, *((n, us + 2, 8.0) for n, us, _ in late)]
    made.shuffle(mixed)
    steps.take("a", *seal(agent, mixed))
    counted = steps.rows("select sum(readings), sum(duplicates), sum(corrections) from ledger")[0]
    stored = steps.rows("select (select count(*) from readings_count) + (select count(*) from readings_state)")[0][0]
    assert stored == len(rows) + 2 * len(late)
    assert counted[0] - counted[1] - counted[2] == stored
    expected = {(n, us): value for n, us, value in [*rows, *late, *mixed]}
    for n, us, value in mixed:  # a reading that was both repeated and corrected has the value that came last
        expected[n, us] = value
    in_force = effective_rows(steps.connection)
    devices = {"m1": 0, "m2": 1, "m3": 2}
    found = zip(in_force["device"].map(devices), in_force["t_us"] - START_US, in_force["value"], strict=True)
    assert {(n, us): value for n, us, value in found} == expected
    check(steps)
    Aggregation(steps.connection).run(instant(START_US + DAYS * 24 * HOUR_US))
    assert steps.rows("select count(*) from arrivals where touched is not null") == [(0,)]
    check(steps)
    assert any(status != 1 for of in chunks(steps).values() for _, status in of)
    run(steps, second)
    assert {status for of in chunks(steps).values() for _, status in of} == {1}
    assert effective_rows(steps.connection).equals(in_force)
    check(steps)


def test_ingest_writes_to_compressed_chunks_with_its_own_rights(
    community: None, steps: Steps, agent: SealingAgent, second: Database
) -> None:
    steps.take("a", *seal(agent, every_minute(1)[:9_000]))
    run(steps, second)
    steps.connection.execute("set role smartstore_ingest")
    steps.take("a", agent.seal([(0, 1, 1.0), (0, 0, 77.0), (1, 0, 78.0)], base_us=START_US))
    steps.connection.execute("reset role")
    assert steps.rows("select sum(corrections) from ledger") == [(2,)]


def observed(store_plan: StorePlan, day: date) -> list[Observation]:
    """Return what the store's sensors of one minute see on a day."""
    of_day = local_day(store_plan, day)
    seen = [*air.observe(store_plan, of_day), *cold_chain.observe(store_plan, of_day)]
    assert all(one.series.period_s == 60 for one in seen)
    return seen


def test_bytes_per_reading(community: None, steps: Steps, second: Database) -> None:
    """The simulator's noisy series of one minute, each reading in a batch of its own, with every column and index."""
    made = np.random.default_rng(1)
    days = [date(2025, 3, 10) + timedelta(days=n) for n in range(6)]
    series = [
        [observed(store_plan, day) for day in days] for seed in range(4) for store_plan in district_plan(seed).stores
    ]
    parts = [
        (np.concatenate([one.t_us for one in of]), np.concatenate([one.value for one in of]))
        for store_days in series
        for of in zip(*store_days, strict=True)
    ]
    t_us = np.concatenate([times for times, _ in parts])
    columns = {
        "t_us": t_us,
        "value": np.concatenate([values for _, values in parts]),
        "entry_id": t_us // 60_000_000 * 20 + made.integers(0, 20, len(t_us)),
        "series_id": np.repeat(np.arange(1, len(parts) + 1), [len(times) for times, _ in parts]),
        "flags": np.zeros(len(t_us), np.int16),
        "ordinal": np.zeros(len(t_us), np.int16),
    }
    store.set_chunk_interval(steps.connection, timedelta(days=3))
    with steps.connection.transaction():
        store_readings(steps.connection, columns, np.full(len(t_us), CLASSES.index("state"), np.int8), resolving=False)
    compression = Compression(steps.connection, second, after=DAY, chunk_interval=timedelta(days=3))
    compression.run()
    ((size, rows),) = steps.rows("select hypertable_size('readings_state'), (select count(*) from readings_state)")
    assert rows == len(t_us) > 900_000
    assert all(status == 1 for _, status in chunks(steps)["readings_state"])
    assert size / rows <= 4


def check(steps: Steps) -> None:
    bounds_us = START_US + np.arange(DAYS * 24 + 1) * HOUR_US
    check_buckets(fetch_buckets(steps.connection, KEYS, bounds_us), effective_rows(steps.connection), bounds_us)


@pytest.mark.usefixtures("community")
def test_who_wants_to_write_to_a_chunk_goes_first(
    steps: Steps, agent: SealingAgent, second: Database, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    """A compression that lasts and lasts: here the chunk stays locked when its rows are moved."""
    steps.take("a", *seal(agent, every_minute(1)[:6_000]))
    locked, gave_way = Event(), Event()
    compress = store.compress

    def at_length(connection: Database, chunk: str) -> None:
        with connection.transaction():
            compress(connection, chunk)
            locked.set()
            connection.execute("select pg_sleep(600)")

    monkeypatch.setattr(store, "compress", at_length)

    def write() -> None:
        assert locked.wait(60)
        with closing(connect(database, "writer")) as connection:
            Steps(connection).take("a", agent.seal([(n, 1, 5.0) for n in range(3)], base_us=START_US))
        gave_way.set()

    writer = threading.Thread(target=write)
    writer.start()
    run(steps, second, patience=timedelta(seconds=0.2), stopping=gave_way)
    writer.join()
    assert gave_way.is_set()
    assert steps.rows("select count(*) from readings_state where t = %s", instant(START_US + 1)) == [(2,)]
    assert not any(compressed for compressed, _ in chunks(steps)["readings_state"])


def test_the_next_chunks_span_what_the_settings_say(
    timescaledb: None, steps: Steps, agent: SealingAgent, second: Database
) -> None:
    steps.take("a", agent.seal([(0, 0, 1.0)], base_us=START_US))
    run(steps, second, chunk_interval=timedelta(hours=6))
    steps.take("a", agent.seal([(0, 30 * 24 * HOUR_US, 1.0)], base_us=START_US))
    spans = steps.rows(
        """select range_end - range_start from timescaledb_information.chunks
            where hypertable_name = 'readings_state' order by range_start"""
    )
    assert spans == [(timedelta(days=7),), (timedelta(hours=6),)]


def test_in_any_edition_a_run_takes_nothing_away(steps: Steps, agent: SealingAgent, second: Database) -> None:
    steps.take("a", *seal(agent, every_minute(1)[:3_000]))
    before = effective_rows(steps.connection)
    run(steps, second)
    assert effective_rows(steps.connection).equals(before)
    check(steps)


def test_the_database_dies_while_a_chunk_is_moved(
    community: None, steps: Steps, agent: SealingAgent, database: str
) -> None:
    """Half a move is none: the chunk is as it was, and the next run moves it."""
    steps.take("a", *seal(agent, every_minute(1)[:6_000]))
    before = effective_rows(steps.connection)
    with psycopg.connect(database) as moving:
        (chunk,) = store.chunks_to_compress(moving, DAY)[:1]
        store.compress(moving, chunk)
        steps.connection.execute("select pg_terminate_backend(%s)", [moving.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            moving.execute("select 1")
    assert effective_rows(steps.connection).equals(before)
    assert store.chunks_to_compress(steps.connection, DAY)[:1] == [chunk]
