"""The examination as a person runs it: what it prints in each language, and its exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from edge_tools.fake_ingest import fake_ingest, wanting
from edge_tools.running import AGENT
from standalone.broker import PrivateBroker

from edge.cli import main
from edge.onboarding import platform_checks
from edge.source_states import read_states


@pytest.fixture
def config(broker: PrivateBroker, tmp_path: Path) -> Path:
    broker.add_user(AGENT)
    path = tmp_path / "agent.toml"
    path.write_text(
        f'[agent]\nid = "{AGENT}"\n[broker]\nhost = "{broker.host}"\nport = {broker.port}\n'
        f'password_file = "{broker.password_file(AGENT)}"\n[spool]\npath = "spool.db"\nmax_bytes = 1048576\n'
        '[[source]]\nkind = "simulated_store"\nname = "trial"\nstore = "sim-store-a"\n'
        "days = [2026-05-04]\nspeed = 3000\n"
    )
    return path


def _has_contact(config: Path) -> bool:
    return any(state.contact_us is not None for state in read_states(config.parent / "spool.db"))


def examined(config: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, dict[str, str]]]:
    code = main(["doctor", str(config), "--json", "--time-server", "", *more])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, {line["check"]: line for line in lines}


def test_a_broker_without_ingest_is_a_warning_and_exits_with_0(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform_checks, "_STATES_WITHIN_S", 0.1)  # nothing can come
    code, lines = examined(config, capsys)
    assert code == 0
    assert {check: line["grade"] for check, line in lines.items() if check != "disk"} == {
        "configuration": "ok",
        "spool": "ok",
        "network": "ok",
        "tls": "skipped",
        "credentials": "ok",
        "rights": "ok",
        "ingest": "warning",
        "source.trial": "ok",
    }
    assert lines["ingest"]["fix"]


def test_the_platforms_answer_also_tells_the_time(
    broker: PrivateBroker, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake_ingest(broker, lambda batch, _sha256: wanting(batch)):
        code, lines = examined(config, capsys)
    assert lines["ingest"]["grade"] == "ok"
    assert lines["clock"]["grade"] == "wrong"  # the test's ingest answers as of 1970
    assert code == 1


def test_a_running_agent_is_not_disturbed(
    broker: PrivateBroker, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "edge.cli", "run", str(config)]
    with fake_ingest(broker) as ingest, subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            ingest.wait_for(lambda: len(ingest.ledger) > 0 and _has_contact(config))
            code, lines = examined(config, capsys)
        finally:
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=30)
        assert process.returncode == 0, log
    assert code == 0
    assert lines["credentials"]["grade"] == "skipped"
    assert lines["ingest"]["text"].startswith("last acknowledgement")
    assert lines["source.trial"]["text"].startswith("last data")
    assert b"uplink_offline" not in log


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ["wrong    network: ", "→ check broker.host"]), ("zh", ["错误", "网络：", "→ 请检查 broker.host"])],
)
def test_both_languages(
    broker: PrivateBroker, config: Path, capsys: pytest.CaptureFixture[str], language: str, said: list[str]
) -> None:
    broker.stop()
    assert main(["doctor", str(config), "--time-server", "", "--lang", language]) == 1
    text = capsys.readouterr().out
    assert all(each in text for each in said)


def test_a_wrong_configuration_is_a_finding_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('[agent]\nid = "Shop"\n[broker]\nhost = "h"\n[spool]\npath = "s"\nsource = []\n')
    assert main(["doctor", str(config), "--lang", "en"]) == 1
    text = capsys.readouterr().out
    assert "agent.id" in text
    assert "broker.ca_file" in text
    assert text.count("wrong ") >= 2
