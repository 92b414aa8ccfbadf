"""Export: what is in force, as the platform's own reads see it, and back again by a backfill."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_steps import Steps
from sealed_batches import NOON_US, SealingAgent, register
from session_server import SessionServer

from edge.wire.series import Kind, Origin, Series, SeriesTable, Statistic, Unit, WindowStatistic
from ingest.history.backfill import Backfill
from ingest.history.block import HistoryError
from ingest.history.export import Exported, Window, export
from ingest.history.opening import open_history
from ingest.store.connection import connect
from ingest.store.readings import fetch_series

AGENT = "a"
MINUTE_US = 60_000_000
Connection = psycopg.Connection[Any]


@dataclass
class Two:
    """A database with readings, and one without."""

    full: str
    empty: str
    numbers: Iterator[int]


@pytest.fixture
def two(database: str, database_server: SessionServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    monkeypatch.setattr("ingest.store.readings_in_force._PORTION", 3)
    name = database_server.create(database_server.migrated())
    yield Two(database, database_server.dsn(name), count())
    database_server.drop(name)


def open_store(connection: Connection, store: str, devices: list[str], zone: str = "Asia/Shanghai") -> None:
    """Register a store whose devices belong to the agent from 2026 on."""
    register(connection, AGENT, [])
    version = connection.execute("select max(version) from registry_versions").fetchone()
    assert version
    connection.execute(
        """insert into stores (store_id, district_id, name_en, name_zh, format, floor_area_m2, area_kind, opens_at,
                               closes_at, time_zone, business_day_start, simulated, valid_from, version_from)
           values (%s, 'd', 'S', '店', 'supermarket', 1, 'gross', '09:00', '21:00', %s, '00:00', true, '2026-01-01',
                   %s)""",
        [store, zone, version[0]],
    )
    for device in devices:
        connection.execute(
            """insert into devices (device_id, agent_id, store_id, valid_from, version_from)
               values (%s, %s, %s, '2026-01-01', %s)""",
            [device, AGENT, store, version[0]],
        )


def series_of(number: int) -> list[Series]:
    first, second = f"d{number}-1", f"d{number}-2"
    window = WindowStatistic(window_s=60.0, statistic=Statistic.MIN)
    return [
        Series(device=first, quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=60.0),
        Series(device=first, quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=60.0, report=window),
        Series(device=second, quantity="entries", channel="a", unit=Unit.COUNT, kind=Kind.INTERVAL, period_s=60.0),
        Series(device=second, quantity="door_open", unit=Unit.STATE, kind=Kind.STATE),
    ]


READING = st.tuples(
    st.integers(0, 3),  # series
    st.integers(0, 12),  # minute
    st.sampled_from([0.0, 1.0, -2.5, 1e-300, 0.1, 123456789.123]),
    st.sampled_from([0, 1, 6]),  # flags
    st.sampled_from([0, 0, 0, 3]),  # ordinal
)
BATCH = st.tuples(st.sampled_from([Origin.MEASURED, Origin.IMPORTED]), st.lists(READING, min_size=1, max_size=12))


def take(steps: Steps, agent: SealingAgent, batches: list[Any]) -> None:
    steps.take(AGENT, agent.table_payload)
    for origin, readings in batches:
        payload = agent.seal(
            [(series, minute * MINUTE_US, value) for series, minute, value, _, _ in readings],
            origin=origin,
            flags=[flags for *_, flags, _ in readings],
            ordinal=[ordinal for *_, ordinal in readings],
        )
        steps.take(AGENT, payload)


def export_of(dsn: str, store: str, out: Path, corrections: Path | None = None) -> Exported:
    with connect(dsn, "test") as connection, connect(dsn, "test") as looking:
        return export(connection, looking, Window(store, date(2026, 1, 1), date(2026, 1, 3)), out, corrections)


def in_force(dsn: str, series: list[Series]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the readings in force by definition, as the platform's reads see them."""
    keys = sorted({(each.device, each.quantity, each.channel) for each in series})
    found: dict[str, list[tuple[Any, ...]]] = {}
    with connect(dsn, "test") as connection:
        for statistic in Statistic:
            day = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
            for rows in fetch_series(connection, keys, *day, statistic):
                arrays = (rows.t_us, rows.ordinal, rows.value, rows.flags)
                found[rows.definition] = list(zip(*(array.tolist() for array in arrays), strict=True))
    return found


