"""Increments by quarter-hour equal the metrics' arithmetic over all readings in force, at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_steps import Steps, instant
from numpy.typing import NDArray
from sealed_batches import SealingAgent, register
from storage_tools.effective_rows import effective_rows
from storage_tools.fresh_tables import remove_readings
from storage_tools.store_zone import place_in_zone

from analytics.increments import fetch_increments, quarter_hours
from analytics.metrics.counts import Slots, shares
from analytics.metrics.inputs import SeriesArrays
from analytics.scheduler.aggregation import Aggregation
from analytics.scheduler.rollup import Rollup
from analytics.windows import Window, local_days
from edge.wire.series import Counter, Kind, Origin, Reset, Series, SeriesTable, Unit
from ingest.store.increments import QUARTER_US

HOUR_US = 4 * QUARTER_US
START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
DAYS = 2
QUARTERS = DAYS * 96
ZONE = "Asia/Shanghai"


def register_of(device: str, counter: Counter) -> Series:
    return Series(
        device=device, quantity="active_energy", unit=Unit.KILOWATT_HOUR, kind=Kind.CUMULATIVE, counter=counter
    )


REGISTERS = [
    register_of("m1", Counter(width_bits=None, reset=Reset.POWER_ON)),
    register_of("m2", Counter(width_bits=8, reset=Reset.NEVER)),
    register_of("m3", Counter(width_bits=None, reset=Reset.MIDNIGHT)),
]
TABLE = SeriesTable.of(REGISTERS)
KEYS = [(series.device, series.quantity, "") for series in REGISTERS]


@st.composite
def slots_in_order(draw: st.DrawFn) -> Slots:
    lengths = draw(st.lists(st.sampled_from([0, 1, 7, 60, 900, 901, 5_000]), min_size=1, max_size=20))
    edges = np.cumsum([draw(st.integers(0, 2_000)), *lengths]) * 1_000_000
    amount = draw(st.lists(st.integers(0, 50), min_size=len(lengths), max_size=len(lengths)))
    reset = draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))
    return Slots(edges[:-1], edges[1:], np.array(amount, np.float64), np.array(reset))


@given(slots_in_order(), st.integers(0, 30), st.integers(0, 30))
def test_each_quarter_hour_has_its_share(slots: Slots, first: int, more: int) -> None:
    start_us, end_us = first * QUARTER_US, (first + more) * QUARTER_US
    found = quarter_hours(slots, start_us, end_us)
    assert np.all(np.diff(found.bucket_us) > 0)
    assert np.all((found.bucket_us >= start_us) & (found.bucket_us < end_us))
    by_bucket = dict(zip(found.bucket_us.tolist(), zip(found.amount, found.covered_us, strict=True), strict=True))
    for quarter in range(start_us, end_us, QUARTER_US):
        part = shares(slots, quarter, quarter + QUARTER_US)
        amount, covered_us = by_bucket.get(quarter, (0.0, 0))
        assert amount == pytest.approx(float((slots.amount * part).sum()), rel=1e-12, abs=1e-12)
        assert covered_us == round(float((part * (slots.end_us - slots.start_us)).sum()))
    everything = quarter_hours(slots, 0, 200 * QUARTER_US)
    assert everything.resets.sum() == slots.reset.sum()
    assert everything.covered_us.sum() == slots.end_us[-1] - slots.start_us[0]


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["m1", "m2", "m3"])
        place_in_zone(connection, ZONE)
        yield Steps(connection)


def by_metrics(rows: pd.DataFrame, series: Series, start_us: int, end_us: int, zone: str = ZONE) -> tuple[float, int]:
    """Return amount and covered time in [start, end) by the arithmetic that metrics use, over all of the rows."""
    slots = slots_of(rows, series, zone)
    part = shares(slots, start_us, end_us)
    covered_us = np.clip(slots.end_us, start_us, end_us) - np.clip(slots.start_us, start_us, end_us)
    return float((slots.amount * part).sum()), int(covered_us.sum())


def slots_of(rows: pd.DataFrame, series: Series, zone: str = ZONE) -> Slots:
    own = rows[rows["definition"] == series.definition]
    t_us, value = own["t_us"].to_numpy(np.int64), own["value"].to_numpy(np.float64)
    arrays = SeriesArrays(series, t_us, own["ordinal"].to_numpy(np.int16), value, own["flags"].to_numpy(np.int16))
    assert series.counter
    days = local_days(Window(instant(START_US - 24 * HOUR_US), instant(START_US + 24 * (DAYS + 1) * HOUR_US), zone))
    return arrays.increments(series.counter, days.bounds_us)


def by_pandas(rows: pd.DataFrame, series: Series, edges_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the amount of each interval of a register that resets at any time, or wraps at 256."""
    own = rows[(rows["definition"] == series.definition) & (rows["flags"] & 1 == 0)]
    change = own["value"].diff().iloc[1:]
    rise = change.where(change >= 0, change + 256 if series.device == "m2" else own["value"].iloc[1:])
    counted = np.concatenate([[0.0], rise.cumsum().to_numpy()])
    at_us = own["t_us"].to_numpy(np.float64)
    return np.diff(np.interp(edges_us.astype(np.float64), at_us, counted)) if len(own) else np.zeros(len(edges_us) - 1)


