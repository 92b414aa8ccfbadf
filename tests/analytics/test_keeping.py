"""Kept results: computed once, again where something touched them, and right wherever a run was killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ingest_steps import Steps
from psycopg.conninfo import make_conninfo
from sealed_batches import SealingAgent
from storage_tools import dying_compute

from analytics import cli
from analytics.api.database import read_only
from analytics.catalogue.all_metrics import METRICS
from analytics.errors import UnknownStore
from analytics.evaluate import measure
from analytics.keeping import Keeping, Stage
from analytics.limits import shipped_limits
from analytics.results import Result, Status
from analytics.windows import Window
from edge.wire.series import Kind, Series, SeriesTable, Unit
from ingest.store.registry import current_version

FIRST, END = date(2026, 1, 1), date(2026, 4, 1)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
HOUR_US = 3_600_000_000
START_US = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
HOURS = 90 * 24
JANUARY, FEBRUARY, MARCH, YEAR = "2026-01", "2026-02", "2026-03", "2026"
SHOWN = {
    ("2026-01-01", "2026-02-01"): JANUARY,
    ("2026-02-01", "2026-03-01"): FEBRUARY,
    ("2026-03-01", "2026-04-01"): MARCH,
    ("2026-01-01", "2026-04-01"): YEAR,
}
ALL = set(METRICS)


def table(store: str) -> SeriesTable:
    return SeriesTable.of(
        [
            Series(device=f"{store}-door", quantity=quantity, unit=Unit.COUNT, kind=Kind.INTERVAL, period_s=3600.0)
            for quantity in ("entries", "exits")
        ]
    )


@dataclass
class Site:
    """Two stores of one counter each, their agents, and runs that keep their results."""

    dsn: str
    steps: Steps
    reading: psycopg.Connection[Any]
    agents: dict[str, SealingAgent]

    def commit(self, store: str, *rows: tuple[int, int, float]) -> None:
        """Commit readings (index of the series, hour of the year, value)."""
        placed = [(series, hour * HOUR_US, value) for series, hour, value in rows]
        self.steps.take(store, self.agents[store].seal(placed, base_us=START_US))

    def keep(self, *stores: str, **changes: Any) -> dict[tuple[str, str], set[str]]:
        """Return for each store and window what was computed; nothing where all stood."""
        keeping = replace(Keeping(self.reading, self.steps.connection), **changes)
        done = [kept for store in stores or ("s1", "s2") for kept in keeping.run(store, FIRST, END, NOW)]
        assert all(len(kept.computed) + kept.stood == len(keeping.metrics) for kept in done)
        assert len(done) == 4 * (len(stores) or 2)
        shown = {kept: SHOWN[str(kept.window.start.date()), str(kept.window.end.date())] for kept in done}
        return {(kept.store_id, shown[kept]): set(kept.computed) for kept in done if kept.computed}

    def kept(self, store: str) -> dict[tuple[str, str], Result]:
        """Return the latest result kept of each metric and window."""
        rows = self.steps.connection.execute(
            """select result, window_start::date::text, window_end::date::text from kept_results
                where store_id = %s order by computed_at""",
            [store],
        ).fetchall()
        return {(row[0]["metric"], SHOWN[row[1], row[2]]): Result.model_validate(row[0]) for row in rows}

    def fresh(self, store: str) -> dict[tuple[str, str], Result]:
        """Return what is computed from the readings now."""
        found = {}
        for (first, end), name in SHOWN.items():
            start, beyond = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (first, end))
            c = self.steps.connection
            results = measure(
                c, list(METRICS.values()), store, Window(start, beyond, "UTC"), current_version(c)
            ).results
            found.update({(metric, name): result for metric, result in results.items()})
        return found


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    with psycopg.connect(database, autocommit=True) as c, psycopg.connect(database) as reading:
        c.execute("set timezone = 'UTC'")
        read_only(reading, 60)
        _register(c)
        site = Site(database, Steps(c), reading, {store: SealingAgent(store, table(store)) for store in ("s1", "s2")})
        for store, agent in site.agents.items():
            site.steps.take(store, agent.table_payload)
            for first in range(0, HOURS, 400):
                hours = range(first, min(first + 400, HOURS))
                site.commit(store, *((n % 2, hour, float(hour % 7 + n)) for hour in hours for n in (0, 1)))
        yield site


def _register(c: psycopg.Connection[Any]) -> None:
    c.execute("insert into registry_versions (source, digest) values ('test', '')")
    c.execute(
        "insert into districts values ('d', 'D', 'D', 'smart_district', 'UTC', true, '2020-01-01', null, 1, null)"
    )
    for store in ("s1", "s2"):
        names = {"store": store, "door": f"{store}-door"}
        for statement in _STORE.split(";"):
            c.execute(statement.encode(), names)


_STORE = """
insert into stores (store_id, district_id, name_en, name_zh, format, floor_area_m2, area_kind, opens_at, closes_at,
                    time_zone, simulated, valid_from, version_from)
