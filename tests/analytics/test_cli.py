"""The command line without a database: the catalogue, and settings that can't be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analytics import cli
from analytics.catalogue.all_metrics import METRICS


def test_the_catalogue_lists_every_metric(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["metrics", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["metrics"]
    assert [entry["metric"] for entry in listed] == list(METRICS)
    assert cli.main(["metrics", "--lang", "zh"]) == 0
    text = capsys.readouterr().out
    assert all(metric.name_zh in text and metric.formula in text for metric in METRICS.values())


def test_one_metric_is_shown_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["metrics", "energy_use", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["metric"], shown["unit"], shown["summable"]) == ("energy_use", "kWh", True)
    assert cli.main(["metrics", "energy_use"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("energy_use – Energy use\n")
    assert "footfall" not in text


def test_an_unknown_metric_fails_and_says_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["metrics", "joy"]) == 1
    assert "smartstore metrics" in capsys.readouterr().err


def test_settings_that_cannot_be_used_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "smartstore.toml"
    config.write_text('[database]\nurl = "postgresql://x@127.0.0.1/x"\n[web]\nhost = "192.168.1.4"\n')
    assert cli.main(["serve", "--config", str(config)]) == 1
    assert "web.host" in capsys.readouterr().err
    assert cli.main(["serve", "--config", str(tmp_path / "absent.toml")]) == 1
    assert "absent.toml" in capsys.readouterr().err


def test_a_database_that_is_away_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "smartstore.toml"
    config.write_text('[database]\nurl = "postgresql://nobody@127.0.0.1:1/nothing"\n')
    assert cli.main(["facilities", "north-gate", "--config", str(config)]) == 1
    assert "[database] url" in capsys.readouterr().err
