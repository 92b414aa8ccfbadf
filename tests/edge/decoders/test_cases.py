"""Every folder of ``cases``: a payload, how it arrived, and the readings or refusals that it must give.

A case is a folder ``cases/<decoder>/<case>`` with ``case.toml`` (at, topic, content_type, options, traps), one file
``payload.*`` (``payload.hex`` is read as hexadecimal), and ``expected.json``: ``readings`` (device, quantity, channel,
unit, kind, period_s, counter, t, value, flags, ordinal; defaults left out) and ``refused`` (reasons). Adding one needs
no code.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from edge_tools.decoder_cases import CASES, Case

from edge.decoders.registry import DECODERS, TRAPS
from edge.readings import Reading
from edge.wire.decode import loosely
from edge.wire.model import canonical
from edge.wire.personal_data import forbidden_names
from edge.wire.quantities import QUANTITIES
from edge.wire.series import SeriesTable


def _expected(case: Case) -> dict[str, Any]:
    expected: dict[str, Any] = json.loads((case.folder / "expected.json").read_text(encoding="utf-8"))
    return expected


def _plain(reading: Reading) -> dict[str, Any]:
    series = {k: v for k, v in reading.series.model_dump(mode="json").items() if v not in (None, "")}
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=reading.t_us)
    plain = series | {"t": instant.isoformat().replace("+00:00", "Z"), "value": reading.value}
    return plain | {k: int(v) for k, v in (("flags", reading.flags), ("ordinal", reading.ordinal)) if v}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_gives_what_it_says(case: Case) -> None:
    decoded, expected = case.decoded(), _expected(case)
    assert [_plain(reading) for reading in decoded.readings] == expected.get("readings", [])
    assert [refusal.reason for refusal in decoded.refused] == expected.get("refused", [])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_reading_is_of_a_known_quantity_in_its_unit_and_one_of_its_kinds(case: Case) -> None:
    for reading in case.decoded().readings:
        known = QUANTITIES[reading.series.quantity]
        assert reading.series.unit is known.unit
        assert reading.series.kind in known.kinds


@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_personal_comes_out_of_a_case(case: Case) -> None:
    decoded = case.decoded()
    if decoded.readings:
        table = SeriesTable.of([reading.series for reading in decoded.readings])
        assert forbidden_names(json.loads(canonical(table))) == []
    for refusal in decoded.refused:
        assert forbidden_names([loosely(refusal.kept), refusal.detail]) == []


@pytest.mark.parametrize("case", [case for case in CASES if case.decoded().refused], ids=str)
def test_a_refused_payload_is_kept_or_known_by_its_digest(case: Case) -> None:
    first = case.decoded().refused[0]
    assert bool(first.kept) != ("SHA-256" in first.detail)


def test_every_decoder_has_a_case_of_readings_and_one_of_a_refusal() -> None:
    outcomes = {(case.decoder.name, kind) for case in CASES for kind, found in _expected(case).items() if found}
    assert outcomes == {(name, kind) for name in DECODERS for kind in ("readings", "refused")}


def test_every_recurring_trap_is_met_by_a_case() -> None:
    named = {trap for case in CASES for trap in case.described.get("traps", [])}
    assert named <= set(TRAPS), "a case names a trap that the list does not have"
    assert named == set(TRAPS)
