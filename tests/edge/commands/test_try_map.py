"""``smartstore-edge try`` and ``decoders``, as an operator uses them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.cli import main
from edge.decoders.registry import DECODERS

MAPS = Path(__file__).parents[3] / "deploy" / "maps"
AT = "--at=2026-03-02T01:05:00Z"


def _payload(tmp_path: Path, text: str) -> str:
    path = tmp_path / "payload"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_readings_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    payload = _payload(tmp_path, '{"type":"tap","point":"P-07","cardNo":"0004418293","time":"2026-03-02 09:04:58"}')
    assert main(["try", str(MAPS / "patrol_point.toml"), payload, AT]) == 0
    assert capsys.readouterr().out == (
        "reading  patrol-reader-1 patrol_point_visited[P-07] = 1 count (event) at 2026-03-02T01:04:58Z\n"
    )


def test_a_flag_and_a_period_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    payload = _payload(tmp_path, '{"cumulativeFlow":"1234567","readAt":"2026-03-01T01:00:00+08:00"}')
    arguments = ["try", str(MAPS / "water_meter.toml"), payload, AT, "--topic=meters/23/up"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == (
        "reading  23 water_volume = 1234.567 m3 (cumulative of 3600 s) at 2026-02-28T17:00:00Z flagged clock_suspect\n"
    )


def test_a_refusal_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    payload = _payload(tmp_path, '{"panel":{"id":"FAP-1","faults":{"mains":"?"}}}')
    assert main(["try", str(MAPS / "fire_panel.toml"), payload, AT]) == 1
    assert capsys.readouterr().out == (
        "refused  missing: panel.inService is missing\n"
        "refused  unknown_state: panel.faults.mains holds a state that the map's states do not list\n"
    )


def test_what_a_map_ignores_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    payload = _payload(tmp_path, '{"type":"heartbeat","time":"2026-03-02 09:04:58"}')
    assert main(["try", str(MAPS / "patrol_point.toml"), payload, AT]) == 0
    assert "ignores" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["4366 8000\n4366 0000 4367 8000", '{"start":3027,"registers":[17254,32768,17254,0,17255,32768]}']
)
def test_registers_in_hexadecimal_or_json_from_standard_input(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    arguments = ["try", str(MAPS / "iem3155.toml"), "-", AT, "--start", "3027", "--device", "main-meter"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == (
        "reading  main-meter voltage[a] = 230.5 V (gauge) at 2026-03-02T01:05:00Z\n"
        "reading  main-meter voltage[b] = 230 V (gauge) at 2026-03-02T01:05:00Z\n"
        "reading  main-meter voltage[c] = 231.5 V (gauge) at 2026-03-02T01:05:00Z\n"
    )


def test_hexadecimal_starts_at_the_lowest_register(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", str(MAPS / "iem3155.toml"), _payload(tmp_path, "3fa00000"), AT]) == 0
    assert capsys.readouterr().out == "reading  device current[a] = 1.25 A (gauge) at 2026-03-02T01:05:00Z\n"


@pytest.mark.parametrize("text", ["43668", "volt", "", "\u00e9"])
def test_what_is_neither_is_refused(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", str(MAPS / "iem3155.toml"), _payload(tmp_path, text)]) == 1
    assert capsys.readouterr().out.startswith("refused  ")


@pytest.mark.parametrize(
    ("text", "told"), [("format = 'csv'", "format: "), ("", "format: "), ("format = 'json'\ntitle = 't'", "reading: ")]
)
def test_a_wrong_map_is_told_by_its_key(
    tmp_path: Path, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "map.toml"
    wrong.write_text(text, encoding="utf-8")
    assert main(["try", str(wrong), _payload(tmp_path, "{}")]) == 2
    assert f"{wrong}: {told}" in capsys.readouterr().err


def test_a_map_of_bacnet_objects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = '{"objects": [{"object": "analog-input,1", "present_value": 50, "units": "degrees-fahrenheit"}]}'
    assert main(["try", str(MAPS / "bacnet_air_handler.toml"), _payload(tmp_path, told), AT]) == 0
    assert "reading  device temperature[supply] = 10 degC (gauge of 300 s)" in capsys.readouterr().out


def test_a_payload_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", str(MAPS / "hvac.toml"), str(tmp_path / "absent")]) == 2
    assert "absent" in capsys.readouterr().err


def test_a_time_without_an_offset_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["try", "map.toml", "-", "--at", "2026-03-02T01:05:00"])
    assert ended.value.code == 2
    assert "offset" in capsys.readouterr().err


def test_every_decoder_is_listed_with_what_it_was_made_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decoders"]) == 0
    listed = capsys.readouterr().out
    for name, decoder in DECODERS.items():
        assert f"{name}\n  {decoder.title}\n  made from {decoder.made_from.value}: {decoder.source}\n" in listed


def test_the_shown_payload_of_a_map_is_one_that_it_reads(tmp_path: Path) -> None:
    shown = "".join(
        line.removeprefix("#").strip()
        for line in (MAPS / "escalator.toml").read_text(encoding="utf-8").splitlines()
        if line.startswith("#  ")
    )
    json.loads(shown)
    assert main(["try", str(MAPS / "escalator.toml"), _payload(tmp_path, shown), AT]) == 0
