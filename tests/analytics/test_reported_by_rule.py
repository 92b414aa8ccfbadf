"""From an agent's report rules to a metric: least, greatest and count of a window are never taken for values."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from pydantic import ValidationError
from stored_readings import store_readings

from analytics.evaluate import evaluate
from analytics.results import Result, Status
from analytics.windows import Window
from edge.readings import Reading, ReadingGroup
from edge.reporting.reporter import Reporter, SourceRules
from edge.reporting.rule import WindowRule
from edge.simulator.plan import district_plan
from edge.simulator.registry_files import write_csv_set
from edge.simulator.store_day import StoreDay
from edge.wire.series import Kind, Origin, Series, Statistic, Unit, WindowStatistic
from ingest.registry.csv_set import read_csv_set
from ingest.store.registry_import import import_set

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 5, 4)
START = datetime.combine(DAY, time(), tzinfo=ZONE)
WINDOW = Window(START, START + timedelta(days=1), ZONE.key)
PLAN = district_plan(1)
STORE = next(store for store in PLAN.stores if store.store_id == "sim-store-a")
Database = psycopg.Connection[Any]


@pytest.fixture
def registered(connection: Database, tmp_path: Path) -> Database:
    connection.autocommit = True
    write_csv_set(PLAN, tmp_path)
    import_set(connection, read_csv_set(tmp_path), "simulation")
    return connection


def readings_of(quantity: str) -> list[Reading]:
    day = StoreDay(STORE, DAY, opening=True)
    return [r for slot in range(day.day.slots) for r in day.slot(slot) if r.series.quantity == quantity]


def is_mean(reading: Reading) -> bool:
    rule = reading.series.report
    return isinstance(rule, WindowStatistic) and rule.statistic is Statistic.MEAN


def result(c: Database, metric: str) -> Result:
    return evaluate(c, metric, STORE.store_id, WINDOW)


def test_a_cold_chain_is_judged_by_the_means_of_its_windows_alone(registered: Database) -> None:
    reporter = Reporter({"s": SourceRules(rules=(WindowRule(quantity="temperature", window_s=600),))})
    groups = reporter.report([("s", ReadingGroup(readings_of("temperature"), Origin.SIMULATED, "1"))], {"s"})
    reported = [reading for _, group in groups for reading in group.readings]
    assert len({reading.series for reading in reported}) == 4 * len({r.series for r in readings_of("temperature")})
    store_readings(registered, STORE.agent_id, filter(is_mean, reported))
    by_means = result(registered, "cold_chain_time_in_band")
    assert by_means.status is Status.MEASURED
    # The others, as wrong as can be: a value taken from one of them would show.
    others = [r._replace(value=1e6) for r in reported if not is_mean(r)]
    assert len(others) == 3 * sum(map(is_mean, reported))
    store_readings(registered, STORE.agent_id, others)
    assert result(registered, "cold_chain_time_in_band") == by_means


def test_footfall_counts_no_aggregate(registered: Database) -> None:
    store_readings(registered, STORE.agent_id, [*readings_of("entries"), *readings_of("exits")])
    counted = result(registered, "footfall_entries")
    assert counted.status is Status.MEASURED
    doors = {r.series.device: r.series for r in readings_of("entries")}
    forged = [
        Series(
            device=series.device,
            quantity="entries",
            channel=series.channel,
            unit=Unit.COUNT,
            kind=Kind.GAUGE,
            period_s=300.0,
            report=WindowStatistic(window_s=300.0, statistic=statistic),
        )
        for series in doors.values()
        for statistic in Statistic
        if statistic is not Statistic.MEAN
    ]
    store_readings(registered, STORE.agent_id, [Reading(s, WINDOW.start_us, 1000.0) for s in forged])
    assert result(registered, "footfall_entries") == counted


def test_a_count_cannot_be_said_to_be_aggregated() -> None:
    for kind, period_s in ((Kind.INTERVAL, 300.0), (Kind.EVENT, 300.0), (Kind.STATE, 300.0)):
        with pytest.raises(ValidationError, match="window is for gauges"):
            Series(
                device="door",
                quantity="entries",
                unit=Unit.COUNT,
                kind=kind,
                period_s=period_s,
                report=WindowStatistic(window_s=300.0, statistic=Statistic.MEAN),
            )
