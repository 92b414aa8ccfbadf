"""The commands of the registry, the agents, the account and the status, as an operator runs them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from edge.simulator.plan import district_plan
from edge.simulator.registry_files import write_csv_set
from edge.wire.acknowledgement import RefusalReason
from edge.wire.batch import Batch
from edge.wire.model import canonical, digest
from edge.wire.series import Kind, Origin, Series, SeriesTable, Unit
from edge.wire.topics import Subject
from ingest.admission import Admission
from ingest.catalogue import Catalogue
from ingest.commands import account, agents, registry, status
from ingest.delivery import Delivery
from ingest.preparation import Preparation
from ingest.reconsider import WORKERS_NOTICE_S, reconsider
from ingest.store import ledger
from ingest.store.connection import connect
from ingest.store.registry import current_version
from ingest.store.registry_import import read_set

Run = Callable[..., int]
SPOOL = UUID(int=7)
SERIES = Series(device="counter-1", quantity="entries", unit=Unit.COUNT, kind=Kind.INTERVAL, period_s=300)
TABLE = SeriesTable.of([SERIES])


@pytest.fixture
def run(database: str, tmp_path: Path) -> Run:
    settings = tmp_path / "ingest.toml"
    settings.write_text(f'[broker]\nhost = "127.0.0.1"\nport = 1\n[database]\nurl = "{database}"\n')

    def run_it(*words: str, config: bool = True) -> int:
        parser = argparse.ArgumentParser()
        subparsers = parser.add_subparsers()
        for group in (account, agents, registry, status):
            group.add_parser(subparsers)
        arguments = parser.parse_args([*words, *(["--config", str(settings)] if config else [])])
        done: int = arguments.command(arguments)
        return done

    return run_it


@pytest.fixture
def small_set(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    day = "2025-01-01"
    store = f"s,d,S,店,supermarket,9,sales,08:00,22:00,Asia/Shanghai,{day}"
    files = {
        "districts": "district_id,name_en,name_zh,kind,time_zone,valid_from\n"
        f"d,D,街,pedestrian_street,Asia/Shanghai,{day}",
        "stores": "store_id,district_id,name_en,name_zh,format,floor_area_m2,area_kind,opens_at,closes_at,time_zone,"
        f"valid_from\n{store}",
        "doors": f"door_id,store_id,name_en,name_zh,perimeter,valid_from\ndoor,s,Door,门,true,{day}",
        "points": f"point_id,store_id,facility,kind,door_id,valid_from\np,s,traffic,door_line,door,{day}",
        "agents": f"agent_id,approved,valid_from\nagent-1,false,{day}",
        "devices": f"device_id,agent_id,store_id,purpose,valid_from\ncounter-1,agent-1,s,footfall,{day}",
        "registered_series": f"device_id,quantity,point_id,valid_from\ncounter-1,entries,p,{day}",
    }
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def batch(sequence: int, previous: Batch | None) -> Batch:
    return Batch(
        spool=SPOOL,
        sequence=sequence,
        previous=digest(canonical(previous)) if previous else None,
        series_table=TABLE.digest,
        origin=Origin.MEASURED,
        boot=UUID(int=1),
        sealed_us=sequence,
        monotonic_us=0,
        base_us=1_735_700_000_000_000 + sequence * 300_000_000,
        series=[0],
        offset_us=[0],
        value=[float(sequence)],
        flags=[0],
    )


def deliver(database: str, documents: list[SeriesTable | Batch]) -> list[RefusalReason]:
    """Put documents through ingest as a worker does; return the reasons of what was refused."""
    preparation = Preparation(Catalogue(), Admission())
    with connect(database, "test") as connection:
        at_us = int(datetime.now(UTC).timestamp() * 1e6)
        deliveries = [Delivery("agent-1", Subject.BATCH, canonical(d), at_us) for d in documents]
        refused = []
        for prepared in preparation.prepare(connection, deliveries):
            refused += ledger.write(connection, prepared.write).refused
    return [refusal.reason for refusal in refused]


def one(database: str, query: Any) -> Any:
    with psycopg.connect(database) as c:
        row = c.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_check_needs_no_database_and_lists_what_is_wrong(
    run: Run, small_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("registry", "check", str(small_set), config=False) == 0
    assert capsys.readouterr().out == "the set is in order: 7 facts\n"
    (small_set / "doors.csv").write_text("door_id\nx")
    assert run("registry", "check", str(small_set), config=False) == 1
    shown = capsys.readouterr()
    assert "doors.csv:1: missing column 'perimeter'; add it" in shown.out.splitlines()
    assert "nothing was written" in shown.err


def test_import_writes_a_version_once_and_says_what_changed(
    run: Run, database: str, small_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("status") == 1
    assert "to do: import the site model" in capsys.readouterr().out
    assert run("registry", "import", str(small_set)) == 0
    assert capsys.readouterr().out.startswith("registry version 1\n")
    assert run("registry", "import", str(small_set)) == 0
    assert capsys.readouterr().out == "the set equals registry version 1; nothing was written\n"
    text = (small_set / "stores.csv").read_text(encoding="utf-8")
    (small_set / "stores.csv").write_text(text.replace(",9,", ",10,"), encoding="utf-8")
    assert run("registry", "check", str(small_set)) == 0
    checked = capsys.readouterr().out.splitlines()
    assert checked[-1].split() == ["stores", "1", "1"]
    assert run("registry", "import", str(small_set)) == 0
    with psycopg.connect(database) as c:
        assert [store.floor_area_m2 for v in (1, 2) for store in read_set(c, v).stores] == [9, 10]
    capsys.readouterr()
    assert run("registry", "show") == 0
    shown = capsys.readouterr().out
    assert "version 2 holds" in shown
    assert "import of small" in shown
    assert run("registry", "show", "--version", "3") == 1
    assert "versions are 1 to 2" in capsys.readouterr().err
    assert run("status") == 0
    assert "registry  version 2" in capsys.readouterr().out


def test_the_simulated_district_s_set_is_in_order(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_csv_set(district_plan(), tmp_path / "simulated")
    assert run("registry", "import", str(tmp_path / "simulated")) == 0
    assert "warning" not in capsys.readouterr().out


def test_approval_is_a_version_and_takes_what_was_refused(
    run: Run, database: str, small_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("agents", "approve", "agent-1") == 1
    assert "add it to agents.csv" in capsys.readouterr().err
    run("registry", "import", str(small_set))
    first = batch(1, None)
    second = batch(2, first)
    assert deliver(database, [TABLE, first, second]) == [RefusalReason.AGENT_NOT_APPROVED] * 2
    assert one(database, "select count(*) from ledger") == 0
    assert run("account") == 0
    capsys.readouterr()
    run("agents", "list")
    assert capsys.readouterr().out.splitlines()[1].split() == ["agent-1", "no", "1", "never", "2"]

    assert run("agents", "approve", "agent-1") == 0
    said = capsys.readouterr().out
    assert "agent agent-1 is approved with registry version 2" in said
    assert "refused batches replayed: 2 committed" in said
    assert one(database, "select array_agg(value::float8 order by t) from readings_count") == [1.0, 2.0]
    assert one(database, "select array_agg(state) from refusals") == ["replayed", "replayed"]

    # The set still says that it isn't: importing it withdraws the approval, and says so.
    assert run("registry", "import", str(small_set)) == 0
    assert "warning: agent agent-1 was approved and is not by this set" in capsys.readouterr().out
    assert run("agents", "approve", "agent-1") == 0
    assert run("agents", "revoke", "agent-1") == 0
    assert "agent agent-1 is not approved with registry version 5" in capsys.readouterr().out
    assert deliver(database, [batch(3, second)]) == [RefusalReason.AGENT_NOT_APPROVED]


def test_an_import_takes_what_was_refused_for_an_unregistered_device(
    run: Run, database: str, small_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agents_csv, devices_csv = small_set / "agents.csv", small_set / "devices.csv"
    agents_csv.write_text(agents_csv.read_text().replace("false", "true"))
    whole = {name: (small_set / name).read_text() for name in ("devices.csv", "registered_series.csv")}
    for name, text in whole.items():
        (small_set / name).write_text(text.splitlines()[0])
    run("registry", "import", str(small_set))
    assert deliver(database, [TABLE, batch(1, None)]) == [RefusalReason.DEVICE_NOT_REGISTERED]
    capsys.readouterr()
    devices_csv.write_text(whole["devices.csv"])
    assert run("registry", "import", str(small_set)) == 0
    assert "refused batches replayed: 1 committed" in capsys.readouterr().out
    assert one(database, "select count(*) from readings_count") == 1


def test_an_import_that_approves_an_agent_takes_what_was_refused(
    run: Run, database: str, small_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("registry", "import", str(small_set))
    deliver(database, [TABLE, batch(1, None)])
    agents_csv = small_set / "agents.csv"
    agents_csv.write_text(agents_csv.read_text().replace("false", "true"))
    capsys.readouterr()
    assert run("registry", "import", str(small_set)) == 0
    assert "refused batches replayed: 1 committed" in capsys.readouterr().out


def test_what_a_worker_refused_before_it_noticed_is_replayed_too(run: Run, database: str, small_set: Path) -> None:
    run("registry", "import", str(small_set))
    with connect(database, "test") as connection:
        deliver(database, [TABLE, batch(1, None)])
        connection.execute("insert into presence (agent, connection, online) values ('agent-1', 1, true)")
        waited: list[float] = []

        def late_refusal(duration_s: float) -> None:
            waited.append(duration_s)
            assert one(database, "select count(*) from ledger") == 1
            # What a worker with the old version in memory does: refuse, and keep.
            connection.execute("update agents set approved = false")
            deliver(database, [batch(2, batch(1, None))])
            connection.execute("update agents set approved = true")

        connection.execute("update agents set approved = true")
        outcomes = reconsider(connection, ["agent-1"], datetime.now(UTC).date(), late_refusal)
    assert waited == [WORKERS_NOTICE_S]
    assert outcomes == {"committed": 2}
    assert one(database, "select count(*) from ledger") == 2


def test_account_tells_missing_batches_and_lost_rows_from_complete(
    run: Run, database: str, small_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agents_csv = small_set / "agents.csv"
    agents_csv.write_text(agents_csv.read_text().replace("false", "true"))
    run("registry", "import", str(small_set))
    first = batch(1, None)
    second = batch(2, first)
    third = batch(3, second)
    deliver(database, [TABLE, first, third])
    capsys.readouterr()
    assert run("account", "--json") == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["agent"], found["spool"], found["highest_sequence"]) == ("agent-1", str(SPOOL), 3)
    assert (found["committed"], found["missing"], found["missing_ranges"]) == (2, 1, [[2, 2]])
    assert (found["readings_sealed"], found["rows_stored"], found["complete"]) == (2, 2, False)
    assert run("account") == 1
    assert "batches 2 are neither committed, refused nor declared lost" in capsys.readouterr().out
    deliver(database, [second])
    assert run("account") == 0
    assert capsys.readouterr().out.endswith("complete: nothing is missing undeclared\n")
    with psycopg.connect(database) as c:
        c.execute("delete from readings_count where value = 2")
    assert run("account") == 1
    assert "1 committed readings are not in the table of readings" in capsys.readouterr().out


def test_account_tells_a_broken_chain(
    run: Run, database: str, small_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agents_csv = small_set / "agents.csv"
    agents_csv.write_text(agents_csv.read_text().replace("false", "true"))
    run("registry", "import", str(small_set))
    first = batch(1, None)
    stranger = first.model_copy(update={"sealed_us": 99})
    deliver(database, [TABLE, first, batch(2, stranger)])
    capsys.readouterr()
    assert run("account") == 1
    assert "1 batches do not follow the batch before them" in capsys.readouterr().out


def test_status_of_a_database_without_schema(
    empty_database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "ingest.toml"
    settings.write_text(f'[broker]\nhost = "127.0.0.1"\nport = 1\n[database]\nurl = "{empty_database}"\n')
    parser = argparse.ArgumentParser()
    status.add_parser(parser.add_subparsers())
    arguments = parser.parse_args(["status", "--json", "--config", str(settings)])
    assert arguments.command(arguments) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["schema"] == 0
    assert shown["to_do"] == ["bring the schema up to this release with: smartstore-ingest migrate"]


def test_who_may_not_change_the_registry_is_told_whose_settings_to_use(
    run: Run, database: str, small_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("registry", "import", str(small_set))
    settings = tmp_path / "ingest.toml"
    lesser = make_conninfo(database, options="-c role=smartstore_ingest")
    settings.write_text(settings.read_text().replace(database, lesser.replace("\\", "\\\\")))
    assert run("agents", "approve", "agent-1") == 1
    assert "settings whose [database] url names the owner" in capsys.readouterr().err
    assert run("account") == 0
    assert run("status") == 0
    with psycopg.connect(database) as c:
        assert current_version(c) == 1
