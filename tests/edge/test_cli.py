"""The commands as an operator runs them: real processes, exit codes, and what they print."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from edge_tools.fake_ingest import fake_ingest
from edge_tools.running import AGENT
from standalone.broker import PrivateBroker

from edge.cli import main
from edge.simulator.plan import district_plan
from edge.wire.presence import Will

DAY = "2026-05-04"


@pytest.fixture
def config(broker: PrivateBroker, tmp_path: Path) -> Path:
    broker.add_user(AGENT)
    path = tmp_path / "edge.toml"
    path.write_text(
        f"""
[agent]
id = "{AGENT}"
[broker]
host = "{broker.host}"
port = {broker.port}
password_file = "{broker.password_file(AGENT)}"
[spool]
path = "spool.db"
[uplink]
backlog_batches_per_s = 2000
[[source]]
kind = "simulated_store"
name = "simulated"
store = "{a_store()}"
days = [{DAY}]
""",
        encoding="utf-8",
    )
    return path


def a_store() -> str:
    return district_plan().stores[0].store_id


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edge.cli", *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def status(config: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert main(["status", str(config), "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_simulated_day_is_played_until_drained_and_the_account_is_shown(
    broker: PrivateBroker, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake_ingest(broker) as ingest:
        with start("run", str(config), "--until-drained") as process:
            _, log = process.communicate(timeout=120)
        assert process.returncode == 0, log
        events = [json.loads(line)["event"] for line in log.splitlines()]
        assert events[0] == "agent_started"
        assert events[-1] == "agent_stopped"
        ingest.wait_for(lambda: any(isinstance(each, Will) for each in ingest.presence))
        assert all(each.clean for each in ingest.presence if isinstance(each, Will))
        committed = len(ingest.values())
    shown = status(config, capsys)
    assert shown["agent"] == AGENT
    assert shown["depth"] == {"batches": 0, "bytes": 0, "readings": 0, "oldest_us": None}
    totals = shown["totals"]
    assert isinstance(totals, dict)
    assert totals["accepted_readings"] == totals["committed_readings"] == committed > 1000
    assert main(["status", str(config)]) == 0
    text = capsys.readouterr().out
    assert f"accepted readings     {committed}\n" in text
    assert f"spool                 {shown['spool']}\n" in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_cleanly_and_status_works_meanwhile(
    broker: PrivateBroker, config: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    with fake_ingest(broker, lambda _batch, _sha256: None) as ingest, start("run", str(config)) as process:
        ingest.wait_for(lambda: len(ingest.batches) > 3)
        depth = status(config, capsys)["depth"]
        assert isinstance(depth, dict)
        assert depth["batches"] > 3
        process.send_signal(number)
        _, log = process.communicate(timeout=30)
        assert process.returncode == 0, log
        ingest.wait_for(lambda: any(isinstance(each, Will) and each.clean for each in ingest.presence))


def test_a_second_agent_on_the_same_spool_ends_with_1(broker: PrivateBroker, config: Path) -> None:
    with start("run", str(config)) as first:
        with fake_ingest(broker) as ingest:
            ingest.wait_for(lambda: len(ingest.presence) > 0)
        with start("run", str(config)) as second:
            _, log = second.communicate(timeout=30)
        assert second.returncode == 1
        assert "in use by another process" in log
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=30)


@pytest.mark.parametrize("command", ["run", "status"])
def test_a_wrong_configuration_ends_with_2_and_names_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    config = tmp_path / "edge.toml"
    config.write_text('[agent]\nid = "a"\n[broker]\nhost = "h"\n[spool]\npath = "s"\n[[source]]\nkind = "recording"\n')
    assert main([command, str(config)]) == 2
    assert "broker.ca_file" in capsys.readouterr().err


def test_a_source_that_cannot_be_built_ends_with_2_and_is_named(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = config.read_text()
    source = '[[source]]\nkind = "recording"\nname = "doors"\npath = "/none.csv"\nmap = "/none.toml"\n'
    config.write_text(text[: text.index("[[source]]")] + source)
    assert main(["run", str(config)]) == 2
    assert "source[0] (doors)" in capsys.readouterr().err


def test_status_without_a_spool_ends_with_1(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(config)]) == 1
    assert "start the agent once" in capsys.readouterr().err


def test_a_wrong_command_line_ends_with_2() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["fly"])
    assert caught.value.code == 2
