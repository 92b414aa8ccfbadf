"""Buckets are right at any moment, against pandas over the rows of the tables: before, between and after all runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_steps import Steps, instant
from numpy.typing import NDArray
from sealed_batches import SealingAgent, gauge, interval, register
from storage_tools.effective_rows import check_buckets, effective_rows, expected_buckets
from storage_tools.fresh_tables import remove_readings

from analytics.scheduler.aggregation import Aggregation
from edge.wire.series import Origin, SeriesTable
from ingest.store.buckets import fetch_buckets

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
TABLE = SeriesTable.of([gauge("m1"), gauge("m2"), interval("m3")])
KEYS = [("m1", "temperature", ""), ("m2", "temperature", ""), ("m3", "entries", "")]
DAYS = 3


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["m1", "m2", "m3"])
        yield Steps(connection)


def of_kind(kind: str) -> NDArray[np.int64]:
    start_us, end_us = START_US, START_US + DAYS * DAY_US
    if kind == "local days":
        first = instant(start_us).astimezone(ZoneInfo("Asia/Shanghai")).replace(hour=0) - timedelta(days=1)
        days = [first + timedelta(days=n) for n in range(DAYS + 3)]
        return np.array([round(day.timestamp() * 1e6) for day in days])
    if kind == "uneven":
        return np.array([start_us + 1, start_us + 5 * HOUR_US + 7, start_us + 30 * HOUR_US, end_us - 3])
    width_us = {"8 h": 8 * HOUR_US, "1 h": HOUR_US, "15 min": HOUR_US // 4, "7 min": 7 * HOUR_US // 60}[kind]
    offset_us = HOUR_US // 4 if kind == "15 min" else 0
    return np.arange(start_us + offset_us, end_us, width_us)


KINDS = ["local days", "uneven", "8 h", "1 h", "15 min", "7 min"]
Reading = tuple[int, int, int, int, int]
"""Series, quarter of an hour, instant in it, ordinal, value and flags."""
Batch = tuple[Origin, list[Reading]]
QUARTERS = st.one_of(st.sampled_from([0, 1, 31, 32, 33, 64, 95, 96, 97]), st.integers(0, DAYS * 96 - 1))
"""Mostly few, so that readings meet: some at the edges of hours, of buckets of 8 hours and of days."""
READING = st.tuples(st.integers(0, 2), QUARTERS, st.integers(0, 1), st.integers(0, 1), st.integers(0, 9))
BATCH = st.tuples(st.sampled_from([Origin.MEASURED] * 4 + [Origin.IMPORTED]), st.lists(READING, max_size=12))
RUN = st.integers(0, DAYS * 24)
"""The scheduler runs up to this hour, which may be before the one of its last run: the clock was put back."""


def seal(agent: SealingAgent, origin: Origin, readings: list[Reading]) -> bytes:
    return agent.seal(
        [(series, quarter * HOUR_US // 4 + place * 17, float(value)) for series, quarter, place, _, value in readings],
        ordinal=[ordinal for _, _, _, ordinal, _ in readings],
        flags=[value % 2 for *_, value in readings],
        origin=origin,
        base_us=START_US,
    )


def check(steps: Steps, kinds: list[str] = KINDS) -> None:
    rows = effective_rows(steps.connection)
    for kind in kinds:
        bounds_us = of_kind(kind)
        check_buckets(fetch_buckets(steps.connection, KEYS, bounds_us), rows, bounds_us)
    for view, width_us in (("buckets_15m", HOUR_US // 4), ("buckets_60m", HOUR_US), ("buckets_480m", 8 * HOUR_US)):
        check_view(steps, view, width_us)


def check_view(steps: Steps, view: str, width_us: int) -> None:
    """Fail unless a view is what pandas makes of the readings of each series number."""
    rows = effective_rows(steps.connection, merged=False)
    expected = expected_buckets(rows, START_US + np.arange(DAYS * DAY_US // width_us + 1) * width_us)
    found = steps.rows(
        f"""select series_id::text, ((extract(epoch from bucket) * 1000000)::bigint - %s) / %s, n, sum, min, max, first,
                   last, flagged
              from {view} order by 1, 2""",  # noqa: S608 - own name
        START_US,
        width_us,
    )
    assert found == [
        (*key, *values) for key, values in zip(expected.index, expected.itertuples(index=False), strict=True)
    ]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(operations=st.lists(st.one_of(BATCH, RUN), min_size=1, max_size=8))
def test_right_between_any_writes_and_runs(steps: Steps, operations: list[int | Batch]) -> None:
    remove_readings(steps.connection)
    agent = SealingAgent("a", TABLE)
    steps.take("a", agent.table_payload)
    for number, operation in enumerate(operations):
        if isinstance(operation, int):
            assert not Aggregation(steps.connection).run(instant(START_US + operation * HOUR_US))
        else:
            steps.take("a", seal(agent, *operation))
        check(steps, [KINDS[number % len(KINDS)]])
    check(steps)
    Aggregation(steps.connection).run(instant(START_US + DAYS * DAY_US))
    assert steps.rows("select count(*) from arrivals where touched is not null") == [(0,)]
    check(steps)
