"""Maps of histories: what is wrong is said by its key, before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.configuration import ConfigurationError
from ingest.history.block import HistoryError
from ingest.history.history_map import load_history_map
from ingest.history.opening import open_history

GOOD = """
title = "Meters of the east wing"
key_columns = ["meter"]
[time]
columns = ["day", "clock"]
form = "%d.%m.%Y %H:%M"
zone = "Asia/Shanghai"
marks = "end"
[[reading]]
column = "kWh"
key = ["M1"]
device = "meter-1"
quantity = "active_energy_used"
unit = "kWh"
period_s = 900
[[reading]]
column = "kWh"
key = ["M2"]
device = "meter-2"
quantity = "active_energy_used"
unit = "kWh"
period_s = 900
"""


def test_columns_that_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(GOOD)
    described = load_history_map(tmp_path / "m.toml")
    assert described.used_columns == ["day", "clock", "meter", "kWh"]
    assert described.value_columns == ["kWh"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('zone = "Asia/Shanghai"\n', "", "zone: name the zone"),
        ('zone = "Asia/Shanghai"', 'zone = "Mars"', "zone"),
        ('form = "%d.%m.%Y %H:%M"', 'form = "dd.mm.yyyy"', "time.form: .*give iso"),
        ('form = "%d.%m.%Y %H:%M"', 'form = "epoch_s"', "stands in one column"),
        ('marks = "end"\n', "", "time.marks: say whether"),
        ('key = ["M2"]', 'key = ["M1"]', "stands twice"),
        ('device = "meter-2"', 'device = "meter-1"', "give each its own channel"),
        ('key = ["M2"]', "key = []", "key must have as many"),
        ('title = "Meters', 'encoding = "klingon"\ntitle = "Meters', "encoding"),
        ('title = "Meters', 'delimiter = "--"\ntitle = "Meters', "delimiter"),
        ("[time]", "[exported]\n[time]", "either"),
        ('unit = "kWh"', 'unit = "W"', "unit"),
        ('title = "Meters', 'titel = 1\ntitle = "Meters', "titel"),
    ],
)
def test_what_is_wrong(tmp_path: Path, old: str, new: str, told: str) -> None:
    (tmp_path / "m.toml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigurationError, match=told):
        load_history_map(tmp_path / "m.toml")


def test_a_timestamp_is_of_parquet(tmp_path: Path) -> None:
    text = GOOD.replace('columns = ["day", "clock"]', 'columns = ["day"]').replace('"%d.%m.%Y %H:%M"', '"timestamp"')
    (tmp_path / "m.toml").write_text(text)
    (tmp_path / "h.csv").write_text("day,meter,kWh\n")
    with pytest.raises(HistoryError, match="Parquet's own"):
        open_history(tmp_path / "h.csv", tmp_path / "m.toml", "a")


def test_no_file(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(GOOD)
    with pytest.raises(HistoryError, match=r"none\.csv: cannot be read"):
        open_history(tmp_path / "none.csv", tmp_path / "m.toml", "a")
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        open_history(tmp_path / "none.csv", tmp_path / "none.toml", "a")
