"""The state of spool and sources in Chinese; the English text is tested with the other commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from edge_tools.readings import group

from edge.cli import main
from edge.clock import system_clock
from edge.source_states import SourceStates, states_path
from edge.spool.records import SpoolLimits
from edge.spool.spool import Spool


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
