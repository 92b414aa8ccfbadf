"""The commands of retention tell what is kept and what would go, and remove what the settings say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from ingest_steps import Steps, instant
from sealed_batches import SealingAgent, gauge, interval, register

from analytics import settings as analytics_settings
from analytics.scheduler.aggregation import Aggregation
from analytics.scheduler.hearing import Hearing
from analytics.scheduler.rollup import Rollup
from edge.configuration import ConfigurationError
from edge.wire.series import SeriesTable
from ingest import cli, settings
from ingest.store import compression
from ingest.store.connection import Database, connect
from ingest.store.scheduling import take_job

START_US = 1_577_836_800_000_000  # 2020-01-01T00:00:00Z
DAY_US = 86_400_000_000
KEPT = 762
"""Days, the floor of both classes here."""


@pytest.fixture
def connection(database: str) -> Iterator[Database]:
    """Yield a connection to a database with three days that are older than what is kept, and two younger ones."""
    with closing(connect(database, "test")) as connection:
        if compression.has_chunks(connection):
            compression.set_chunk_interval(connection, timedelta(days=1))
        register(connection, "a", ["d1", "d2"])
        agent, steps = SealingAgent("a", SeriesTable.of([gauge("d1"), interval("d2")])), Steps(connection)
        steps.take("a", agent.table_payload)
        for day in (0, 1, 2, KEPT + 3, KEPT + 4):
            rows = [(n, hour * DAY_US // 24, float(hour)) for hour in range(24) for n in range(2)]
            at_us = START_US + day * DAY_US
            steps.take("a", agent.seal(rows, base_us=at_us, sealed_us=START_US + (KEPT + 4) * DAY_US))
        yield connection


def settle(connection: Database) -> None:
    while Aggregation(connection).run(instant(START_US + 10 * DAY_US)):
        pass
    while Rollup(connection).run():
        pass
    while Hearing(connection).run():
        pass


def config(folder: Path, database: str, retention: str) -> Path:
    path = folder / "ingest.toml"
    (folder / "password").write_text("x\n")
    path.write_text(
        f'[broker]\nhost = "127.0.0.1"\nport = 1883\nusername = "ingest"\npassword_file = "password"\n'
        f'[database]\nurl = "{database}"\n[retention]\n{retention}\n'
    )
    return path


def said(capsys: pytest.CaptureFixture[str], path: Path, *words: str, status: int = 0) -> str:
    assert cli.main(["retention", *words, "--config", str(path)]) == status
    return capsys.readouterr().out


def test_plan_run_and_show(
    connection: Database, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(tmp_path, database, f"count_days = {KEPT}\nstate_days = {KEPT}")
    assert "state: waits until the scheduler has computed the buckets" in said(capsys, path, "plan")
    assert "has to wait" in said(capsys, path, "run", status=1)
    settle(connection)
    planned = json.loads(said(capsys, path, "plan", "--json"))
    assert {(one["retention_class"], one["readings"]) for one in planned} <= {
        ("count", 24), ("state", 24), ("count", 72), ("state", 72),
    }  # fmt: skip
    assert sum(one["readings"] for one in planned) == 144
    assert sum(one["leaves"] for one in planned) == 6
    assert all(one["size_bytes"] > 0 and one["leaves_bytes"] > 0 for one in planned)
    assert "144 readings removed" in said(capsys, path, "run")
    assert "nothing would go" in said(capsys, path, "plan")
    shown = {one["retention_class"]: one for one in json.loads(said(capsys, path, "show", "--json"))}
    assert {name: (one["readings"], one["keep_days"]) for name, one in shown.items()} == {
        "count": (72, KEPT), "state": (72, KEPT),
    }  # fmt: skip
    assert "kept for ever" in said(capsys, path, "show")
    assert cli.main(["account", "--config", str(path)]) == 0
    assert "complete: nothing is missing undeclared" in capsys.readouterr().out


def test_without_a_setting_everything_is_kept(
    connection: Database, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(connection)
    path = config(tmp_path, database, "")
    assert said(capsys, path, "plan") == "nothing would go: everything is kept\n"
    assert said(capsys, path, "run") == "0 readings removed\n"
    assert "for ever" in said(capsys, path, "show")


def test_one_session_at_a_time(
    connection: Database, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert take_job(connection, "retention")
    path = config(tmp_path, database, f"count_days = {KEPT}")
    assert "the scheduler is at it already" in said(capsys, path, "run", status=1)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("count_days = 761", "retention.count_days: .*under the floor of 762.*MOFCOM notice"),
        ("state_days = 183", "retention.state_days: .*under the floor of 184.*Cybersecurity Law.*Article 21"),
        ("count_days = 0", "retention.count_days: .*under the floor"),
        ("state_days = 36501", "retention.state_days"),
        ("archive_days = 9999", "retention.archive_days"),
    ],
)
def test_a_wrong_setting_names_the_key_and_why(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        settings.load(config(tmp_path, "postgresql://x@127.0.0.1/x", line))
    path = tmp_path / "scheduler.toml"
    path.write_text(f'[database]\nurl = "postgresql://x@127.0.0.1/x"\n[retention]\n{line}\n')
    with pytest.raises(ConfigurationError, match=told):
        analytics_settings.load(path)
