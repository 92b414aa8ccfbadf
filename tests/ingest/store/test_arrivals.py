"""What came otherwise than live is counted by series and hour, and touches exactly the hours that lack it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_steps import Steps, instant
from sealed_batches import NOON_US, SealingAgent, delivery, gauge, interval, register
from storage_tools.fresh_tables import remove_readings

from edge.wire.series import Origin, SeriesTable
from ingest.store import ledger
from ingest.store.touched import TouchedHour, mark_made_good, touched_hours
from ingest.store.watermarks import close_until, writes_in_flight

HOUR_US = 3_600_000_000
TABLE = SeriesTable.of([gauge("m1"), interval("m2")])
Key = tuple[str, bool, int]
"""Device, whether in the archive, hours after noon."""


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["m1", "m2"])
        yield Steps(connection)


@pytest.fixture
def agent(steps: Steps) -> SealingAgent:
    agent = SealingAgent("a", TABLE)
    steps.take("a", agent.table_payload)
    return agent


def noted(steps: Steps) -> dict[Key, tuple[int, int, int, bool]]:
    rows = steps.rows(
        """select device, retention_class = 'archive', (extract(epoch from hour) * 1000000)::bigint, late, duplicates,
                  corrections, touched is not null
             from arrivals join series using (series_id)"""
    )
    return {(device, archive, (us - NOON_US) // HOUR_US): tuple(rest) for device, archive, us, *rest in rows}


READING = st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 2), st.integers(0, 2))
"""Series, hours after noon, instant in the hour, value."""
BATCH = st.tuples(st.sampled_from([Origin.MEASURED, Origin.MEASURED, Origin.IMPORTED]), st.lists(READING, max_size=5))
WRITE = st.tuples(st.integers(-1, 4), st.lists(BATCH, min_size=1, max_size=3))
"""Hours after noon up to which hours are closed before the write (-1: none are), and its batches."""


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(writes=st.lists(WRITE, min_size=1, max_size=4))
def test_against_a_dictionary(
    steps: Steps, writes: list[tuple[int, list[tuple[Origin, list[tuple[int, int, int, int]]]]]]
) -> None:
    remove_readings(steps.connection)
    agent = SealingAgent("a", TABLE)
    steps.take("a", agent.table_payload)
    in_force: dict[tuple[Key, int], int] = {}
    late: Counter[Key] = Counter()
    duplicates: Counter[Key] = Counter()
    corrections: Counter[Key] = Counter()
    touched: set[Key] = set()
    for closed_hours, batches in writes:
        if closed_hours >= 0:
            close_until(steps.connection, instant(NOON_US + closed_hours * HOUR_US))
        else:
            steps.connection.execute("update watermarks set closed_until = null")
        payloads = []
        for origin, readings in batches:
            payloads.append(
                agent.seal(
                    [(series, hour * HOUR_US + place, float(value)) for series, hour, place, value in readings],
                    origin=origin,
                )
            )
            for series, hour, place, value in readings:
                key = TABLE.series[series].device, origin is Origin.IMPORTED, hour
                before = in_force.get((key, place))
                in_force[key, place] = value
                closed = hour < closed_hours
                duplicates[key] += before == value
                corrections[key] += before not in {None, value}
                late[key] += closed and before is None and origin is not Origin.IMPORTED
                if closed and before != value:
                    touched.add(key)
        steps.take("a", *payloads)
    expected = {
        key: (late[key], duplicates[key], corrections[key], key in touched)
        for key in {key for key, _ in in_force}
        if late[key] or duplicates[key] or corrections[key] or key in touched
    }
    assert noted(steps) == expected


def test_live_readings_leave_no_trace(steps: Steps, agent: SealingAgent) -> None:
    close_until(steps.connection, instant(NOON_US))
    steps.take("a", agent.seal([(0, 0, 1.0), (1, HOUR_US - 1, 2.0)]))
    assert noted(steps) == {}


def test_a_write_that_fails_notes_nothing(steps: Steps, agent: SealingAgent) -> None:
    close_until(steps.connection, instant(NOON_US + HOUR_US))

    def fail() -> None:
        raise RuntimeError

    prepared = next(iter(steps.preparation.prepare(steps.connection, [delivery("a", agent.seal([(0, 0, 1.0)]))])))
    with pytest.raises(RuntimeError):
        ledger.write(steps.connection, prepared.write, fail)
    assert noted(steps) == {}
    ledger.write(steps.connection, prepared.write)
    assert noted(steps) == {("m1", False, 0): (1, 0, 0, True)}


def test_a_time_of_any_year(steps: Steps, agent: SealingAgent) -> None:
    close_until(steps.connection, instant(253_402_297_200_000_000))  # the last hour of 9999
    years_us = [-62_135_596_800_000_000, -1, 0, 253_402_297_199_999_999]
    steps.take("a", *(agent.seal([(0, 0, 1.0)], base_us=us) for us in years_us))
    hours = steps.rows("select hour from arrivals order by 1")
    assert [hour for (hour,) in hours] == [instant(us // HOUR_US * HOUR_US) for us in years_us]


def test_only_read_committed_writes_can_tell(steps: Steps) -> None:
    with steps.connection.transaction():
        steps.connection.execute("set transaction isolation level repeatable read")
        with pytest.raises(psycopg.errors.RaiseException, match="read committed"):
            steps.connection.execute("select late_before()")


def test_a_write_is_in_flight_until_it_ends(database: str, steps: Steps, agent: SealingAgent) -> None:
    prepared = next(iter(steps.preparation.prepare(steps.connection, [delivery("a", agent.seal([(0, 0, 1.0)]))])))
    seen = []
    with psycopg.connect(database, autocommit=True) as other:
        ledger.write(steps.connection, prepared.write, lambda: seen.append(writes_in_flight(other)))
        assert list(seen[0].values()) == [steps.connection.info.backend_pid]
        assert writes_in_flight(other) == {}


def test_made_good_is_what_was_not_touched_again(database: str, steps: Steps, agent: SealingAgent) -> None:
    close_until(steps.connection, instant(NOON_US + HOUR_US))
    steps.take("a", agent.seal([(0, 0, 1.0), (1, 0, 1.0)]))
    hours = touched_hours(steps.connection, 10)
    assert len(hours) == 2
    steps.take("a", agent.seal([(0, 1, 1.0)]))
    mark_made_good(steps.connection, hours)
    assert noted(steps) == {("m1", False, 0): (2, 0, 0, True), ("m2", False, 0): (1, 0, 0, False)}


def test_an_hour_that_a_write_is_touching_stays_touched(database: str, steps: Steps, agent: SealingAgent) -> None:
    """Neither waits for the other: the write has the row, the scheduler passes it by."""
    close_until(steps.connection, instant(NOON_US + HOUR_US))
    steps.take("a", agent.seal([(0, 0, 1.0)]))
    hours: list[TouchedHour] = touched_hours(steps.connection, 10)
    prepared = next(iter(steps.preparation.prepare(steps.connection, [delivery("a", agent.seal([(0, 1, 1.0)]))])))
    with psycopg.connect(database, autocommit=True) as other:
        ledger.write(steps.connection, prepared.write, lambda: mark_made_good(other, hours))
    assert noted(steps) == {("m1", False, 0): (2, 0, 0, True)}


def test_hours_made_good_that_count_nothing_are_forgotten(steps: Steps, agent: SealingAgent) -> None:
    close_until(steps.connection, instant(NOON_US + HOUR_US))
    steps.take("a", agent.seal([(0, 0, 1.0)], origin=Origin.IMPORTED))
    assert noted(steps) == {("m1", True, 0): (0, 0, 0, True)}
    mark_made_good(steps.connection, touched_hours(steps.connection, 10))
    assert noted(steps) == {}


def test_ingest_has_the_rights_that_it_needs(steps: Steps, agent: SealingAgent) -> None:
    close_until(steps.connection, instant(NOON_US + HOUR_US))
    steps.connection.execute("set role smartstore_ingest")
    steps.take("a", agent.seal([(0, 0, 1.0)]))
    steps.take("a", agent.seal([(0, 0, 2.0)]))
    steps.connection.execute("reset role")
    assert noted(steps) == {("m1", False, 0): (1, 0, 1, True)}


def test_two_writes_touch_the_same_hours_in_one_order(database: str, steps: Steps, agent: SealingAgent) -> None:
    """Agents of one worker are kept apart, but two workers may have them: neither write fails."""
    close_until(steps.connection, instant(NOON_US + 100 * HOUR_US))
    others = [SealingAgent("a", TABLE) for _ in range(2)]
    failures: list[Exception] = []

    def write(of: SealingAgent, offset_us: int, hours: list[int]) -> None:
        try:
            with psycopg.connect(database, autocommit=True) as connection:
                for n in range(20):
                    rows = [(n % 2, hour * HOUR_US + offset_us + n, 1.0) for hour in hours]
                    Steps(connection).take("a", of.seal(rows))
        except Exception as error:
            failures.append(error)

    threads = [
        threading.Thread(target=write, args=[others[0], 0, list(range(100))]),
        threading.Thread(target=write, args=[others[1], 500, list(reversed(range(100)))]),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert steps.rows("select sum(late) from arrivals") == [(4_000,)]
