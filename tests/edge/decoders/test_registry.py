"""A vendor's decoder is found through its entry point, and a map describes the same device without programming."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.decoders import registry
from edge.decoders.decoder import Arrival

ADDED = Path(__file__).parent / "added_package"
AT_US = 1_772_413_562_000_000
PAYLOAD = (ADDED / "payload.json").read_bytes()
READINGS = [("north", "entries", "interval", 60.0, 3.0), ("north", "exits", "interval", 60.0, 5.0)]
FOUND = """
import json, sys
sys.path.insert(0, sys.argv[1])
from edge.decoders.decoder import Arrival
from edge.decoders.registry import DECODERS
decoded = DECODERS["acme_gate"].configured({})(Arrival(sys.argv[2].encode(), int(sys.argv[3])))
told = [(r.series.device, r.series.quantity, r.series.kind, r.series.period_s, r.value) for r in decoded.readings]
print(json.dumps(told))
"""
LOADED = """
import json, sys
from edge.decoders.registry import DECODERS
print("json_map" in DECODERS, "xovis" in DECODERS, "nothing" in DECODERS)
own = {"edge.decoders.json_map", "edge.decoders.xovis", "edge.decoders.modbus_map", "edge.decoders.milesight_json"}
assert not own & set(sys.modules)
DECODERS["json_map"]
print(json.dumps(sorted(own & set(sys.modules))))
"""


def test_an_installed_package_adds_a_decoder_by_its_entry_point() -> None:
    command = [sys.executable, "-c", FOUND, str(ADDED), PAYLOAD.decode(), str(AT_US)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert [tuple(reading) for reading in json.loads(told.stdout)] == READINGS


def test_a_map_reads_the_same_device() -> None:
    decoded = registry.DECODERS["json_map"].configured({"map": str(ADDED / "gate.toml")})(Arrival(PAYLOAD, AT_US))
    told = [(r.series.device, r.series.quantity, r.series.kind, r.series.period_s, r.value) for r in decoded.readings]
    assert told == READINGS


@pytest.mark.parametrize(
    ("named", "error", "said"),
    [
        ("a text", TypeError, "is not a Decoder"),
        (registry.DECODERS["xovis"], ValueError, "two decoders are named 'xovis'"),
    ],
)
def test_an_entry_point_that_cannot_be_used_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, named: Any, error: type[Exception], said: str
) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [SimpleNamespace(load=lambda: named)])
    with pytest.raises(error, match=said):
        registry.discovered()


def test_every_decoder_is_found_under_its_own_name() -> None:
    assert {name: decoder.name for name, decoder in registry.DECODERS.items()} == {n: n for n in registry.DECODERS}
    assert len({id(decoder) for decoder in registry.DECODERS.values()}) == len(registry.DECODERS)


def test_a_decoder_is_imported_only_when_it_is_used() -> None:
    told = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    known, found = told.stdout.splitlines()
    assert known == "True True False"
    assert json.loads(found) == ["edge.decoders.json_map"]


def test_the_table_has_every_decoder_with_what_it_was_made_from() -> None:
    rows = registry.table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == sorted(registry.DECODERS)
    assert all(row.count("|") == 4 for row in rows)


def test_the_handbooks_table_is_the_registrys() -> None:
    page = Path(__file__).parents[3] / "analytics" / "handbook" / "en" / "decoders.md"
    assert registry.table() in page.read_text(encoding="utf-8")
