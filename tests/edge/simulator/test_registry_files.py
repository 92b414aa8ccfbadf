"""The simulated district's registry: the columns of the schema, references that hold, one truth with the plan."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from pathlib import Path

import pytest

from edge.simulator.plan import district_plan
from edge.simulator.registry_files import write_csv_set
from edge.simulator.store_day import StoreDay
from edge.sources.recording_map import load_map

ROOT = Path(__file__).parents[3]
TABLES = (
    "districts stores tenants floors zones doors points agents devices registered_series audits".split()
)  # the tables of the site model


def _schema_columns() -> dict[str, list[str]]:
    sql = (ROOT / "ingest" / "schema" / "0001_registry.sql").read_text()
    found = {}
    for table, body in re.findall(r"create table (\w+) \((.*?)\n\);", sql, re.S):
        names = re.findall(r"^    (\w+) ", body, re.M)
        found[table] = [name for name in names if name not in {"version_from", "version_to", "primary"}]
    return found


def _read(folder: Path) -> dict[str, list[dict[str, str]]]:
    texts = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.csv")}
    return {table: list(csv.DictReader(io.StringIO(text))) for table, text in texts.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry") / "set"
    write_csv_set(district_plan(), folder)
    return folder


@pytest.mark.parametrize("which", ["simulated", "calit2"])
def test_files_have_the_columns_of_the_schema(which: str, folder: Path) -> None:
    where = folder if which == "simulated" else ROOT / "deploy" / "recordings" / "calit2-registry"
    assert sorted(path.stem for path in where.glob("*")) == sorted(TABLES)
    columns = _schema_columns()
    for table in TABLES:
        header = (where / f"{table}.csv").read_text(encoding="utf-8").partition("\n")[0]
        assert header.split(",") == columns[table]


def test_references_hold(folder: Path) -> None:
    rows = _read(folder)
    ids = {table: {row[f"{table[:-1]}_id"] for row in rows[table]} for table in TABLES if table != "registered_series"}
    assert all(len(ids[table]) == len(rows[table]) for table in ids)
    for table in TABLES:
        for row in rows[table]:
            for target in ("district", "store", "tenant", "floor", "zone", "door", "agent", "device", "point"):
                named = row.get(f"{target}_id")
                assert not named or named in ids[f"{target}s"]


def test_every_reading_is_of_a_registered_device_and_series(folder: Path) -> None:
    rows = _read(folder)
    registered = {(row["device_id"], row["quantity"], row["channel"]) for row in rows["registered_series"]}
    devices = {row["device_id"] for row in rows["devices"]}
    for store in district_plan().stores:
        day = StoreDay(store, date(2026, 5, 4))
        seen = {reading.series for slot in range(day.day.slots) for reading in day.slot(slot)}
        assert {series.device for series in seen} <= devices
        assert {
            (series.device, series.quantity, series.channel) for series in seen if series.quantity != "device_online"
        } <= registered


def test_simulated_places_say_so_and_nothing_else_is_real(folder: Path) -> None:
    rows = _read(folder)
    for row in (*rows["districts"], *rows["stores"]):
        assert row["simulated"] == "true"
        assert row["name_en"].startswith("Simulated ")
        assert row["name_zh"].startswith("模拟")
    assert len(rows["stores"]) == len(rows["agents"]) == 4
    assert [row["perimeter"] for row in rows["doors"] if row["store_id"] == "sim-store-d"].count("false") == 1


def test_audits_are_of_about_two_thousand_crossings(folder: Path) -> None:
    rows = _read(folder)["audits"]
    assert len(rows) == 2 * 11 + 1  # and the counter on the pavement, in its one quantity
    assert all(1_850 < int(row["device_count"]) < int(row["manual_count"]) == 2_000 for row in rows)


def test_the_seed_moves_the_audits_alone(folder: Path, tmp_path: Path) -> None:
    write_csv_set(district_plan(seed=2), tmp_path)
    differing = {t for t in TABLES if (tmp_path / f"{t}.csv").read_bytes() != (folder / f"{t}.csv").read_bytes()}
    assert differing == {"audits"}


def test_the_recordings_site_registers_what_its_map_yields() -> None:
    rows = _read(ROOT / "deploy" / "recordings" / "calit2-registry")
    series = load_map(ROOT / "deploy" / "recordings" / "calit2.toml").series_by_flow().values()
    assert {(s.device, s.quantity, s.channel) for s in series} == {
        (row["device_id"], row["quantity"], row["channel"]) for row in rows["registered_series"]
    }