def of_csv(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            t_us = round(datetime.fromisoformat(row["t"]).timestamp() * 1e6)
            reading = (t_us, int(row["ordinal"]), float(row["value"]), int(row["flags"]))
            found.setdefault(row["definition"], []).append(reading)
            names = json.loads(row["definition"])
            assert (row["device"], row["quantity"], row["channel"]) == (
                names["device"],
                names["quantity"],
                names["channel"],
            )
    return found


def of_parquet(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415 - only here, and has no types

    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in pq.read_table(path).to_pylist():
        t_us = round(row["t"].timestamp() * 1e6)
        found.setdefault(row["definition"], []).append((t_us, row["ordinal"], row["value"], row["flags"]))
    return found


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(batches=st.lists(BATCH, min_size=1, max_size=5))
def test_export_then_backfill_is_an_inverse_up_to_origin(
    two: Two, tmp_path: Path, name: str, batches: list[Any]
) -> None:
    number = next(two.numbers)
    series, store = series_of(number), f"s{number}"
    devices = sorted({each.device for each in series})
    with connect(two.full, "test") as connection:
        open_store(connection, store, devices)
        take(Steps(connection), SealingAgent(AGENT, SeriesTable.of(series)), batches)
    out = tmp_path / name
    done = export_of(two.full, store, out)
    expected = in_force(two.full, series)
    assert (of_csv if name.endswith("csv") else of_parquet)(out) == expected
    assert (done.readings, done.series) == (sum(map(len, expected.values())), len(expected))
    with connect(two.empty, "test") as writing, connect(two.empty, "test") as looking:
        open_store(looking, store, devices)
        imported = Backfill(writing, looking, open_history(out, done.map, AGENT)).run()
        assert (imported.readings_committed, imported.file.refused) == (done.readings, {})
        assert (imported.duplicates, imported.corrections) == (0, 0)
    assert in_force(two.empty, series) == expected
    again = tmp_path / f"again-{name}"
    export_of(two.empty, store, again)
    assert (of_csv if name.endswith("csv") else of_parquet)(again) == expected


def test_corrections_and_origins(two: Two, tmp_path: Path) -> None:
    series = series_of(0)
    with connect(two.full, "test") as connection:
        open_store(connection, "s", ["d0-1", "d0-2"])
        batches = [(Origin.MEASURED, [(0, 0, 1.0, 0, 0)]), (Origin.MEASURED, [(0, 0, 2.0, 4, 0)])]
        batches += [(Origin.REPLAYED, [(0, 1, 5.0, 0, 0)]), (Origin.MEASURED, [(0, 0, 3.0, 0, 0)])]
        take(Steps(connection), SealingAgent(AGENT, SeriesTable.of(series)), batches)
    done = export_of(two.full, "s", tmp_path / "r.csv", tmp_path / "c.csv")
    assert (done.readings, done.series, done.corrections) == (2, 1, 2)
    with (tmp_path / "r.csv").open() as file:
        assert [(row["t"], row["value"], row["origin"]) for row in csv.DictReader(file)] == [
            ("2026-01-01T12:00:00.000000Z", "3.0", "measured"),
            ("2026-01-01T12:01:00.000000Z", "5.0", "replayed"),
        ]
    with (tmp_path / "c.csv").open() as file:
        found = list(csv.DictReader(file))
    assert [(r["old_value"], r["old_flags"], r["new_value"], r["new_flags"]) for r in found] == [
        ("1.0", "0", "2.0", "4"),
        ("2.0", "4", "3.0", "0"),
    ]
    assert {row["definition"] for row in found} == {SeriesTable.of(series).series[0].definition}


def test_what_retention_removed_is_told(two: Two, tmp_path: Path) -> None:
    with connect(two.full, "test") as connection:
        open_store(connection, "s", ["d0-1", "d0-2"])
        take(
            Steps(connection),
            SealingAgent(AGENT, SeriesTable.of(series_of(0))),
            [(Origin.MEASURED, [(0, 0, 1.0, 0, 0)])],
        )
        assert export_of(two.full, "s", tmp_path / "r.csv").kept_from is None
        mark = "update retention set closed_before = %(at)s, removed_before = %(at)s where retention_class = 'state'"
        for at in (datetime(2026, 1, 2, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)):
            connection.execute(mark, {"at": at})
            told = export_of(two.full, "s", tmp_path / "r.csv").kept_from
            assert told == (at if at.year == 2026 else None)
        connection.execute("update retention set closed_before = null, removed_before = null")


def test_days_are_the_stores_own_and_a_device_counts_while_it_is_there(two: Two, tmp_path: Path) -> None:
    series = series_of(0)[0]
    with connect(two.full, "test") as connection:
        open_store(connection, "s", ["d0-1"])
        connection.execute("update devices set valid_to = '2026-01-02'")
        open_store(connection, "t", [])
        connection.execute(
            """insert into devices (device_id, agent_id, store_id, valid_from, version_from)
               select 'd0-1', 'a', 't', '2026-01-02', max(version) from registry_versions"""
        )
        hours = [-21, -20, 0, 3, 4, 27, 28]  # from noon UTC on, which is 20 o'clock in the store
        batch = (Origin.MEASURED, [(0, 60 * hour, float(hour), 0, 0) for hour in hours])
        take(Steps(connection), SealingAgent(AGENT, SeriesTable.of([series])), [batch])
    values = {}
    for store in ("s", "t"):
        export_of(two.full, store, tmp_path / f"{store}.csv")
        found = of_csv(tmp_path / f"{store}.csv").get(series.definition, [])
        values[store] = [(t - NOON_US) // (60 * MINUTE_US) for t, *_ in found]
    assert values == {"s": [-20, 0, 3], "t": [4, 27]}


def test_what_cannot_be_exported(two: Two, tmp_path: Path) -> None:
    with connect(two.full, "test") as connection:
        open_store(connection, "s", [])
    with pytest.raises(HistoryError, match="there is no store x on 2026-01-01; there are: s"):
        export_of(two.full, "x", tmp_path / "r.csv")
    with connect(two.full, "test") as connection, pytest.raises(HistoryError, match="is not after"):
        export(connection, connection, Window("s", date(2026, 1, 1), date(2026, 1, 1)), tmp_path / "r.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_export_leaves_no_file(two: Two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect(two.full, "test") as connection:
        open_store(connection, "s", ["d0-1", "d0-2"])
        agent = SealingAgent(AGENT, SeriesTable.of(series_of(0)))
        take(Steps(connection), agent, [(Origin.MEASURED, [(0, 0, 1.0, 0, 0)])])

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ingest.history.table_file._Csv.write", fail)
    (tmp_path / "r.csv").write_text("the one before")
    with pytest.raises(OSError, match="No space"):
        export_of(two.full, "s", tmp_path / "r.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]
    assert (tmp_path / "r.csv").read_text() == "the one before"
