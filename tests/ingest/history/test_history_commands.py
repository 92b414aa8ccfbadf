"""``smartstore-ingest backfill`` and ``export`` as an operator runs them, with the rights of ingest and of a reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from history_tools.histories import AGENT, DEVICES, write_history
from sealed_batches import register

from ingest.cli import main

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(role: str, *verb: str) -> tuple[int, str]:
        config = tmp_path / f"{role}.toml"
        url = f"{database}{'&' if '?' in database else '?'}options=-c%20role%3D{role}"
        config.write_text(f'[broker]\nhost = "127.0.0.1"\n[database]\nurl = "{url}"\n')
        status = main([*verb, "--config", str(config)])
        captured = capsys.readouterr()
        told = [line for line in captured.err.splitlines(keepends=True) if not line.startswith("{")]
        return status, captured.out + "".join(told)

    return call


@pytest.fixture
def registered(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, AGENT, DEVICES)
        connection.execute(
            """insert into stores (store_id, district_id, name_en, name_zh, format, floor_area_m2, area_kind, opens_at,
                                   closes_at, time_zone, business_day_start, simulated, valid_from, version_from)
               values ('store', 'd', 'S', '店', 'supermarket', 1, 'gross', '09:00', '21:00', 'America/Los_Angeles',
                       '00:00', false, '2000-01-01', 1)"""
        )


@pytest.mark.usefixtures("registered")
def test_in_and_out_again(run: Run, tmp_path: Path) -> None:
    history = write_history(tmp_path, 200, ["2023-12-01 00:00:00,in,many"])
    verb = ["backfill", str(history.path), "--map", str(history.map), "--agent", AGENT]
    status, text = run("smartstore_ingest", *verb, "--dry-run")
    assert status == 1
    for told in (
        "401 rows: 400 readings of 2 series, 0 empty and 0 ignored values, 1 refused",
        "line 402: not_a_number: value is not a number",
        "nothing was written",
        "2023-11-05T07:00:00+00:00  2023-11-05T11:19:00+00:00",
    ):
        assert told in text
    status, text = run("smartstore_ingest", *verb)
    assert status == 1
    assert "400 readings committed, 0 batches with 0 readings known before" in text
    assert "smartstore-ingest refusals list --agent old" in text
    status, text = run("smartstore_ingest", *verb)
    assert "0 readings committed, 1 batches with 400 readings known before" in text
    out = tmp_path / "out.csv"
    export = ["export", "--store", "store", "--from", "2023-11-05", "--to", "2023-11-06", "--out", str(out)]
    status, text = run("smartstore_read", *export)
    assert (status, text.splitlines()[0]) == (0, f"400 readings of 2 series in {out}")
    assert len(out.read_text().splitlines()) == 401
    back = ["backfill", str(out), "--map", str(tmp_path / "out.map.toml"), "--agent", AGENT]
    status, text = run("smartstore_ingest", *back)
    assert status == 0
    assert "400 repeat a stored value, 0 correct one" in text
    status, text = run("smartstore_read", *export, "--corrections", str(tmp_path / "c.csv"))
    assert f"0 corrections in {tmp_path / 'c.csv'}" in text


@pytest.mark.usefixtures("registered")
def test_what_cannot_be_done_is_said(run: Run, tmp_path: Path) -> None:
    history = write_history(tmp_path, 2)
    verb = ["backfill", str(history.path), "--map", str(history.map), "--agent"]
    assert run("smartstore_ingest", *verb, "nobody") == (
        1,
        "smartstore-ingest: agent nobody is not approved; import it into the registry, then:"
        " smartstore-ingest agents approve; nothing more was written\n",
    )
    status, text = run("smartstore_read", *verb, AGENT)
    assert status == 1
    assert "this database user may not do that" in text
    history.map.write_text(history.map.read_text().replace("degC", "W"))
    status, text = run("smartstore_ingest", *verb, AGENT)
    assert status == 1
    assert "reading[1].unit" in text
    status, text = run(
        "smartstore_read", "export", "--store", "x", "--from", "2023-11-05", "--to", "2023-11-06", "--out", "x"
    )
    assert status == 1
    assert "there are: store" in text
