"""Maps of recordings: what they must say, and how a recording finds its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.sources.recording_map import RecordingError, find_map, load_map

FOLDER = Path(__file__).parents[3] / "deploy" / "recordings"
CALIT2_MAP = FOLDER / "calit2.toml"


def test_a_recording_finds_its_map_by_its_first_line(tmp_path: Path) -> None:
    recording = tmp_path / "any-name.csv"
    recording.write_text("flow,date,time_stamp,count\r\n9,07/24/05,00:00:00,0")
    assert find_map(recording, FOLDER) == CALIT2_MAP


def test_a_recording_without_a_map_names_the_known_ones(tmp_path: Path) -> None:
    recording = tmp_path / "strange.csv"
    recording.write_text("when,what\n")
    with pytest.raises(RecordingError, match=r"known: calit2\.toml: flow,date"):
        find_map(recording, FOLDER)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('time_zone = "America/Los_Angeles"', 'time_zone = "America/Atlantis"', "time_zone"),
        ('value_column = "count"', 'value_column = "counts"', "lacks the columns counts"),
        ('quantity = "entries"', 'quantity = "temperature"', "not a quantity counted per interval"),
        ("period_s = 1800", "period_s = 0", "period_s"),
        ('stamp = "end"', 'stamp = "middle"', "stamp"),
        ("%H:%M:%S", "%H:%M:%S %z", "%z and %Z"),
        ('device = "', 'gadget = "', "gadget"),
        ("[flows.9]", "[flows.9", "not TOML"),
    ],
)
def test_a_wrong_map_names_the_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = CALIT2_MAP.read_text()
    assert old in text
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(text.replace(old, new))
    with pytest.raises(RecordingError, match=message):
        load_map(wrong)


def test_a_missing_map_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"source\.map"):
        load_map(tmp_path / "absent.toml")