MIDNIGHTS = [64, 160]
"""Quarters of an hour that begin at the store's midnight."""
QUARTER = st.integers(0, QUARTERS - 1).map(lambda quarter: (quarter, 0))
NEAR_MIDNIGHT = st.tuples(st.sampled_from(MIDNIGHTS), st.sampled_from([-400, -290, -100, -1, 0, 1, 100, 290, 400]))
"""A quarter and seconds: some readings are nearer to it than a device's clock may be off."""
READING = st.tuples(
    st.integers(0, 2),
    st.one_of(QUARTER, NEAR_MIDNIGHT),
    st.one_of(st.integers(0, 3), st.integers(0, 255)),
    st.sampled_from([0, 0, 0, 1, 2]),
)
Reading = tuple[int, tuple[int, int], int, int]
"""Register, quarter of an hour with seconds after it, value, flags."""
Batch = tuple[Origin, list[Reading]]
BATCH = st.tuples(st.sampled_from([Origin.MEASURED] * 6 + [Origin.IMPORTED]), st.lists(READING, max_size=12))
AGGREGATE_UNTIL = st.integers(0, DAYS * 24)
ROLLUP = st.just("rollup")


def check(steps: Steps, cuts: list[int]) -> None:
    rows = effective_rows(steps.connection)
    start_us, end_us = START_US, START_US + QUARTERS * QUARTER_US
    found = {one.series.device: one.increments for one in fetch_increments(steps.connection, KEYS, start_us, end_us)}
    for series in REGISTERS:
        increments = found.get(series.device)
        for low, high in zip([0, *cuts], [*cuts, QUARTERS], strict=True):
            span_us = START_US + low * QUARTER_US, START_US + high * QUARTER_US
            amount, covered_us = by_metrics(rows, series, *span_us)
            if increments is None:
                assert covered_us == 0
                continue
            inside = (increments.bucket_us >= span_us[0]) & (increments.bucket_us < span_us[1])
            assert increments.amount[inside].sum() == pytest.approx(amount, rel=1e-12, abs=1e-9)
            assert increments.covered_us[inside].sum() == covered_us
        if increments is not None:
            assert increments.resets.sum() == slots_of(rows, series).reset.sum()
            assert np.all(np.diff(increments.bucket_us) > 0)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    operations=st.lists(st.one_of(BATCH, BATCH, AGGREGATE_UNTIL, ROLLUP), min_size=1, max_size=10),
    cuts=st.lists(st.integers(0, QUARTERS), max_size=4).map(sorted),
)
def test_right_between_any_writes_and_runs(steps: Steps, operations: list[Batch | int | str], cuts: list[int]) -> None:
    remove_readings(steps.connection)
    steps.written.clear()  # else a failing example is described by all that were written
    agent = SealingAgent("a", TABLE)
    steps.take("a", agent.table_payload)
    for operation in operations:
        if operation == "rollup":
            assert not Rollup(steps.connection).run()
        elif isinstance(operation, int):
            Aggregation(steps.connection).run(instant(START_US + operation * HOUR_US))
        elif isinstance(operation, tuple):
            steps.take("a", seal(agent, *operation))
        check(steps, cuts)
    Aggregation(steps.connection).run(instant(START_US + DAYS * 24 * HOUR_US))
    assert not Rollup(steps.connection).run()
    assert steps.rows("select count(*) from increments_due") == [(0,)]
    check(steps, cuts)
    check_stored(steps)


