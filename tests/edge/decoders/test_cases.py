"""Every folder of ``cases``: a payload, how it arrived, and the readings or refusals that it must give.

A case is a folder ``cases/<decoder>/<case>`` with ``case.toml`` (at, topic, content_type, options, traps), one file
``payload.*`` (``payload.hex`` is read as hexadecimal), and ``expected.json``: ``readings`` (device, quantity, channel,
unit, kind, period_s, counter, t, value, flags, ordinal; defaults left out) and ``refused`` (reasons). Adding one needs
no code.
"""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.decoders.decoder import Arrival, Decoded, PayloadRefusedError
from edge.decoders.registry import DECODERS, TRAPS
from edge.readings import Reading
from edge.wire.model import canonical
from edge.wire.personal_data import forbidden_names
from edge.wire.series import SeriesTable

CASES = Path(__file__).parent / "cases"
FOLDERS = sorted(path.parent for path in CASES.glob("*/*/case.toml"))


def _id(folder: Path) -> str:
    return folder.relative_to(CASES).as_posix()


def _case(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))


def _arrival(folder: Path, case: dict[str, Any]) -> Arrival:
    (path,) = folder.glob("payload.*")
    payload = bytes.fromhex(path.read_text()) if path.suffix == ".hex" else path.read_bytes()
    at: datetime = case["at"]
    at_us = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return Arrival(payload, at_us, case.get("topic", ""), case.get("content_type", ""))


def _decode(folder: Path) -> Decoded:
    case = _case(folder)
    decoder = DECODERS[folder.parent.name].configured(case.get("options", {}))
    try:
        return decoder(_arrival(folder, case))
    except PayloadRefusedError as refusal:
        return Decoded(refused=(refusal,))


def _plain(reading: Reading) -> dict[str, Any]:
    series = {k: v for k, v in reading.series.model_dump(mode="json").items() if v not in (None, "")}
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=reading.t_us)
    plain = series | {"t": instant.isoformat().replace("+00:00", "Z"), "value": reading.value}
    return plain | {k: int(v) for k, v in (("flags", reading.flags), ("ordinal", reading.ordinal)) if v}


@pytest.mark.parametrize("folder", FOLDERS, ids=_id)
def test_a_case_gives_what_it_says(folder: Path) -> None:
    decoded = _decode(folder)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    assert [_plain(reading) for reading in decoded.readings] == expected.get("readings", [])
    assert [refusal.reason for refusal in decoded.refused] == expected.get("refused", [])


@pytest.mark.parametrize("folder", FOLDERS, ids=_id)
def test_nothing_personal_comes_out_of_a_case(folder: Path) -> None:
    decoded = _decode(folder)
    if decoded.readings:
        table = SeriesTable.of([reading.series for reading in decoded.readings])
        assert forbidden_names(json.loads(canonical(table))) == []
    for refusal in decoded.refused:
        assert forbidden_names(refusal.kept) == []
        assert forbidden_names(refusal.detail) == []


def test_every_decoder_has_a_case_of_readings_and_one_of_a_refusal() -> None:
    outcomes = {
        (folder.parent.name, kind)
        for folder in FOLDERS
        for kind, found in json.loads((folder / "expected.json").read_text(encoding="utf-8")).items()
        if found
    }
    assert outcomes == {(name, kind) for name in DECODERS for kind in ("readings", "refused")}


def test_every_recurring_trap_is_met_by_a_case() -> None:
    named = {trap for folder in FOLDERS for trap in _case(folder).get("traps", [])}
    assert named <= set(TRAPS), "a case names a trap that the list does not have"
    assert named == set(TRAPS)
