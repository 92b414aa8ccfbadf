"""Acknowledging an alert and setting thresholds: what is noted, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sealed_batches import register
from storage_tools.store_zone import place_in_zone

from ingest import cli
from ingest.store.alert_thresholds import thresholds_of
from ingest.store.alerts import Standing, store_standings
from ingest.store.connection import Database, connect

SET = ["--from", "2026-03-02", "--who", "kim", "--why", "slow sensor"]


@pytest.fixture
def connection(database: str) -> Iterator[Database]:
    with closing(connect(database, "test")) as connection:
        register(connection, "a", ["m1"])
        place_in_zone(connection, "UTC")
        start, end = (datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (1, 8))
        store_standings(connection, "store", [Standing(None, "stuck", "m1/temperature/", start, end, 4.0, None, None)])
        yield connection


@pytest.fixture
def config(database: str, tmp_path: Path) -> str:
    path = tmp_path / "ingest.toml"
    (tmp_path / "password").write_text("x\n")
    path.write_text(
        f"""[broker]
host = "127.0.0.1"
username = "ingest"
password_file = "password"
[database]
url = "{database}"
[ingest]
worker = "worker-1"
"""
    )
    return str(path)


def test_an_alert_is_acknowledged_with_who_and_why(
    connection: Database, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ((number,),) = connection.execute("select alert_id from alerts").fetchall()
    said = ["--who", "kim", "--why", "battery ordered", "--config", config]
    assert cli.main(["alerts", "acknowledge", str(number), *said]) == 0
    assert "acknowledged by kim: battery ordered" in capsys.readouterr().out
    assert connection.execute("select acknowledged_by, acknowledged_why from alerts").fetchall() == [
        ("kim", "battery ordered")
    ]
    assert cli.main(["alerts", "acknowledge", str(number + 1), *said]) == 1
    assert "smartstore alerts STORE" in capsys.readouterr().err


def test_a_threshold_is_added_and_the_one_before_it_stays_known(
    connection: Database, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in ("12", "8"):
        assert cli.main(["alerts", "threshold", "store", "stuck.least_h", value, *SET, "--config", config]) == 0
    assert cli.main(["alerts", "threshold", "all", "count_high.alpha", "1e-7", *SET, "--config", config]) == 0
    kept = thresholds_of(connection, "store")
    assert [(s.store_id, s.name, s.value) for s in kept] == [
        (None, "count_high.alpha", 1e-7),
        ("store", "stuck.least_h", 12.0),
        ("store", "stuck.least_h", 8.0),
    ]
    assert kept[0].valid_from == date(2026, 3, 2)
    assert [s.name for s in thresholds_of(connection, "elsewhere")] == ["count_high.alpha"]
    capsys.readouterr()
    assert cli.main(["alerts", "thresholds", "store", "--config", config]) == 0
    shown = capsys.readouterr().out
    assert "this release" in shown
    assert shown.count("slow sensor") == 3


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (["store", "joy", "1"], "name one of"),
        (["store", "count_high.alpha", "2"], "probability"),
        (["nowhere", "stuck.least_h", "12"], "not a store"),
    ],
)
def test_what_no_detector_could_take_is_refused(
    connection: Database, config: str, capsys: pytest.CaptureFixture[str], said: list[str], says: str
) -> None:
    assert cli.main(["alerts", "threshold", *said, *SET, "--config", config]) == 1
    assert says in capsys.readouterr().err
    assert thresholds_of(connection, "store") == []


@pytest.mark.parametrize("missing", ["--who", "--why"])
def test_nobody_acknowledges_without_a_name_and_a_reason(missing: str, config: str) -> None:
    said = {"--who": "kim", "--why": "seen"} | {missing: " "}
    words = [word for pair in said.items() for word in pair]
    with pytest.raises(SystemExit):
        cli.main(["alerts", "acknowledge", "1", *words, "--config", config])