@pytest.mark.parametrize(
    ("zone", "readings", "comes_late"),
    [
        # The device's clock is slow: it starts again two minutes after midnight, two readings on.
        (ZONE, [(57_000, 100.0), (57_660, 101.0), (57_720, 1.0), (61_200, 5.0)], 57_720),
        # It is fast: what crosses midnight has no drop, the pair before it has.
        (ZONE, [(56_600, 100.0), (57_400, 1.0), (58_100, 3.0)], 56_600),
        # The drop is told of by a reading of another hour than the midnight and what crosses it.
        ("Asia/Kolkata", [(50_000, 0.5), (64_740, 100.0), (66_420, 1.0), (67_200, 3.0)], 64_740),
        # Readings of a repeated hour say nothing: the increment goes on beyond them.
        (ZONE, [(600, 10.0), (2_400, 1.0), (3_000, 2.0), (4_800, 14.0)], 600),
        (ZONE, [(600, 10.0), (2_400, 1.0), (3_000, 2.0), (4_800, 14.0)], 4_800),
    ],
)
def test_as_far_as_a_reading_bears(steps: Steps, zone: str, readings: list[tuple[int, float]], comes_late: int) -> None:
    """Each quarter-hour alone, before and after a reading came late, is what all of the readings give."""
    place_in_zone(steps.connection, zone)
    agent = SealingAgent("a", TABLE)
    steps.take("a", agent.table_payload)
    repeated = {2_400, 3_000}
    first, last = (s * 1_000_000 // QUARTER_US for s in (readings[0][0], readings[-1][0]))
    around = [0, *range(max(first - 1, 1), last + 3), QUARTERS]
    """Bounds of the quarters that readings lie in and of one on either side; and of the time before and after them."""

    def take(told: list[tuple[int, float]]) -> None:
        rows = [(2, s * 1_000_000, value) for s, value in told]
        flags = [1 if s in repeated else 0 for s, _ in told]
        steps.take("a", agent.seal(rows, flags=flags, base_us=START_US))

    def check_quarters() -> None:
        rows = effective_rows(steps.connection)
        for low, high in pairwise(around):
            span_us = START_US + low * QUARTER_US, START_US + high * QUARTER_US
            found = fetch_increments(steps.connection, KEYS[2:], *span_us)
            amount, covered_us = by_metrics(rows, REGISTERS[2], *span_us, zone)
            assert sum(one.increments.covered_us.sum() for one in found) == covered_us
            assert sum(one.increments.amount.sum() for one in found) == pytest.approx(amount, rel=1e-12, abs=1e-12)

    take([reading for reading in readings if reading[0] != comes_late])
    check_quarters()
    Aggregation(steps.connection).run(instant(START_US + DAYS * 24 * HOUR_US))
    Rollup(steps.connection).run()
    check_quarters()
    take([reading for reading in readings if reading[0] == comes_late])
    check_quarters()
    Aggregation(steps.connection).run(instant(START_US + DAYS * 24 * HOUR_US))
    check_quarters()
    Rollup(steps.connection).run()
    assert steps.rows("select count(*) from increments_due") == [(0,)]
    check_quarters()


def seal(agent: SealingAgent, origin: Origin, readings: list[Reading]) -> bytes:
    return agent.seal(
        [(number, quarter * QUARTER_US + s * 1_000_000, float(value)) for number, (quarter, s), value, _ in readings],
        flags=[flags for *_, flags in readings],
        origin=origin,
        base_us=START_US,
    )


def check_stored(steps: Steps) -> None:
    """Fail unless what is stored of registers of one retention class is what pandas makes of their rows."""
    rows = effective_rows(steps.connection)
    edges_us = START_US + np.arange(QUARTERS + 1) * QUARTER_US
    for series in REGISTERS[:2]:
        numbers = steps.rows(
            """select series_id from series s where definition = %s
                and exists (select from buckets_60m_count b where b.series_id = s.series_id
                             union all select from buckets_60m_archive b where b.series_id = s.series_id)""",
            series.definition,
        )
        if len(numbers) != 1:
            continue
        stored = steps.rows(
            """select ((extract(epoch from bucket) * 1000000)::bigint - %s) / 900000000, amount from increments_15m
                where series_id = %s""",
            START_US,
            numbers[0][0],
        )
        amounts = np.zeros(QUARTERS)
        for quarter, amount in stored:
            amounts[int(quarter)] = amount
        np.testing.assert_allclose(amounts, by_pandas(rows, series, edges_us), rtol=1e-12, atol=1e-9)
