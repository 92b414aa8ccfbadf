"""What was heard is kept right whatever comes when, and outlives the readings; a run may end anywhere."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from threading import Event

import numpy as np
import psycopg
import pytest
from ingest_steps import Steps, instant
from sealed_batches import SealingAgent, gauge, interval, register
from storage_tools import dying_run

from analytics.heard_time import heard_in
from analytics.metrics.completeness import covered
from analytics.metrics.spans import Spans
from analytics.scheduler.aggregation import Aggregation
from analytics.scheduler.hearing import Hearing, Stage
from edge.wire.series import Kind, Origin, Series, SeriesTable, Unit
from ingest.store.known_series import StoredSeries, series_of_devices
from ingest.store.watermarks import close_until, watermarks

START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
HOURS = 72
HOURLY = Series(device="m3", quantity="bay_occupied", unit=Unit.STATE, kind=Kind.STATE, period_s=7200.0)
PULSE = Series(device="m1", quantity="boot", unit=Unit.COUNT, kind=Kind.EVENT)
TABLE = SeriesTable.of([gauge("m1"), interval("m2"), HOURLY, PULSE])
WINDOWS = [(0, HOURS), (5, 6), (30, 55)]


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


def seal(agent: SealingAgent, seed: int, origin: Origin = Origin.MEASURED) -> bytes:
    """Return a batch of some stretches of readings of each series, which those of other batches overlap and adjoin."""
    made = random.Random(seed)
    rows = []
    for number in range(4):
        for _ in range(3):
            start, length = made.randrange(HOURS * 60), made.randrange(1, 300)
            step = made.choice([1, 1, 5, 90])
            rows += [
                (number, minute * MINUTE_US + made.randrange(3), 1.0)
                for minute in range(start, min(start + length, HOURS * 60), step)
            ]
    return agent.seal(rows, base_us=START_US, origin=origin)


def all_times(steps: Steps) -> dict[int, np.ndarray]:
    rows = steps.rows(
        """select series_id, array_agg((extract(epoch from t) * 1000000)::bigint order by t)
             from (select series_id, t from readings_count union all select series_id, t from readings_state
                   union all select series_id, t from readings_archive) r group by series_id"""
    )
    return {number: np.array(times, np.int64) for number, times in rows}


def paced(steps: Steps) -> list[StoredSeries]:
    return [each for each in series_of_devices(steps.connection, ["m1", "m2", "m3"]) if each.period_s is not None]


def check(steps: Steps, times: dict[int, np.ndarray] | None = None) -> None:
    """Fail unless the answer in every window is that of all readings."""
    times = all_times(steps) if times is None else times
    for first, last in WINDOWS:
        start_us, end_us = START_US + first * HOUR_US, START_US + last * HOUR_US
        window = Spans.of([(start_us, end_us)])
        heard = heard_in(steps.connection, paced(steps), start_us, end_us, end_us + 10**15)
        for each in paced(steps):
            assert each.period_s is not None
            expected = covered(times.get(each.series_id, np.zeros(0, np.int64)), round(each.period_s * 1e6))
            found = heard[each.series_id].cover if each.series_id in heard else Spans.of([])
            assert found.intersect(window).pairs() == expected.intersect(window).pairs(), each.definition


def check_kept(steps: Steps, until: int) -> None:
    """Fail unless what is kept are the stretches of the readings before an hour."""
    kept = dict(
        steps.rows(
            """select series_id, array_agg(array[(extract(epoch from since) * 1000000)::bigint,
                                                 (extract(epoch from until) * 1000000)::bigint] order by since)
                 from heard group by series_id"""
        )
    )
    for each in paced(steps):
        assert each.period_s is not None
        t_us = all_times(steps).get(each.series_id, np.zeros(0, np.int64))
        t_us = t_us[t_us < START_US + until * HOUR_US]
        ends = np.flatnonzero(np.diff(t_us) > 1.5 * each.period_s * 1e6)
        since, until_us = np.append(t_us[:1], t_us[ends + 1]), np.append(t_us[ends], t_us[-1:])
        assert kept.get(each.series_id, []) == np.stack([since, until_us], axis=1).tolist(), each.definition
    assert set(kept) <= {each.series_id for each in paced(steps)}


def run(steps: Steps, until: int) -> None:
    Aggregation(steps.connection).run(at(until))
    assert not Hearing(steps.connection).run()


def test_hour_after_hour_late_and_again(steps: Steps, agent: SealingAgent) -> None:
    run(steps, 0)
    steps.take("a", seal(agent, 1), seal(agent, 2, origin=Origin.IMPORTED))
    check(steps)
    for hour in (1, 2, 3, 40, HOURS):
        run(steps, hour)
        check_kept(steps, hour)
        check(steps)
    for seed in range(3, 7):
        steps.take("a", seal(agent, seed, origin=Origin.IMPORTED if seed == 4 else Origin.MEASURED))
        check(steps)
        Aggregation(steps.connection).run(at(HOURS))  # good in buckets, due here
        check(steps)
        run(steps, HOURS)
        check_kept(steps, HOURS)
        check(steps)
    assert steps.rows("select count(*) from heard_due") == [(0,)]


def test_what_was_there_before_the_first_run(steps: Steps, agent: SealingAgent) -> None:
    """The database was in use before this schema: hours have buckets, and nothing of this is kept."""
    Aggregation(steps.connection).run(at(0))
    steps.take("a", seal(agent, 1), seal(agent, 2, origin=Origin.IMPORTED))
    Aggregation(steps.connection).run(at(HOURS))
    steps.connection.execute("delete from heard_due")
    check(steps)
    run(steps, HOURS)
    check_kept(steps, HOURS)


def test_it_outlives_the_readings(steps: Steps, agent: SealingAgent) -> None:
    run(steps, 0)
    for seed in range(4):
        steps.take("a", seal(agent, seed))
    run(steps, HOURS)
    times = all_times(steps)
    for of in ("count", "state", "archive"):
        steps.connection.execute(f"delete from readings_{of}".encode())  # noqa: S608 - own text
    check(steps, times)
    # A reading that comes after all joins what was heard, though the readings beside it are gone.
    silent_us = min(set(range(START_US, START_US + HOURS * HOUR_US, HOUR_US)) - set(_spoken_hours(steps)))
    row = TABLE.series.index(gauge("m1")), silent_us - START_US + 13, 1.0
    steps.take("a", agent.seal([row], base_us=START_US))
    ((number, t_us),) = steps.rows("select series_id, (extract(epoch from t) * 1000000)::bigint from readings_state")
    times[number] = np.sort(np.append(times[number], t_us))
    check(steps, times)
    run(steps, HOURS)
    check(steps, times)


def _spoken_hours(steps: Steps) -> list[int]:
    """Return the hours in which the gauge is kept as heard."""
    return [
        hour
        for (hour,) in steps.rows(
            """select (extract(epoch from hour) * 1000000)::bigint
                 from heard join series using (series_id),
                      generate_series(date_trunc('hour', since), until, interval '1 hour') as hour
                where quantity = 'temperature'"""
        )
    ]


def test_the_clock_put_back_opens_hours_again(steps: Steps, agent: SealingAgent) -> None:
    run(steps, 0)
    steps.take("a", seal(agent, 1))
    run(steps, HOURS)
    close_until(steps.connection, at(20))
    assert watermarks(steps.connection).heard_until == at(20)
    steps.take("a", seal(agent, 2))
    check(steps)
    run(steps, HOURS)
    check_kept(steps, HOURS)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_write_at_any_stage_of_a_run(database: str, steps: Steps, agent: SealingAgent, stage: Stage) -> None:
    run(steps, 0)
    steps.take("a", seal(agent, 1))
    run(steps, HOURS // 2)
    steps.take("a", seal(agent, 2))
    Aggregation(steps.connection).run(at(HOURS))
    seeds = iter(range(3, 8))
    with psycopg.connect(database, autocommit=True) as other:
        writer = Steps(other)

        def write(reached: Stage) -> None:
            if reached is stage and (seed := next(seeds, None)):
                writer.take("a", seal(agent, seed))
                Aggregation(other).run(at(HOURS))

        Hearing(steps.connection, observe=write).run()
        check(steps)
    run(steps, HOURS)
    check_kept(steps, HOURS)


@pytest.mark.fault
@pytest.mark.parametrize("stage", list(Stage))
def test_a_run_killed_at_any_stage(database: str, steps: Steps, agent: SealingAgent, stage: Stage) -> None:
    run(steps, 0)
    steps.take("a", seal(agent, 1))
    run(steps, HOURS // 2)
    steps.take("a", seal(agent, 2))
    Aggregation(steps.connection).run(at(HOURS))
    assert dying_run.run(database, stage, 1, at(HOURS)) == -9
    check(steps)
    run(steps, HOURS)
    check_kept(steps, HOURS)
    check(steps)


def test_a_run_that_is_told_to_stop_declares_nothing(steps: Steps, agent: SealingAgent) -> None:
    run(steps, 0)
    steps.take("a", seal(agent, 1))
    Aggregation(steps.connection).run(at(HOURS))
    stopping = Event()
    Hearing(steps.connection, stopping, observe=lambda _: stopping.set()).run()
    assert watermarks(steps.connection).heard_until == at(0)
    check(steps)
