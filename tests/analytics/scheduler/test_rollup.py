"""Increments are kept right by as little work as that takes, and a run that ends anywhere leaves what is right."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event

import psycopg
import pytest
from ingest_steps import Steps, instant
from sealed_batches import SealingAgent, register
from storage_tools import dying_run
from storage_tools.store_zone import place_in_zone

from analytics.increments import fetch_increments
from analytics.metrics.counts import shares
from analytics.metrics.inputs import SeriesArrays
from analytics.scheduler.aggregation import Aggregation
from analytics.scheduler.rollup import Rollup, Stage
from analytics.windows import Window, local_days
from edge.wire.series import Counter, Kind, Origin, Reset, Series, SeriesTable, Unit
from ingest.store.increments import QUARTER_US, Increments
from ingest.store.readings import fetch_series
from ingest.store.watermarks import watermarks

START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
MINUTE_US = 60_000_000
HOURS = 60


def registers() -> list[Series]:
    counters = [Counter(), Counter(width_bits=16, reset=Reset.NEVER), Counter(reset=Reset.MIDNIGHT)]
    return [
        Series(device=f"m{n}", quantity="active_energy", unit=Unit.KILOWATT_HOUR, kind=Kind.CUMULATIVE, counter=counter)
        for n, counter in enumerate(counters, start=1)
    ]


TABLE = SeriesTable.of(registers())
KEYS = [(series.device, series.quantity, "") for series in TABLE.series]


def at(hours: int) -> datetime:
    return instant(START_US + hours * 60 * MINUTE_US)


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["m1", "m2", "m3"])
        place_in_zone(connection, "Asia/Shanghai")
        yield Steps(connection)


@pytest.fixture
def agent(steps: Steps) -> SealingAgent:
    agent = SealingAgent("a", TABLE)
    steps.take("a", agent.table_payload)
    return agent


def seal(agent: SealingAgent, seed: int, share: float = 1.0, origin: Origin = Origin.MEASURED) -> bytes:
    """Return readings at some of the minutes, of registers that count up and start again now and then."""
    made = random.Random(seed)
    rows = []
    for number in range(3):
        value = 0.0
        for minute in range(HOURS * 60):
            value = 0.0 if made.random() < 0.002 else value + made.randrange(3)
            if made.random() < 0.05 * share:
                rows.append((number, minute * MINUTE_US, value))
    return agent.seal(rows, base_us=START_US, origin=origin)


def expected(steps: Steps, series: Series, zone: str, start_us: int, end_us: int) -> float:
    """Return what metrics would count, over all of the readings."""
    (rows,) = fetch_series(
        steps.connection,
        [(series.device, series.quantity, "")],
        datetime(2000, 1, 1, tzinfo=UTC),
        datetime(2100, 1, 1, tzinfo=UTC),
    )
    assert series.counter
    midnights_us = local_days(Window(at(-48), at(HOURS + 48), zone)).bounds_us
    arrays = SeriesArrays(series, rows.t_us, rows.ordinal, rows.value, rows.flags)
    slots = arrays.increments(series.counter, midnights_us)
    return float((slots.amount * shares(slots, start_us, end_us)).sum())


def check(steps: Steps, zone: str = "Asia/Shanghai") -> None:
    found = fetch_increments(steps.connection, KEYS, START_US, START_US + HOURS * 4 * QUARTER_US)
    assert len(found) == 3
    for one in found:
        check_series(steps, one.series, one.increments, zone)


def check_stored(steps: Steps, zone: str = "Asia/Shanghai") -> None:
    for series in TABLE.series:
        ((number,),) = steps.rows(
            "select series_id from series where definition = %s and retention_class = 'count'", series.definition
        )
        rows = steps.rows(
            """select (extract(epoch from bucket) * 1000000)::bigint, amount from increments_15m
                where series_id = %s order by bucket""",
            number,
        )
        for edge in range(0, HOURS, 5):
            span_us = START_US + edge * 4 * QUARTER_US, START_US + (edge + 5) * 4 * QUARTER_US
            amount = sum(amount for bucket, amount in rows if span_us[0] <= bucket < span_us[1])
            assert amount == pytest.approx(expected(steps, series, zone, *span_us), rel=1e-9, abs=1e-9)


def check_series(steps: Steps, series: Series, increments: Increments, zone: str) -> None:
    for edge in range(0, HOURS, 5):
        span_us = START_US + edge * 4 * QUARTER_US, START_US + (edge + 5) * 4 * QUARTER_US
        inside = (increments.bucket_us >= span_us[0]) & (increments.bucket_us < span_us[1])
        amount = increments.amount[inside].sum()
        assert amount == pytest.approx(expected(steps, series, zone, *span_us), rel=1e-9, abs=1e-9)


def test_hour_after_hour_equals_all_at_once(steps: Steps, agent: SealingAgent) -> None:
    Aggregation(steps.connection).run(at(0))
    Rollup(steps.connection).run()
    steps.take("a", seal(agent, 1))
    for hour in range(1, HOURS + 1, 7):
        Aggregation(steps.connection).run(at(hour))
        check(steps)
        Rollup(steps.connection).run()
        check(steps)
    Aggregation(steps.connection).run(at(HOURS + 1))
    Rollup(steps.connection).run()
    check_stored(steps)


def test_late_readings_and_corrections_are_made_good(steps: Steps, agent: SealingAgent) -> None:
    steps.take("a", seal(agent, 1))
    Aggregation(steps.connection).run(at(HOURS + 1))
    Rollup(steps.connection).run()
    check_stored(steps)
    for seed in range(2, 5):
        steps.take("a", seal(agent, seed, 0.2))
        check(steps)
        Aggregation(steps.connection).run(at(HOURS + 1))
        check(steps)
        assert not Rollup(steps.connection).run()
        assert steps.rows("select count(*) from increments_due") == [(0,)]
        check_stored(steps)


def test_no_more_is_computed_than_a_late_reading_bears_on(steps: Steps, agent: SealingAgent) -> None:
    rows = [(0, minute * MINUTE_US, float(minute)) for minute in range(0, HOURS * 60, 20)]
    steps.take("a", agent.seal(rows, base_us=START_US))
    Aggregation(steps.connection).run(at(HOURS))
    Rollup(steps.connection).run()
    steps.connection.execute("update increments_15m set resets = 99")
    steps.take("a", agent.seal([(0, (30 * 60 + 7) * MINUTE_US, 30.0 * 60 + 2)], base_us=START_US))
    Aggregation(steps.connection).run(at(HOURS))
    Rollup(steps.connection).run()
    first, last = steps.rows("select min(bucket), max(bucket) from increments_15m where resets <> 99")[0]
    assert at(29) <= first <= at(30)
    assert at(31) <= last <= at(32)


def test_another_time_zone_in_the_registry(steps: Steps, agent: SealingAgent) -> None:
    """A register that starts again at midnight is told the new midnights; what others have is left alone."""
    steps.take("a", seal(agent, 1))
    Aggregation(steps.connection).run(at(HOURS))
    Rollup(steps.connection).run()
    check(steps)
    place_in_zone(steps.connection, "America/Los_Angeles")
    check(steps, "America/Los_Angeles")
    steps.connection.execute("update increments_15m set resets = 99")
    Rollup(steps.connection).run()
    check_stored(steps, "America/Los_Angeles")
    check(steps, "America/Los_Angeles")
    left_alone = steps.rows(
        "select distinct device from increments_15m join series using (series_id) where resets = 99 order by 1"
    )
    assert left_alone == [("m1",), ("m2",)]


def test_a_definition_in_two_retention_classes(steps: Steps, agent: SealingAgent) -> None:
    steps.take("a", seal(agent, 1), seal(agent, 2, 0.5, Origin.IMPORTED))
    Aggregation(steps.connection).run(at(HOURS))
    Rollup(steps.connection).run()
    check(steps)


def test_a_run_that_is_stopped_declares_nothing_that_it_left_out(steps: Steps, agent: SealingAgent) -> None:
    steps.take("a", seal(agent, 1))
    Aggregation(steps.connection).run(at(HOURS))
    stopping = Event()
    stopping.set()
    Rollup(steps.connection, stopping).run()
    assert watermarks(steps.connection).increments_until is None
    check(steps)


@pytest.mark.fault
@pytest.mark.parametrize(("stage", "nth"), [*((stage, 1) for stage in Stage), (Stage.STORED, 2), (Stage.STORED, 3)])
def test_kill_9_at_each_stage(database: str, steps: Steps, agent: SealingAgent, stage: Stage, nth: int) -> None:
    steps.take("a", seal(agent, 1))
    Aggregation(steps.connection).run(at(HOURS // 2))
    Rollup(steps.connection).run()
    steps.take("a", seal(agent, 2, 0.2))
    Aggregation(steps.connection).run(at(HOURS + 1))
    assert dying_run.run(database, stage, nth, at(HOURS + 1)) == -9
    check(steps)
    steps.take("a", seal(agent, 3, 0.2))
    check(steps)
    Aggregation(steps.connection).run(at(HOURS + 1))
    assert not Rollup(steps.connection).run()
    check_stored(steps)
    check(steps)
