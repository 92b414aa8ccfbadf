"""A first configuration by flags and by answers, in both languages; nothing is overwritten unasked."""

from __future__ import annotations

import io
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.cli import main
from edge.configuration import read_configuration
from edge.onboarding import source_kinds
from edge.settings import EdgeSettings
from edge.sources.kinds import KINDS

METER = ["http_poll", "name=meter", "url=http://192.168.1.20/cm", "decoder=tasmota", "options.device=meter-1"]
FLAGS = ["--agent", "store-7", "--host", "broker.example.org", "--ca-file", "ca.pem", "--password-file", "password"]


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "agent.toml"
    assert not (tmp_path / "agent.toml.new").exists()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_flags_alone_write_a_file_that_can_be_read(config: Path, language: str) -> None:
    sources = ["--source", *METER, "--source", "mqtt", "name=zigbee", 'topics=["zigbee2mqtt/+"]', "decoder=zigbee2mqtt"]
    assert main(["init", str(config), *FLAGS, *sources, "--lang", language]) == 0
    settings = read_configuration(config, EdgeSettings)
    assert settings.agent.id == "store-7"
    assert settings.broker.ca_file == config.parent / "ca.pem"
    assert settings.spool.path == Path("/var/lib/smartstore-edge/spool.sqlite")
    assert [source.name for source in settings.source] == ["meter", "zigbee"]
    assert config.stat().st_mode & 0o007 == 0
    assert ("缓存" in config.read_text(encoding="utf-8") or "代理" in config.read_text(encoding="utf-8")) == (
        language == "zh"
    )


def test_what_is_commented_out_is_what_holds_anyway(config: Path) -> None:
    assert main(["init", str(config), *FLAGS, "--source", *METER]) == 0
    plain = read_configuration(config, EdgeSettings)
    text = config.read_text(encoding="utf-8")
    lines = [line[2:] if line.startswith("# ") and " = " in line else line for line in text.splitlines()[3:]]
    config.write_text("\n".join(lines), encoding="utf-8")
    assert len(tomllib.loads(config.read_text(encoding="utf-8"))["uplink"]) == 4
    assert read_configuration(config, EdgeSettings) == plain


def test_a_file_that_is_there_is_kept_unless_forced(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("mine")
    assert main(["init", str(config), *FLAGS, "--source", *METER]) == 1
    assert config.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert main(["init", str(config), *FLAGS, "--source", *METER, "--force"]) == 0
    assert "store-7" in config.read_text()


def test_questions_are_asked_for_what_the_flags_leave_open(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = ["shop-1", "127.0.0.1", "", "", "", "", "99", "simulated_store", "trial", "sim-store-a", "[2026-05-04]"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([*answers, "", ""]) + "\n"))
    assert main(["init", str(config), "--lang", "zh"]) == 0
    settings = read_configuration(config, EdgeSettings)
    assert (settings.agent.id, settings.broker.port, settings.broker.ca_file) == ("shop-1", 8883, None)
    assert [source.kind for source in settings.source] == ["simulated_store"]
    said = capsys.readouterr().out
    assert "数据源种类" in said
    assert "没有这个种类" in said


def test_a_decoders_options_are_asked_for(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "Kind": ["http_poll", ""],
        "name": ["labels"],
        "url": ["http://192.168.1.30/labels"],
        "decoder": ["hanshow"],
        "Option device": ["labels-1"],
    }
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        key = next(key for key in answers if question.startswith(key))
        return answers[key].pop(0)

    monkeypatch.setattr("builtins.input", answer)
    assert main(["init", str(config), *FLAGS, "--port", "8883", "--spool", "spool.sqlite", "--lang", "en"]) == 0
    (source,) = tomllib.loads(config.read_text(encoding="utf-8"))["source"]
    assert source["options"] == {"device": "labels-1"}
    assert len(asked) == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--source", *METER], "--agent"),
        ([*FLAGS, "--source", "carrier_pigeon"], "there is no such kind"),
        ([*FLAGS, "--source", "http_poll", "meter"], "is not KEY=VALUE"),
        ([*FLAGS, "--source", "http_poll", "name=meter"], "source[0].url"),
        ([*FLAGS, "--source", *METER, "--port", "x"], "broker.port"),
        (["--agent", "Store 7", *FLAGS[2:], "--source", *METER], "agent.id"),
        (["--agent", "store-7", "--host", "broker.example.org", "--source", *METER], "broker.ca_file"),
    ],
)
def test_what_cannot_be_used_is_told_and_nothing_is_written(
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["init", str(config), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not config.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o500)
    assert main(["init", str(tmp_path / "sub" / "agent.toml"), *FLAGS, "--source", *METER]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_every_kind_has_a_title() -> None:
    assert set(source_kinds.TITLES) == set(KINDS)
