"""API, pages and command line on a real database that holds a day of the simulated district."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from serving import served
from session_server import SessionServer
from stored_readings import store_readings

from analytics import cli, facilities
from analytics.api.app import create_app
from analytics.api.database import read_only
from analytics.catalogue.all_metrics import METRICS
from analytics.completeness_answer import CompletenessAnswer
from analytics.results import DistrictAnswer, FacilitiesAnswer, Result, Status
from analytics.settings import load
from edge.simulator.plan import district_plan
from edge.simulator.registry_files import write_csv_set
from edge.simulator.store_day import StoreDay
from ingest.registry.csv_set import read_csv_set
from ingest.store.data_span import data_span
from ingest.store.registry_import import import_set
from ingest.store.schema_state import applied_migrations

DAY = date(2026, 5, 4)
WINDOW = {"from": "2026-05-04", "to": "2026-05-05"}
PLAN = district_plan()
PLAYED = PLAN.stores[0]
SILENT = PLAN.stores[2]


@pytest.fixture(scope="module")
def dsn(database_server: SessionServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield a database with the simulated district's registry and one store's day."""
    name = database_server.create(database_server.migrated())
    folder = tmp_path_factory.mktemp("registry")
    write_csv_set(PLAN, folder)
    with psycopg.connect(database_server.dsn(name)) as c:
        import_set(c, read_csv_set(folder), "simulated district")
        _play(c)
    yield database_server.dsn(name)
    database_server.drop(name)


def _play(c: psycopg.Connection[Any]) -> None:
    day = StoreDay(PLAYED, DAY)
    readings = [reading for slot in range(day.day.slots) for reading in day.slot(slot)]
    store_readings(c, PLAYED.agent_id, readings)
    times = [datetime.fromtimestamp(t / 1e6, UTC) for t in (readings[0].t_us, readings[-1].t_us)]
    c.execute("update ledger set first_t = %s, last_t = %s", times)


