"""No payload crashes a decoder: whatever arrives, it is read or refused with a reason."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decoders.decoder import Arrival, Decoded, Decoder, PayloadRefusedError
from edge.decoders.registry import DECODERS
from edge.wire.batch import MAX_READINGS

CASES = Path(__file__).parent / "cases"
AT_US = 1_772_413_500_000_000
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.just("99999999999999999999")
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)


def _seeds(name: str) -> list[tuple[bytes, dict[str, Any]]]:
    """Return the payloads of a decoder's cases, with what its cases say of options and topic."""
    found = []
    for path in sorted((CASES / name).glob("*/case.toml")):
        (payload,) = path.parent.glob("payload.*")
        raw = bytes.fromhex(payload.read_text()) if payload.suffix == ".hex" else payload.read_bytes()
        found.append((raw, tomllib.loads(path.read_text(encoding="utf-8"))))
    return found


def _try(decoder: Decoder[Any], payload: bytes, case: dict[str, Any]) -> None:
    arrival = Arrival(payload, AT_US, case.get("topic", ""), case.get("content_type", ""))
    try:
        decoded = decoder.configured(case.get("options", {}))(arrival)
    except PayloadRefusedError as refused:
        reasons = [refused.reason]
        decoded = Decoded()
    else:
        reasons = [refused.reason for refused in decoded.refused]
    assert all(0 < len(reason) <= 64 for reason in reasons)
    assert len(decoded.readings) <= MAX_READINGS
    assert all(math.isfinite(reading.value) for reading in decoded.readings)
    assert all(abs(reading.t_us) < 2**62 for reading in decoded.readings)


@pytest.mark.parametrize("name", sorted(DECODERS))
@given(data=st.data())
@settings(max_examples=150)
def test_bytes(name: str, data: st.DataObject) -> None:
    seed, case = data.draw(st.sampled_from(_seeds(name)))
    cut = data.draw(st.integers(0, len(seed)))
    noise = data.draw(st.binary(max_size=40))
    payload = data.draw(st.sampled_from([noise, seed[:cut], seed[:cut] + noise + seed[cut:], seed[:cut] + noise]))
    _try(DECODERS[name], payload, case)


@pytest.mark.parametrize("name", sorted(DECODERS))
@given(data=st.data())
@settings(max_examples=150)
def test_json_of_another_shape(name: str, data: st.DataObject) -> None:
    seed, case = data.draw(st.sampled_from(_seeds(name)))
    try:
        document = json.loads(seed)
    except ValueError:
        return
    _try(DECODERS[name], json.dumps(_mutated(document, data)).encode(), case)


def _mutated(node: Any, data: st.DataObject) -> Any:
    """Return a document with one part of it replaced, removed or repeated."""
    if isinstance(node, dict) and node and data.draw(st.integers(0, 3)):
        key = data.draw(st.sampled_from(sorted(node)))
        if data.draw(st.integers(0, 4)) == 0:
            return {k: v for k, v in node.items() if k != key}
        return {**node, key: _mutated(node[key], data)}
    if isinstance(node, list) and node and data.draw(st.integers(0, 3)):
        place = data.draw(st.integers(0, len(node) - 1))
        return [*node[:place], _mutated(node[place], data), *node[place:]]
    return data.draw(ANYTHING)