values (%(store)s, 'd', '', '', 'supermarket', 900, 'gross', '09:00', '22:00', 'UTC', true, '2020-01-01', 1);
insert into agents (agent_id, approved, valid_from, version_from) values (%(store)s, true, '2020-01-01', 1);
insert into doors (door_id, store_id, name_en, name_zh, perimeter, valid_from, version_from)
values (%(door)s, %(store)s, '', '', true, '2020-01-01', 1);
insert into points (point_id, store_id, facility, kind, door_id, valid_from, version_from)
values (%(door)s, %(store)s, 'traffic', 'door_line', %(door)s, '2020-01-01', 1);
insert into devices (device_id, agent_id, store_id, valid_from, version_from)
values (%(door)s, %(store)s, %(store)s, '2020-01-01', 1);
insert into registered_series (device_id, quantity, point_id, valid_from, version_from)
select %(door)s, quantity, %(door)s, '2020-01-01', 1 from unnest(array['entries', 'exits']) quantity"""


def test_a_second_run_computes_nothing_and_what_is_kept_is_the_answer(site: Site) -> None:
    everything = {(store, name): ALL for store in ("s1", "s2") for name in SHOWN.values()}
    assert site.keep() == everything
    assert site.keep() == {}
    assert site.kept("s1") == site.fresh("s1")
    assert site.kept("s1")["footfall_entries", YEAR].value == sum(hour % 7 for hour in range(HOURS))
    assert site.kept("s1")["energy_use", MARCH].status is Status.NOT_INSTALLED


def test_late_readings_and_corrections_touch_their_windows_alone(site: Site) -> None:
    site.keep()
    site.commit("s1", (0, 40 * 24, 900.0))  # another value of a reading of February
    assert site.keep() == {("s1", FEBRUARY): ALL, ("s1", YEAR): ALL}
    assert site.kept("s1") == site.fresh("s1")
    before = site.kept("s2")
    site.commit("s2", (0, 31 * 24 - 1, 3.0))  # two hours before a window count for it
    assert site.keep() == {("s2", JANUARY): ALL, ("s2", FEBRUARY): ALL, ("s2", YEAR): ALL}
    assert site.kept("s2").keys() == before.keys()
    assert site.kept("s2") == site.fresh("s2")
    assert site.keep() == {}


def test_the_registry_touches_the_stores_of_which_it_says_something_else(site: Site) -> None:
    site.keep()
    c = site.steps.connection
    c.execute("insert into registry_versions (source, digest) values ('test', '')")
    c.execute("update devices set version_to = 2 where device_id = 's2-door'")
    c.execute(
        """insert into devices (device_id, agent_id, store_id, direction, valid_from, version_from)
           values ('s2-door', 's2', 's2', 'inverted', '2020-01-01', 2)"""
    )
    assert site.keep() == {("s2", name): ALL for name in SHOWN.values()}
    assert site.kept("s2") == site.fresh("s2")
    assert {result.registry_version for result in site.kept("s1").values()} == {1}
    assert site.keep() == {}


def test_a_formula_version_touches_its_metric_alone(site: Site) -> None:
    site.keep("s1")
    metrics = [
        replace(m, formula_version=m.formula_version + 1) if m.name == "net_closure" else m for m in METRICS.values()
    ]
    assert site.keep("s1", metrics=metrics) == {("s1", name): {"net_closure"} for name in SHOWN.values()}
    assert site.keep("s1", metrics=metrics) == {}
    assert site.keep("s1") == {}, "results of the formula before are still kept"


class _Stricter:
    def on(self, key: str, day: date) -> Any:
        limit = shipped_limits().on(key, day)
        return limit and repr(limit) + " but stricter"


def test_a_limit_touches_the_metrics_that_apply_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.keep("s1")
    monkeypatch.setattr("analytics.keeping.shipped_limits", _Stricter)
    applying = {metric.name for metric in METRICS.values() if metric.limits}
    assert site.keep("s1") == {("s1", name): applying for name in SHOWN.values()}


@pytest.mark.parametrize(("stage", "windows_kept"), [(Stage.COMPUTED, 1), (Stage.KEPT, 2)])
def test_a_run_killed_on_either_side_of_its_commit_leaves_what_is_right(
    site: Site, stage: Stage, windows_kept: int
) -> None:
    assert dying_compute.run(site.dsn, "s1", (FIRST, END), stage, 2) == -signal.SIGKILL
    left = site.kept("s1")
    assert len(left) == windows_kept * len(METRICS), "all of a window's results, or none"
    fresh = site.fresh("s1")
    assert left == {of: fresh[of] for of in left}
    assert len(site.keep("s1")) == 4 - windows_kept
    assert site.kept("s1") == site.fresh("s1")


def test_what_is_committed_while_a_run_computes_is_seen_by_the_next(site: Site) -> None:
    site.keep("s1")
    site.commit("s1", (0, 3, 80.0))
    later = iter([lambda: site.commit("s1", (1, 5, 90.0))])

    def observe(stage: Stage) -> None:
        if stage is Stage.COMPUTED:
            next(later, lambda: None)()

    assert site.keep("s1", observe=observe) == {("s1", JANUARY): ALL, ("s1", YEAR): ALL}
    assert site.kept("s1")["footfall_exits", JANUARY] != site.fresh("s1")["footfall_exits", JANUARY]
    assert site.keep("s1") == {("s1", JANUARY): ALL}, "the year was computed after that commit"
    assert site.kept("s1") == site.fresh("s1")


def test_what_was_kept_outlives_the_rows_that_it_stands_on(site: Site) -> None:
    site.keep("s1")
    before = site.kept("s1")
    c = site.steps.connection
    c.execute("update retention set closed_before = '2026-02-10', removed_before = '2026-02-10'")
    c.execute("delete from readings_count where t < '2026-02-10'")
    site.commit("s1", (0, 3, 80.0), (0, 60 * 24, 90.0))  # the first is not stored any more
    assert site.keep("s1") == {("s1", MARCH): ALL}
    after = site.kept("s1")
    assert {of: result for of, result in after.items() if of[1] != MARCH} == {
        of: result for of, result in before.items() if of[1] != MARCH
    }
    assert after["footfall_entries", MARCH] == site.fresh("s1")["footfall_entries", MARCH]
    assert site.fresh("s1")["footfall_entries", YEAR].status is Status.INSUFFICIENT


def test_a_store_that_nobody_knows_is_said_so_and_windows_to_come_are_left_out(site: Site) -> None:
    keeping = Keeping(site.reading, site.steps.connection)
    with pytest.raises(UnknownStore):
        list(keeping.run("nowhere", FIRST, END, NOW))
    early = list(keeping.run("s1", FIRST, END, datetime(2026, 3, 20, tzinfo=UTC)))
    assert [kept.window.last_date for kept in early] == [date(2026, 1, 31), date(2026, 2, 28)]
    assert keeping.stores("d", FIRST, END) == ["s1", "s2"]
    assert keeping.stores("elsewhere", FIRST, END) == []


def test_the_command_needs_no_more_than_its_role(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    def run(role: str, *further: str) -> tuple[int, str]:
        config = tmp_path / "smartstore.toml"
        url = make_conninfo(site.dsn, options=f"-c role={role}")
        config.write_text(f'[database]\nurl = "{url}"\n')
        arguments = ["compute", "--config", str(config), "--from", "2025-11-01", "--to", "2026-01-01", *further]
        return cli.main(arguments), capsys.readouterr().err

    role = f"computing_{os.getpid()}"
    site.steps.connection.execute(f"create role {role} in role smartstore_read, smartstore_compute")
    request.addfinalizer(lambda: site.steps.connection.execute(f"drop role {role}"))
    status, told = run(role, "--store", "s1")
    assert status == 0
    events = [json.loads(line) for line in told.splitlines()]
    assert [event["event"] for event in events] == ["results_kept"] * 3 + ["results_complete"]
    assert (events[-1]["computed"], events[-1]["stood"]) == (3 * len(METRICS), 0)
    status, told = run(role, "--district", "d")
    assert json.loads(told.splitlines()[-1])["stood"] == 3 * len(METRICS)
    status, told = run("smartstore_read", "--from", "2025-10-01")
    assert status == 1
    assert "smartstore_compute" in told
    assert run(role, "--to", "2025-11-01")[0] == 1
