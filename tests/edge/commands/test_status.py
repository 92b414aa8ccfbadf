"""The state of spool, remote configuration and sources; the rest of the English text is tested with other commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from edge_tools.readings import HandClock, group

from edge.cli import main
from edge.clock import system_clock
from edge.remote.held import Held, HeldFile
from edge.source_states import SourceStates, states_path
from edge.spool.records import SpoolLimits
from edge.spool.spool import Spool
from edge.wire.configuration import Configuration


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(
        '[agent]\nid = "shop-1"\n[broker]\nhost = "127.0.0.1"\n[spool]\npath = "spool.db"\n'
        '[[source]]\nkind = "simulated_store"\nname = "trial"\nstore = "sim-store-a"\ndays = [2026-05-04]\n'
    )
    return path


def test_in_chinese(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.open(config.parent / "spool.db", SpoolLimits(2**30, 1e6, 500), system_clock())
    spool.accept([("trial", group(0, 3))])
    spool.close()
    states = SourceStates(["trial"], lambda: 1_000_000)
    states.failed("trial", 2, "no answer", "check the cable")
    states.write(states_path(config.parent / "spool.db"), at_once=True)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert main(["status", str(config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "待确认                1 批，3 条读数" in next(line for line in lines if line.startswith("待确认"))
    assert next(line for line in lines if line.startswith("数据源")).endswith(
        "trial：故障，最近通信 -，读数 0 条，拒收 0 条"
    )
    assert lines[-1].endswith("no answer; check the cable")


def test_without_a_spool_in_chinese(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(config), "--lang", "zh"]) == 1
    assert "无法读取缓存" in capsys.readouterr().err


@pytest.fixture
def rolled_back(config: Path) -> Path:
    spool = config.parent / "spool.db"
    Spool.open(spool, SpoolLimits(2**30, 1e6, 500), system_clock()).close()
    file = HeldFile(spool, lambda: 1_778_464_800_000_000)
    file.write(Held().trying(Configuration(number=5, issued_us=1, toml="")).taken_back("source door has not worked"))
    return config


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            ["remote configuration  number 5: rolled back since 2026-05-11T02:00:00+00:00", "  reason              "],
        ),
        ("zh", ["远程配置              编号 5：自 2026-05-11T02:00:00+00:00 起已回退", "  原因                "]),
    ],
)
def test_the_remote_configuration(
    rolled_back: Path, capsys: pytest.CaptureFixture[str], language: str, said: list[str]
) -> None:
    assert main(["status", str(rolled_back), "--lang", language]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert said[0] in lines
    assert said[1] + "source door has not worked" in lines


def test_the_remote_configuration_as_json(rolled_back: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(rolled_back), "--json"]) == 0
    configuration = json.loads(capsys.readouterr().out)["configuration"]
    assert len(configuration.pop("sha256")) == 64
    assert configuration == {
        "number": 5,
        "state": "rolled_back",
        "detail": "source door has not worked",
        "since_us": 1_778_464_800_000_000,
    }


@pytest.mark.parametrize("content", [None, "damaged"])
def test_without_a_remote_configuration(config: Path, capsys: pytest.CaptureFixture[str], content: str | None) -> None:
    spool = config.parent / "spool.db"
    Spool.open(spool, SpoolLimits(2**30, 1e6, 500), system_clock()).close()
    if content is not None:
        spool.with_name("spool.db.configuration.json").write_text(content)
    assert main(["status", str(config), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["configuration"] is None
    assert main(["status", str(config), "--lang", "en"]) == 0
    assert "remote configuration  -" in capsys.readouterr().out.splitlines()


def test_a_loss_of_an_abandoned_spool_names_it(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = HandClock()
    spool = Spool.open(config.parent / "spool.db", SpoolLimits(2**30, 3600, 500), clock.clock)
    abandoned = spool.spool_id
    spool.accept([("trial", group(0, 3))])
    clock.advance(3700)
    spool.enforce_limits()
    assert main(["status", str(config), "--lang", "en"]) == 0
    assert "\nlost                  1-1 3 readings spool_age" in capsys.readouterr().out
    spool.renew("sequence_reused")
    spool.close()
    assert main(["status", str(config), "--lang", "en"]) == 0
    assert f"\nlost                  {abandoned} 1-1 3 readings spool_age" in capsys.readouterr().out
