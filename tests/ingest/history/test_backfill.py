"""Backfill through the ledger: nothing lost, nothing twice, whenever it is killed and however often it is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from history_tools.backfill_child import run as run_child
from history_tools.histories import AGENT, DEVICES, WrittenHistory, stored, write_history, wrong_entries
from ingest_steps import Steps
from sealed_batches import SealingAgent, register

from edge.wire.batch import Flag
from edge.wire.series import Kind, Origin, Series, SeriesTable, Unit
from ingest.history.backfill import Backfill, Imported, Limits
from ingest.history.block import HistoryError
from ingest.history.opening import open_history
from ingest.store import history as store
from ingest.store.account import account, rows_by_spool
from ingest.store.connection import connect
from ingest.writer import Stage

Connection = psycopg.Connection[Any]
MINUTES = 30_000
"""60,000 readings: six batches or more."""


@pytest.fixture
def looking(database: str) -> Iterator[Connection]:
    with connect(database, "test") as connection:
        register(connection, AGENT, DEVICES)
        yield connection


def backfill(database: str, looking: Connection, history: WrittenHistory, **options: Any) -> Imported:
    with connect(database, "test") as writing:
        return Backfill(writing, looking, open_history(history.path, history.map, AGENT), **options).run()


def expected(history: WrittenHistory) -> list[tuple[Any, ...]]:
    """Compute by pandas what the good rows of a history must come to."""
    rows = pd.DataFrame(history.rows, columns=["time", "what", "value"])
    local = pd.to_datetime(rows["time"])
    zoned = local.dt.tz_localize("America/Los_Angeles", ambiguous=np.ones(len(rows), bool), nonexistent="NaT")
    t_us = (zoned.dt.tz_convert("UTC").dt.tz_localize(None) - pd.Timestamp("1970-01-01")) // pd.Timedelta("1us")
    repeated = local.between(pd.Timestamp("2023-11-05 01:00"), pd.Timestamp("2023-11-05 02:00"), inclusive="left")
    names = {"in": ("door-1", "entries"), "temperature": ("fridge-1", "temperature")}
    return sorted(
        (*names[what], int(t), float(value), int(Flag.AMBIGUOUS_LOCAL_TIME) if flagged else 0, 0)
        for what, t, value, flagged in zip(rows["what"], t_us, rows["value"], repeated, strict=True)
    )


def complete(connection: Connection) -> bool:
    rows = rows_by_spool(connection)
    return all(
        not (a.missing or a.chain_breaks) and a.readings_sealed == rows.get(a.spool, 0) + a.duplicates + a.corrections
        for a in account(connection)
    )


def test_a_history_comes_to_what_an_independent_reading_gives(
    database: str, looking: Connection, tmp_path: Path
) -> None:
    history = write_history(tmp_path, MINUTES)
    imported = backfill(database, looking, history)
    assert imported.readings_committed == 2 * MINUTES
    assert imported.file.rows == 2 * MINUTES
    assert stored(looking) == expected(history)
    assert wrong_entries(looking) == []
    assert complete(looking)
    (spool,) = account(looking)
    assert (spool.agent, spool.committed, spool.readings_sealed) == (AGENT, imported.batches_committed, 2 * MINUTES)
    assert looking.execute("select distinct origin from ledger").fetchall() == [("imported",)]
    assert looking.execute("select max(readings) <= 10000 from ledger").fetchone() == (True,)


def test_the_same_file_again_is_all_known(database: str, looking: Connection, tmp_path: Path) -> None:
    history = write_history(tmp_path, 6000)
    first = backfill(database, looking, history)
    heads = looking.execute("select spool, entries, head from spools").fetchall()
    again = backfill(database, looking, history)
    assert (again.batches_committed, again.batches_known) == (0, first.batches_committed)
    assert again.readings_known == first.readings_committed == 12_000
    assert looking.execute("select spool, entries, head from spools").fetchall() == heads
    assert stored(looking) == expected(history)


@pytest.mark.fault
@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("stage", [Stage.BEFORE_COMMIT, Stage.AFTER_COMMIT])
def test_killed_and_repeated(database: str, looking: Connection, tmp_path: Path, stage: Stage, nth: int) -> None:
    history = write_history(tmp_path, MINUTES)
    assert run_child(database, history.path, history.map, AGENT, stage=stage, nth=nth) == -9
    half = looking.execute("select count(*), count(distinct received_at) from ledger").fetchone()
    assert half is not None
    assert (half[0] == 0) == (stage is Stage.BEFORE_COMMIT and nth == 1)
    imported = backfill(database, looking, history)
    assert imported.batches_known == half[0]
    assert imported.readings_known + imported.readings_committed == len(history.rows)
    assert stored(looking) == expected(history)
    assert wrong_entries(looking) == []
    assert complete(looking)


def test_bad_rows_are_refused_kept_and_counted(database: str, looking: Connection, tmp_path: Path) -> None:
    bad = ["2023-12-01 00:00:00,in,many", "yesterday,temperature,4", "2023-12-01 00:00:00,out,1", "broken"]
    bad += ["2023-12-01 00:00:00,in,many", '2023-12-01 00:00:00,in,"1', "2023-12-01 00:00:00,in,"]
    history = write_history(tmp_path, 100, bad)
    imported = backfill(database, looking, history)
    assert imported.file.rows == 200 + len(bad)
    assert imported.file.refused == {"not_a_number": 2, "time": 1, "series": 1, "columns": 2}
    assert imported.file.empty == 1
    kept = looking.execute("select detail, payload, unit, state from refusals order by refusal_id").fetchall()
    assert [(detail, bytes(payload).decode()) for detail, payload, *_ in kept] == [
        ("history.csv: line 202: value is not a number", "line 202: time=2023-12-01 00:00:00; what=in; value=many"),
        (
            "history.csv: line 203: the stated time cannot be read",
            "line 203: time=yesterday; what=temperature; value=4",
        ),
        (
            "history.csv: line 204: no [[reading]] of the map has the key of this row",
            "line 204: time=2023-12-01 00:00:00; what=out; value=1",
        ),
        ("history.csv: line 205: 1 fields where the header has 3", "line 205: broken"),
        ("history.csv: line 206: value is not a number", "line 206: time=2023-12-01 00:00:00; what=in; value=many"),
        ("history.csv: line 207: unexpected end of data", 'line 207: 2023-12-01 00:00:00,in,"1'),
    ]
    assert {row[2:] for row in kept} == {("reading", "open")}
    assert stored(looking) == expected(history)
    again = backfill(database, looking, history)
    assert again.batches_committed == 0
    assert looking.execute("select count(*) from refusals").fetchone() == (6,)


def test_a_file_of_refusals_alone(database: str, looking: Connection, tmp_path: Path) -> None:
    history = write_history(tmp_path, 0, ["broken"] * 2500)
    assert backfill(database, looking, history).file.refused == {"columns": 2500}
    assert looking.execute("select count(*) from refusals").fetchone() == (2500,)
    assert complete(looking)


def test_a_map_of_another_file_is_stopped(database: str, looking: Connection, tmp_path: Path) -> None:
    history = write_history(tmp_path, 10, ["broken"] * 21)
    with pytest.raises(HistoryError, match="21 values of the first 41 rows are none that the map describes"):
        backfill(database, looking, history, limits=Limits(most_refused=20))
    assert looking.execute("select count(*) from ledger").fetchone() == (0,)


def test_personal_data_of_a_bad_row_is_not_kept(database: str, looking: Connection, tmp_path: Path) -> None:
    history = write_history(tmp_path, 1, ["2023-12-01 00:00:00,in,AA:BB:CC:DD:EE:FF", "会员 7,in,1"])
    assert backfill(database, looking, history).file.refused.total() == 2
    payloads = looking.execute("select payload from refusals order by 1").fetchall()
    assert [bytes(payload) for (payload,) in payloads] == [
        b"line 4: (personal data: not kept)",
        b"line 5: (personal data: not kept)",
    ]


@pytest.mark.parametrize(
    ("agent", "devices", "told"),
    [
        ("old", ["door-1"], "not registered to agent old: fridge-1"),
        ("other", DEVICES, "agent old is not approved"),
    ],
)
def test_admission_is_that_of_live_data(
    database: str, tmp_path: Path, agent: str, devices: list[str], told: str
) -> None:
    history = write_history(tmp_path, 10)
    with connect(database, "test") as looking:
        register(looking, agent, devices)
        with pytest.raises(HistoryError, match=told):
            backfill(database, looking, history)
        assert looking.execute("select count(*) from ledger").fetchone() == (0,)
        assert looking.execute("select count(*) from refusals").fetchone() == (0,)


def test_a_revocation_meanwhile_stops_the_import_and_it_goes_on_after_it(
    database: str, looking: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.admission._POLL_S", 0.0)  # a change is noticed at once
    history = write_history(tmp_path, 3 * MINUTES)

    def approve(approved: str) -> None:
        with connect(database, "test") as other:
            other.execute("update agents set approved = %s", [approved])
            other.execute("insert into registry_versions (source, digest) values ('test', '')")

    with pytest.raises(HistoryError, match=r"agent_not_approved.*repeat the import"):
        backfill(database, looking, history, observe=lambda _: approve("false"), limits=Limits(write_bytes=1))
    approve("true")
    backfill(database, looking, history)
    assert stored(looking) == expected(history)
    assert looking.execute("select distinct state from refusals").fetchall() == [("replayed",)]
    assert wrong_entries(looking) == []


def test_two_at_once(database: str, looking: Connection, tmp_path: Path) -> None:
    history = write_history(tmp_path, 10)
    spool = open_history(history.path, history.map, AGENT).spool
    with connect(database, "test") as other:
        assert store.take_spool(other, spool)
        with pytest.raises(HistoryError, match="imported by another process"):
            backfill(database, looking, history)
    backfill(database, looking, history)


def test_a_file_that_changes_meanwhile(database: str, looking: Connection, tmp_path: Path) -> None:
    history = write_history(tmp_path, 10)
    opened = open_history(history.path, history.map, AGENT)
    with history.path.open("a") as file:
        file.write("2023-12-01 00:00:00,in,1\n")
    with connect(database, "test") as writing, pytest.raises(HistoryError, match="was changed while"):
        Backfill(writing, looking, opened).run()


def test_a_dry_run_writes_nothing_and_tells_the_same(database: str, looking: Connection, tmp_path: Path) -> None:
    history = write_history(tmp_path, 200, ["broken"])
    with connect(database, "test") as writing:
        looked = Backfill(writing, looking, open_history(history.path, history.map, AGENT)).look()
    for table in ("ledger", "spools", "series", "series_tables", "refusals", "readings_archive"):
        assert looking.execute(f"select count(*) from {table}").fetchone() == (0,)  # noqa: S608 - own names
    assert looked.file.first_us.tolist() == [t for *_, t, _, _, _ in (expected(history)[0], expected(history)[200])]
    file = backfill(database, looking, history).file
    assert (looked.file.rows, looked.file.refused, looked.file.readings.tolist()) == (
        file.rows,
        file.refused,
        file.readings.tolist(),
    )


def test_history_beside_live_readings(database: str, looking: Connection, tmp_path: Path) -> None:
    """What is stored already stays the first value; the import of another value corrects it within its own class."""
    history = write_history(tmp_path, 300)
    backfill(database, looking, history)
    other = replace(history, path=tmp_path / "second.csv")
    lines = history.path.read_text().splitlines()
    stamp, what, value = lines[1].split(",")
    other.path.write_text("\n".join([lines[0], f"{stamp},{what},{int(value) + 1}", *lines[2:50]]) + "\n")
    imported = backfill(database, looking, other)
    assert (imported.duplicates, imported.corrections) == (48, 1)
    assert stored(looking) == expected(history)
    assert complete(looking)
    assert looking.execute("select old_value, new_value from corrections").fetchall() == [
        (float(value), float(value) + 1)
    ]


def test_live_batches_and_an_import_are_spools_of_one_agent(database: str, looking: Connection, tmp_path: Path) -> None:
    history = write_history(tmp_path, 10)
    live = Series(device="fridge-1", quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=60.0)
    agent = SealingAgent(AGENT, SeriesTable.of([live]))
    Steps(looking).take(AGENT, agent.table_payload, agent.seal([(0, 0, 1.0)], origin=Origin.MEASURED))
    backfill(database, looking, history)
    assert [(a.agent, a.missing) for a in account(looking)] == [(AGENT, 0), (AGENT, 0)]
    assert wrong_entries(looking) == []
