"""Readings out of the database, against plain SQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from ingest_steps import Steps, instant
from sealed_batches import NOON_US, SealingAgent, gauge, register

from edge.wire.series import Kind, Series, SeriesTable, Statistic, Unit, WindowStatistic
from ingest.store.known_series import known_series
from ingest.store.readings import fetch_series, origins, origins_of_entries

ALL = datetime(1900, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["d1", "d2"])
        yield Steps(connection)


def test_windows_are_half_open_and_rows_sorted(steps: Steps) -> None:
    agent = SealingAgent("a", SeriesTable.of([gauge("d1"), gauge("d2", channel="x")]))
    readings = [(n % 2, (n * 7_919) % 10_007, float(n)) for n in range(2_000)]
    steps.take("a", agent.table_payload, agent.seal(readings))
    start, end = NOON_US + 2_000, NOON_US + 9_000
    found = fetch_series(
        steps.connection, [("d2", "temperature", "x"), ("d1", "temperature", "")], instant(start), instant(end)
    )
    assert [rows.device for rows in found] == ["d1", "d2"]
    assert [(rows.unit, rows.kind, rows.period_s, rows.channel) for rows in found] == [
        ("degC", "gauge", 60.0, ""),
        ("degC", "gauge", 60.0, "x"),
    ]
    for index, rows in enumerate(found):
        expected = sorted((NOON_US + t, v) for s, t, v in readings if s == index and start <= NOON_US + t < end)
        assert list(zip(rows.t_us.tolist(), rows.value.tolist(), strict=True)) == expected
        assert (rows.t_us.dtype, rows.value.dtype, rows.flags.dtype, rows.ordinal.dtype) == (
            np.dtype(np.int64),
            np.dtype(np.float64),
            np.dtype(np.int16),
            np.dtype(np.int16),
        )


def test_marks_stand_at_their_rows_where_times_repeat_and_where_not(steps: Steps) -> None:
    agent = SealingAgent("a", SeriesTable.of([gauge("d1"), gauge("d2", channel="x")]))
    rows = [(0, 60 * n, float(n)) for n in range(50)] + [(1, 60 * (n // 3), float(n)) for n in range(50)]
    flags = [n % 5 for n in range(100)]
    # Of the first series no two readings have one time, and some have an ordinal all the same.
    ordinals = [n % 2 * 7 for n in range(50)] + [n % 3 for n in range(50)]
    first = agent.seal(rows[:75], flags=flags[:75], ordinal=ordinals[:75])
    steps.take("a", agent.table_payload, first, agent.seal(rows[75:], flags=flags[75:], ordinal=ordinals[75:]))
    found = fetch_series(steps.connection, [("d1", "temperature", ""), ("d2", "temperature", "x")], *ALL)
    for index, one in enumerate(found):
        expected = [
            (NOON_US + t, ordinal, value, flag)
            for (series, t, value), ordinal, flag in zip(rows, ordinals, flags, strict=True)
            if series == index
        ]
        columns = (one.t_us, one.ordinal, one.value, one.flags)
        assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected
    stored = steps.connection.execute("select entry_id from ledger order by 1").fetchall()
    assert [one.entry_ids.tolist() for one in found] == [[stored[0][0]], [entry for (entry,) in stored]]
    assert origins_of_entries(steps.connection, found[1].entry_ids) == {"measured"}


def test_definitions_of_one_key_stay_apart(steps: Steps) -> None:
    one, other = gauge("d1"), gauge("d1").model_copy(update={"period_s": 30.0})
    agent = SealingAgent("a", SeriesTable.of([one, other]))
    steps.take("a", agent.table_payload, agent.seal([(0, 0, 1.0), (1, 0, 2.0)]))
    found = fetch_series(steps.connection, [("d1", "temperature", "")], *ALL)
    assert [rows.definition for rows in found] == sorted([one.definition, other.definition])
    assert sorted(rows.period_s or 0 for rows in found) == [30.0, 60.0]


def windows(device: str) -> list[Series]:
    """Return the four series of one key, as an agent makes them."""
    key: dict[str, Any] = {"device": device, "quantity": "temperature", "kind": Kind.GAUGE, "period_s": 300.0}
    return [
        Series(
            unit=Unit.COUNT if statistic is Statistic.COUNT else Unit.CELSIUS,
            report=WindowStatistic(window_s=300.0, statistic=statistic),
            **key,
        )
        for statistic in Statistic
    ]


def test_of_a_windows_statistics_one_is_read_at_a_time_and_the_mean_unless_asked(steps: Steps) -> None:
    key = ("d1", "temperature", "")
    table = SeriesTable.of([gauge("d1"), *windows("d1")])
    agent = SealingAgent("a", table)
    steps.take("a", agent.table_payload, agent.seal([(n, 1000 * n, float(n)) for n in range(5)]))
    number = {series.report.statistic if series.report else None: n for n, series in enumerate(table.series)}  # type: ignore[union-attr]

    def values(*statistic: Statistic) -> list[float]:
        return sorted(v for rows in fetch_series(steps.connection, [key], *ALL, *statistic) for v in rows.value)

    assert values() == values(Statistic.MEAN) == sorted([float(number[None]), float(number[Statistic.MEAN])])
    for statistic in Statistic:
        assert values(statistic) == sorted([float(number[None]), float(number[statistic])])


def test_a_key_is_known_by_its_means_whatever_statistic_came_last(steps: Steps) -> None:
    by_statistic = dict(zip(Statistic, windows("d1"), strict=True))
    agent = SealingAgent("a", SeriesTable.of([by_statistic[Statistic.MAX]]))
    steps.take("a", agent.table_payload, agent.seal([(0, 0, 1.0)]))
    key = ("d1", "temperature", "")
    assert known_series(steps.connection, [key]) == {}
    agent.table = SeriesTable.of(windows("d1"))
    steps.take("a", agent.table_payload, agent.seal([(n, 0, 1.0) for n in range(4)]))
    assert known_series(steps.connection, [key]) == {key: by_statistic[Statistic.MEAN].definition}


def test_times_before_1970_and_every_bit_of_a_value(steps: Steps) -> None:
    agent = SealingAgent("a", SeriesTable.of([gauge("d1")]))
    early = (datetime(1901, 5, 4, 3, 2, 1, 7, tzinfo=UTC) - instant(NOON_US)) // timedelta(microseconds=1)
    value = float.fromhex("0x1.fffffffffffffp+1023")
    steps.take("a", agent.table_payload, agent.seal([(0, early, value), (0, 0, 5e-324)]))
    (rows,) = fetch_series(steps.connection, [("d1", "temperature", "")], *ALL)
    assert rows.t_us.tolist() == [NOON_US + early, NOON_US]
    assert rows.value.tolist() == [value, 5e-324]
    assert steps.rows("select t from readings_state order by t limit 1") == [
        (datetime(1901, 5, 4, 3, 2, 1, 7, tzinfo=UTC),)
    ]


def test_nothing_asked_and_nothing_there(steps: Steps) -> None:
    assert fetch_series(steps.connection, [], *ALL) == []
    assert origins(steps.connection, [], *ALL) == frozenset()
    assert fetch_series(steps.connection, [("d1", "temperature", "")], *ALL) == []
    agent = SealingAgent("a", SeriesTable.of([gauge("d1")]))
    steps.take("a", agent.table_payload, agent.seal([(0, 0, 1.0)]))
    later = instant(NOON_US) + timedelta(hours=1)
    assert fetch_series(steps.connection, [("d1", "temperature", "")], later, ALL[1]) == []
    assert origins(steps.connection, [("d1", "temperature", "")], later, ALL[1]) == frozenset()
