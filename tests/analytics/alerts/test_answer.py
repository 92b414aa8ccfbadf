"""Alerts as they are answered: in the terminal and by the API, in both languages, of a store and of a district."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sealed_batches import register
from serving import served
from storage_tools.store_zone import place_in_zone

from analytics.alerts.answer import AlertList
from analytics.alerts.judging import Detector
from analytics.api.app import create_app
from analytics.cli import main
from analytics.settings import load
from analytics.wording.texts import catalogue
from ingest.store.alerts import Standing, acknowledge, store_standings
from ingest.store.connection import connect

START, END = (datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (1, 8))


@pytest.fixture
def config(database: str, tmp_path: Path) -> Path:
    parts = conninfo_to_dict(database)
    password = parts.pop("password", None)
    lines = ["[database]", f'url = "{make_conninfo("", **parts)}"']
    if password is not None:
        (tmp_path / "password").write_text(f"{password}\n")
        lines.append(f'password_file = "{tmp_path / "password"}"')
    path = tmp_path / "smartstore.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def alerts(database: str) -> Iterator[psycopg.Connection]:
    """Yield a connection to a database whose one store has an alert of each state."""
    with closing(connect(database, "test")) as c:
        register(c, "a", ["m1"])
        place_in_zone(c, "Asia/Shanghai")
        c.execute(
            """insert into districts (district_id, name_en, name_zh, kind, time_zone, valid_from, version_from)
               values ('d', 'D', '区', 'pedestrian_street', 'Asia/Shanghai', '2000-01-01', 1)"""
        )
        made = [
            Standing(None, "stuck", "m1/temperature/", START, END, 4.0, None, None),
            Standing(None, "count_high", "m1/entries/east", START, END, 400.0, 41.0, None),
            Standing(None, "out_of_range", "m1/battery/", START, END, -3.0, 0.0, "ended"),
        ]
        store_standings(c, "store", made)
        ((number,),) = c.execute("select alert_id from alerts where detector = 'stuck'").fetchall()
        acknowledge(c, number, "kim", "battery ordered")
        yield c


@pytest.fixture
def client(config: Path) -> Iterator[httpx.Client]:
    with served(create_app(load(config))) as running:
        yield running


def test_a_store_and_its_district_answer_the_same(alerts: psycopg.Connection, client: httpx.Client) -> None:
    answer = AlertList.model_validate_json(client.get("/stores/store/alerts").content)
    assert {(a.detector, a.state) for a in answer.alerts} == {("stuck", "acknowledged"), ("count_high", "raised")}
    crowd = next(a for a in answer.alerts if a.detector == "count_high")
    assert (crowd.device_id, crowd.quantity, crowd.channel) == ("m1", "entries", "east")
    assert (crowd.measured, crowd.expected, crowd.started_at) == (400.0, 41.0, START)
    assert "event" in crowd.what_to_do.en
    of_district = AlertList.model_validate_json(client.get("/districts/d/alerts", params={"cleared": True}).content)
    assert {(a.detector, a.state) for a in of_district.alerts} == {
        ("stuck", "acknowledged"),
        ("count_high", "raised"),
        ("out_of_range", "cleared"),
    }
    assert of_district.alerts[0].model_dump_json() in of_district.model_dump_json()
    for path, code in (("/stores/nowhere/alerts", "unknown_store"), ("/districts/nowhere/alerts", "unknown_district")):
        assert client.get(path).json()["code"] == code


def test_the_terminal_shows_them_on_the_stores_clock_with_what_to_do(
    alerts: psycopg.Connection, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["alerts", "store", "--config", str(config), "--all"]) == 0
    shown = capsys.readouterr().out
    assert "2 March 2026, 09:00" in shown
    assert "acknowledged: kim, battery ordered" in shown
    assert "cleared: ended" in shown
    assert "Restart the sensor" in shown
    assert main(["alerts", "store", "--config", str(config), "--lang", "zh"]) == 0
    chinese = capsys.readouterr().out
    assert "传感器读数停滞" in chinese
    assert "已解除" not in chinese
    assert main(["alerts", "store", "--config", str(config), "--json"]) == 0
    assert len(AlertList.model_validate_json(capsys.readouterr().out).alerts) == 2
    assert main(["alerts", "nowhere", "--config", str(config)]) == 1
    alerts.execute("delete from alerts")
    assert main(["alerts", "store", "--config", str(config)]) == 0
    assert capsys.readouterr().out.strip() == "No alert is open."


@pytest.mark.parametrize("detector", list(Detector))
def test_every_detector_has_a_name_and_something_to_do(detector: Detector) -> None:
    assert {f"alert_name.{detector}", f"alert_to_do.{detector}"} <= set(catalogue())