@pytest.fixture(scope="module")
def config(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a settings file for that database, its password apart."""
    folder = tmp_path_factory.mktemp("config")
    parts = conninfo_to_dict(dsn)
    password = parts.pop("password", None)
    lines = ["[database]", f'url = "{make_conninfo("", **parts)}"']
    if password is not None:
        (folder / "password").write_text(f"{password}\n")
        lines.append(f'password_file = "{folder / "password"}"')
    path = folder / "smartstore.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def client(config: Path) -> Iterator[httpx.Client]:
    with served(create_app(load(config))) as running:
        yield running


def test_the_service_is_ready_on_this_release_s_schema(client: httpx.Client, dsn: str) -> None:
    with psycopg.connect(dsn) as c:
        expected = max(applied_migrations(c))
    assert client.get("/health/ready").json() == {"status": "ready", "schema_version": expected}


def test_a_database_without_a_schema_is_not_ready(empty_database: str, config: Path, tmp_path: Path) -> None:
    parts = conninfo_to_dict(empty_database)
    other = tmp_path / "smartstore.toml"
    old, new = f"dbname={_database_of(config)}", f"dbname={parts['dbname']}"
    other.write_text(config.read_text().replace(old, new))
    with served(create_app(load(other))) as client:
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert "smartstore-ingest migrate" in answer.json()["detail"]
        assert client.get("/stores").json()["code"] == "not_ready"


def _database_of(config: Path) -> str:
    return str(conninfo_to_dict(load(config).database.url)["dbname"])


def test_stores_districts_and_devices_are_the_registry_s(client: httpx.Client) -> None:
    stores = client.get("/stores", params={"on": DAY.isoformat()}).json()
    assert [store["store_id"] for store in stores["stores"]] == sorted(store.store_id for store in PLAN.stores)
    assert stores["registry_version"] == 1
    assert client.get("/stores", params={"district": "elsewhere"}).json()["stores"] == []
    one = client.get(f"/stores/{PLAYED.store_id}").json()
    assert one in stores["stores"]
    assert one["simulated"] is True
    districts = client.get("/districts").json()["districts"]
    assert [district["district_id"] for district in districts] == [PLAN.district_id]
    assert client.get(f"/districts/{PLAN.district_id}").json() == districts[0]
    devices = client.get(f"/stores/{PLAYED.store_id}/devices", params={"on": DAY.isoformat()}).json()["devices"]
    assert {device["device_id"] for device in devices} == {device.device_id for device in PLAYED.devices}


def test_the_facilities_answer_is_computed_from_the_rows(client: httpx.Client, dsn: str) -> None:
    answer = FacilitiesAnswer.model_validate_json(
        client.get(f"/stores/{PLAYED.store_id}/facilities", params=WINDOW).content
    )
    assert answer.evidence is False
    results = {result.metric: result for area in answer.areas for result in area.results}
    assert set(results) == set(METRICS)
    with psycopg.connect(dsn) as c:
        counted = c.execute(
            """select sum(r.value)
                 from readings_count r
                 join series s using (series_id)
                 join registered_series g on g.device_id = s.device and g.quantity = s.quantity
                 join points p using (point_id)
                 join doors d using (door_id)
                where s.quantity = 'entries' and d.perimeter
                  and r.t >= '2026-05-04T00:00+08:00' and r.t < '2026-05-05T00:00+08:00'"""
        ).fetchone()
    assert counted is not None
    assert results["footfall_entries"].value == counted[0]
    one = client.get(f"/stores/{PLAYED.store_id}/metrics/footfall_entries", params=WINDOW)
    assert Result.model_validate_json(one.content) == results["footfall_entries"]


def test_a_district_has_its_stores_and_names_those_outside_its_sums(client: httpx.Client) -> None:
    answer = DistrictAnswer.model_validate_json(
        client.get(f"/districts/{PLAN.district_id}/facilities", params=WINDOW).content
    )
    assert [store.store_id for store in answer.stores] == sorted(store.store_id for store in PLAN.stores)
    entries = next(sum_ for sum_ in answer.sums if sum_.metric == "footfall_entries")
    assert entries.stores_included == (PLAYED.store_id,)
    assert len(entries.stores_excluded) == len(PLAN.stores) - 1


def test_the_command_line_answers_a_districts_sums(
    client: httpx.Client, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["district", PLAN.district_id, "--config", str(config)]
    assert cli.main([*asked, "--from", "2026-05-04", "--to", "2026-05-05", "--json"]) == 0
    answer = DistrictAnswer.model_validate_json(capsys.readouterr().out)
    path = f"/districts/{PLAN.district_id}/facilities"
    assert answer == DistrictAnswer.model_validate_json(client.get(path, params=WINDOW).content)
    assert cli.main([*asked, "--lang", "zh"]) == 0
    shown = capsys.readouterr().out
    assert "合计" in shown
    assert PLAN.stores[1].names.zh in shown  # left out, and named
    assert cli.main(["district", "nowhere", "--config", str(config)]) == 1
    assert "nowhere" in capsys.readouterr().err


def test_times_with_a_zone_and_bare_dates_ask_the_same(client: httpx.Client) -> None:
    path = f"/stores/{PLAYED.store_id}/metrics/energy_use"
    by_date = client.get(path, params=WINDOW).json()
    by_time = client.get(path, params={"from": "2026-05-03T16:00:00Z", "to": "2026-05-05T00:00:00+08:00"}).json()
    assert by_time == by_date
    assert by_date["status"] == Status.MEASURED


@pytest.mark.parametrize("path", ["/stores/nowhere/facilities", "/districts/nowhere/facilities"])
def test_what_the_registry_lacks_is_unknown(client: httpx.Client, path: str) -> None:
    answer = client.get(path, params=WINDOW)
    assert (answer.status_code, answer.json()["code"][:8]) == (404, "unknown_")


@pytest.mark.parametrize("path", ["/stores/nowhere", "/stores/nowhere/devices", "/districts/nowhere"])
def test_so_is_a_fact(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_completeness_account_has_every_spool(client: httpx.Client) -> None:
    account = client.get("/completeness").json()
    assert [spool["agent"] for spool in account["spools"]] == [PLAYED.agent_id]
    spool = account["spools"][0]
    stands = spool["committed"] + spool["refused"] + spool["declared_lost"] + spool["missing"]
    assert stands == spool["highest_sequence"] == 1
    assert account["complete"] is True


def test_the_completeness_ledger_is_served_and_printed(
    client: httpx.Client, config: Path, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"/stores/{PLAYED.store_id}/completeness"
    served_answer = CompletenessAnswer.model_validate_json(client.get(path, params=WINDOW).content)
    assert {row.device_id for row in served_answer.rows} == {device.device_id for device in PLAYED.devices}
    with psycopg.connect(dsn) as c:
        counted = c.execute(
            """select count(*) from (select t from readings_count union all select t from readings_state) r
                where t >= '2026-05-04T00:00+08:00' and t < '2026-05-05T00:00+08:00'"""
        ).fetchone()
    assert counted == (served_answer.total.readings.received,)
    assert served_answer.total.readings.absent == 0 < served_answer.total.readings.expected
    hours = client.get(path, params={**WINDOW, "by": "hour", "device": PLAYED.devices[0].device_id}).json()
    assert len(hours["rows"]) == 24
    assert hours["total"]["batches"] is None
    district = client.get(f"/districts/{PLAN.district_id}/completeness", params=WINDOW).json()
    rows = {row["store_id"]: row for row in district["rows"]}
    assert rows[PLAYED.store_id]["readings"] == served_answer.total.readings.model_dump()
    silent = rows[SILENT.store_id]["readings"]
    assert silent["absent_unexplained"] == silent["expected"] > 0
    asked = ["completeness", PLAYED.store_id, "--config", str(config), "--from", WINDOW["from"], "--to", WINDOW["to"]]
    assert cli.main([*asked, "--json"]) == 0
    assert CompletenessAnswer.model_validate_json(capsys.readouterr().out) == served_answer
    for language, words in {"en": ["absent, unexplained", "Batches, by"], "zh": ["缺失（无解释）", "断号批次"]}.items():
        assert cli.main([*asked, "--lang", language, "--by", "agent"]) == 0
        table = capsys.readouterr().out
        assert [word for word in [*words, PLAYED.agent_id] if word not in table] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"device": "nothing-like-it"}, "unknown_device"),
        ({"by": "minute"}, "invalid_request"),
        ({"from": "2026-05-04T00:07+08:00"}, "quarter_hours_only"),
    ],
)
def test_the_completeness_ledger_says_what_it_cannot_answer(
    client: httpx.Client, config: Path, query: dict[str, str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.get(f"/stores/{PLAYED.store_id}/completeness", params=WINDOW | query)
    assert answer.json()["code"] == code
    if code != "invalid_request":  # the command line says what it takes by itself
        asked = {"from": WINDOW["from"], "to": WINDOW["to"]} | query
        options = [word for name, value in asked.items() for word in (f"--{name}", value)]
        capsys.readouterr()  # what the server logged
        assert cli.main(["completeness", PLAYED.store_id, "--config", str(config), *options]) == 1
        assert capsys.readouterr().err.startswith("smartstore: ")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_open_on_the_latest_day_with_data(client: httpx.Client, language: str) -> None:
    day = {"en": "Monday 4 May 2026", "zh": "2026年5月4日 星期一"}[language]
    for path in ("/", f"/stores/{PLAYED.store_id}/page"):
        page = client.get(path, params={"lang": language}, headers={"accept": "text/html"})
        assert page.status_code == 200
        assert day in page.text
        assert {"en": "Not evidence", "zh": "非证据"}[language] in page.text
    silent = client.get(f"/stores/{SILENT.store_id}/page", params={"lang": language})
    assert {"en": "No reading has arrived yet", "zh": "尚未收到任何读数"}[language] in silent.text
    client.cookies.clear()


def test_the_span_of_data_is_the_agents_own(dsn: str) -> None:
    with psycopg.connect(dsn) as c:
        span = data_span(c, [PLAYED.agent_id, "another"])
        assert data_span(c, [SILENT.agent_id]) is None
        assert data_span(c, []) is None
    assert span is not None
    assert span[0] < span[1]


def test_a_connection_of_the_interfaces_cannot_write(dsn: str) -> None:
    with psycopg.connect(dsn) as c:
        read_only(c, statement_timeout_s=5)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            c.execute("delete from stores")


def test_a_query_that_takes_too_long_is_stopped(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facilities, "store_answer", lambda c, *_: c.execute("select pg_sleep(60)"))
    hasty = tmp_path / "smartstore.toml"
    hasty.write_text(f"{config.read_text()}[web]\nstatement_timeout_s = 0.5\nconnections = 1\n")
    with served(create_app(load(hasty))) as client:
        answer = client.get(f"/stores/{PLAYED.store_id}/facilities", params=WINDOW)
        assert (answer.status_code, answer.json()["code"]) == (503, "query_too_slow")
        assert "0.5 s" in answer.json()["detail"]
        assert client.get("/stores").status_code == 200


@pytest.mark.fault
def test_the_service_answers_again_after_the_database_was_away(database_server: SessionServer, config: Path) -> None:
    with served(create_app(load(config))) as client:
        assert client.get("/stores").status_code == 200
        database_server.restart()
        assert client.get("/stores").status_code == 200


def test_the_command_line_gives_the_same_answer(
    client: httpx.Client, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["facilities", PLAYED.store_id, "--config", str(config), "--from", WINDOW["from"], "--to", WINDOW["to"]]
    assert cli.main([*asked, "--json"]) == 0
    answer = client.get(f"/stores/{PLAYED.store_id}/facilities", params=WINDOW).json()
    assert json.loads(capsys.readouterr().out) == answer
    for language, words in {"en": ["Footfall, entries", "Not evidence"], "zh": ["客流进入人次", "非证据"]}.items():
        assert cli.main([*asked, "--lang", language]) == 0
        table = capsys.readouterr().out
        assert [word for word in words if word not in table] == []
    assert cli.main(asked[:4]) == 0
    assert "Monday 4 May 2026" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["nowhere", "--from", "2026-05-04", "--to", "2026-05-05"], "is not registered"),
        ([PLAYED.store_id, "--from", "2026-05-04", "--to", "2026-05-04"], "for one day, give the next day as the end"),
        ([PLAYED.store_id, "--from", "2026-05-04T09:00", "--to", "2026-05-05"], "Add the offset"),
        ([PLAYED.store_id, "--from", "2026-05-04"], "give both --from and --to"),
        ([SILENT.store_id], "smartstore-edge status"),
    ],
)
def test_the_command_line_says_what_to_do(
    config: Path, capsys: pytest.CaptureFixture[str], asked: list[str], told: str
) -> None:
    assert cli.main(["facilities", *asked, "--config", str(config)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("smartstore: ")
    assert told in printed.err
