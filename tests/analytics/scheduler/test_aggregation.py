"""Hours are computed once nothing can come to them unnoticed, and a run that ends anywhere leaves what is right."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import datetime
from threading import Event

import numpy as np
import psycopg
import pytest
from ingest_steps import Steps, instant
from sealed_batches import SealingAgent, delivery, gauge, interval, register
from storage_tools import dying_run
from storage_tools.effective_rows import check_buckets, effective_rows

from analytics.scheduler.aggregation import Aggregation, Stage
from edge.wire.series import Origin, SeriesTable
from ingest.store import ledger
from ingest.store.buckets import Measure, fetch_buckets
from ingest.store.watermarks import close_until, watermarks

START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
HOUR_US = 3_600_000_000
TABLE = SeriesTable.of([gauge("m1"), gauge("m2"), interval("m3")])
KEYS = [("m1", "temperature", ""), ("m2", "temperature", ""), ("m3", "entries", "")]
HOURS = 32


def at(hours: int) -> datetime:
    return instant(START_US + hours * HOUR_US)


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["m1", "m2", "m3"])
        yield Steps(connection)


@pytest.fixture
def agent(steps: Steps) -> SealingAgent:
    agent = SealingAgent("a", TABLE)
    steps.take("a", agent.table_payload)
    return agent


def seal(agent: SealingAgent, seed: int, count: int = 300, origin: Origin = Origin.MEASURED) -> bytes:
    """Return a batch of readings at whole minutes of the first hours; two batches have some in common."""
    made = random.Random(seed)
    rows = [
        (made.randrange(3), made.randrange(HOURS * 60) * 60_000_000, float(made.randrange(5))) for _ in range(count)
    ]
    return agent.seal(rows, base_us=START_US, flags=[made.randrange(2) for _ in rows], origin=origin)


def check(steps: Steps) -> None:
    rows = effective_rows(steps.connection)
    for width_us in (HOUR_US // 4, HOUR_US, 8 * HOUR_US):
        bounds_us = START_US + np.arange(HOURS * HOUR_US // width_us + 1) * width_us
        check_buckets(fetch_buckets(steps.connection, KEYS, bounds_us), rows, bounds_us)


def check_stored(steps: Steps, until: int) -> None:
    """Every stored bucket is what SQL makes of the rows of its table and the corrections, and none is missing."""
    for of in ("count", "state", "archive"):
        for width, stored in ((15, "15m"), (60, "60m"), (480, "480m")):
            differing = steps.rows(
                f"""with in_force as (
                       select r.series_id, r.t, r.ordinal, coalesce(c.new_value, r.value) as value,
                              coalesce(c.new_flags, r.flags) as flags
                         from readings_{of} r
                         left join (select distinct on (series_id, t, ordinal) * from corrections
                                     order by series_id, t, ordinal, correction_id desc) c
                              using (series_id, t, ordinal)
                   ), expected as (
                       select series_id, date_bin('{width} minutes', t, '2000-01-01Z') as bucket, count(*) as n,
                              sum(value) as sum, min(value) as min, max(value) as max,
                              (array_agg(value order by t, ordinal))[1] as first,
                              (array_agg(value order by t desc, ordinal desc))[1] as last,
                              count(*) filter (where flags <> 0) as flagged
                         from in_force group by 1, 2
                   )
                   select * from (select * from expected where bucket + interval '{width} minutes' <= %s) e
                     full join (select * from buckets_{stored}_{of}
                                 where bucket + interval '{width} minutes' <= %s) b using (series_id, bucket)
                    where (e.n, e.sum, e.min, e.max, e.first, e.last, e.flagged)
                          is distinct from (b.n, b.sum, b.min, b.max, b.first, b.last, b.flagged)""",  # noqa: S608
                at(until),
                at(until),
            )
            assert differing == [], (of, stored)


def test_what_was_there_before_the_first_run_is_computed(steps: Steps, agent: SealingAgent) -> None:
    for seed in range(4):
        steps.take("a", seal(agent, seed), seal(agent, seed + 10, origin=Origin.IMPORTED))
    assert not Aggregation(steps.connection).run(at(HOURS))
    assert watermarks(steps.connection).aggregated_until == at(HOURS)
    assert steps.rows("select count(*) from arrivals where touched is not null") == [(0,)]
    check_stored(steps, HOURS)
    check(steps)


def test_hour_after_hour_equals_all_at_once(steps: Steps, agent: SealingAgent) -> None:
    Aggregation(steps.connection).run(at(0))
    steps.take("a", seal(agent, 1), seal(agent, 2, origin=Origin.IMPORTED))
    for hour in range(1, HOURS + 1):
        Aggregation(steps.connection).run(at(hour))
    check_stored(steps, HOURS)
    for seed in range(3, 6):  # weeks late for what it matters, and corrected
        steps.take("a", seal(agent, seed))
        check(steps)
        Aggregation(steps.connection).run(at(HOURS))
        check_stored(steps, HOURS)


def test_settled_time_is_not_read_from_readings(steps: Steps, agent: SealingAgent) -> None:
    steps.take("a", seal(agent, 1))
    Aggregation(steps.connection).run(at(HOURS))
    bounds_us = START_US + np.arange(HOURS + 1) * HOUR_US
    before = fetch_buckets(steps.connection, KEYS, bounds_us)
    steps.connection.execute("delete from readings_count")
    steps.connection.execute("delete from readings_state")
    after = fetch_buckets(steps.connection, KEYS, bounds_us)
    assert len(before) == 3
    for one, other in zip(before, after, strict=True):
        assert one.interval.tolist() == other.interval.tolist()
        for measure in Measure:
            assert one.measures[measure].tolist() == other.measures[measure].tolist()


def test_only_the_touched_hours_of_a_series_are_computed_anew(steps: Steps, agent: SealingAgent) -> None:
    """A store that comes back after weeks costs its own hours, not those of every store."""
    steps.take("a", seal(agent, 1, 2_000))
    Aggregation(steps.connection).run(at(HOURS))
    steps.connection.execute("update buckets_60m_state set flagged = 99")
    steps.take("a", agent.seal([(0, 5 * HOUR_US + 1, 1.0)], base_us=START_US))
    Aggregation(steps.connection).run(at(HOURS))
    made_anew = steps.rows(
        "select s.device, b.bucket from buckets_60m_state b join series s using (series_id) where flagged <> 99"
    )
    assert made_anew == [("m1", at(5))]


def test_a_write_under_way_is_waited_for(database: str, steps: Steps, agent: SealingAgent) -> None:
    """It looked before the hour was closed, and commits after a run would have computed the hour without it."""
    Aggregation(steps.connection).run(at(0))
    looked, may_commit = Event(), Event()

    def pause() -> None:
        looked.set()
        assert may_commit.wait(60)

    prepared = next(iter(steps.preparation.prepare(steps.connection, [delivery("a", seal(agent, 1))])))

    def write() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            ledger.write(connection, prepared.write, pause)

    thread = threading.Thread(target=write)
    thread.start()
    assert looked.wait(60)
    stages: list[Stage] = []
    assert not Aggregation(steps.connection, observe=stages.append, longest_wait_s=0.2).run(at(HOURS))
    assert stages == [Stage.CLOSED]
    assert watermarks(steps.connection).aggregated_until == at(0)

    def let_it_commit(stage: Stage) -> None:
        stages.append(stage)
        if stage is Stage.CLOSED:
            threading.Timer(0.2, may_commit.set).start()

    Aggregation(steps.connection, observe=let_it_commit).run(at(HOURS))
    thread.join()
    assert watermarks(steps.connection).aggregated_until == at(HOURS)
    assert steps.rows("select count(*) from arrivals where touched is not null or late > 0") == [(0,)]
    check_stored(steps, HOURS)
    check(steps)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_write_at_any_stage_of_a_run(database: str, steps: Steps, agent: SealingAgent, stage: Stage) -> None:
    """Each stage meets a write of its own, which the run has seen or the hours are touched by."""
    Aggregation(steps.connection).run(at(0))
    steps.take("a", seal(agent, 0))
    close_until(steps.connection, at(HOURS // 2))
    steps.take("a", seal(agent, 1))
    seeds = iter(range(2, 1_000))
    with psycopg.connect(database, autocommit=True) as other:
        writer = Steps(other)

        def write(reached: Stage) -> None:
            if reached is stage and next(seeds) < 12:
                writer.take("a", seal(agent, next(seeds), 30))

        Aggregation(steps.connection, observe=write).run(at(HOURS))
    check(steps)
    Aggregation(steps.connection).run(at(HOURS))
    check_stored(steps, HOURS)
    check(steps)


DEATHS = [
    *((first, stage, 1) for first in (True, False) for stage in Stage),
    (True, Stage.COMPUTED, 3),  # retention classes, before the first run ends
    (False, Stage.COMPUTED, 5),  # within the second hour
    (False, Stage.ADVANCED, HOURS),
]


@pytest.mark.fault
@pytest.mark.parametrize(("first", "stage", "nth"), DEATHS)
def test_kill_9_at_each_stage(
    database: str, steps: Steps, agent: SealingAgent, *, first: bool, stage: Stage, nth: int
) -> None:
    if not first:
        Aggregation(steps.connection).run(at(0))
    steps.take("a", seal(agent, 1), seal(agent, 2, origin=Origin.IMPORTED))
    if not first:
        close_until(steps.connection, at(HOURS // 2))
    steps.take("a", seal(agent, 3))
    assert dying_run.run(database, stage, nth, at(HOURS)) == -9
    check(steps)
    steps.take("a", seal(agent, 4))
    check(steps)
    Aggregation(steps.connection).run(at(HOURS))
    assert steps.rows("select count(*) from arrivals where touched is not null") == [(0,)]
    check_stored(steps, HOURS)
    check(steps)


def test_a_clock_that_was_put_back_opens_hours_again(steps: Steps, agent: SealingAgent) -> None:
    Aggregation(steps.connection).run(at(HOURS))
    steps.take("a", seal(agent, 1))
    assert steps.rows("select count(*) > 0 from arrivals where touched is not null") == [(True,)]
    Aggregation(steps.connection).run(at(3))
    assert watermarks(steps.connection).aggregated_until == at(3)
    live = agent.seal([(0, 5 * HOUR_US + 7, 1.0)], base_us=START_US)
    late = steps.rows("select sum(late) from arrivals")
    steps.take("a", live)
    assert steps.rows("select sum(late) from arrivals") == late
    check(steps)
    Aggregation(steps.connection).run(at(HOURS))
    check_stored(steps, HOURS)
    check(steps)


def test_a_run_that_is_stopped_declares_nothing_that_it_left_out(steps: Steps, agent: SealingAgent) -> None:
    Aggregation(steps.connection).run(at(0))
    steps.take("a", seal(agent, 1))
    stopping = Event()
    Aggregation(steps.connection, stopping, observe=lambda s: stopping.set() if s is Stage.COMPUTED else None).run(
        at(5)
    )
    assert watermarks(steps.connection).aggregated_until == at(0)
    check(steps)
    Aggregation(steps.connection).run(at(HOURS))
    check_stored(steps, HOURS)
