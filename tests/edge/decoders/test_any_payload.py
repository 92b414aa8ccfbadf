"""No payload crashes a decoder: whatever arrives, it is read or refused with a reason."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from edge_tools.decoder_cases import Case, cases_of
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decoders.keeping import LONGEST_KEPT
from edge.decoders.registry import DECODERS
from edge.wire.batch import MAX_READINGS

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.just("99999999999999999999")
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)


def _try(case: Case, payload: bytes) -> None:
    decoded = case.decoded(payload)
    assert all(0 < len(refused.reason) <= 64 for refused in decoded.refused)
    assert all(len(refused.detail) <= 500 and len(refused.kept) <= LONGEST_KEPT for refused in decoded.refused)
    assert len(decoded.readings) <= MAX_READINGS
    assert all(math.isfinite(reading.value) for reading in decoded.readings)
    assert all(abs(reading.t_us) < 2**62 for reading in decoded.readings)


@pytest.mark.parametrize("name", sorted(DECODERS))
@given(data=st.data())
@settings(max_examples=150)
def test_bytes(name: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(cases_of(name)))
    seed = case.payload
    cut = data.draw(st.integers(0, len(seed)))
    noise = data.draw(st.binary(max_size=40))
    payload = data.draw(st.sampled_from([noise, seed[:cut], seed[:cut] + noise + seed[cut:], seed[:cut] + noise]))
    _try(case, payload)


@pytest.mark.parametrize("name", sorted(DECODERS))
@given(data=st.data())
@settings(max_examples=150)
def test_json_of_another_shape(name: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(cases_of(name)))
    try:
        document = json.loads(case.payload)
    except ValueError:
        return
    _try(case, json.dumps(_mutated(document, data)).encode())


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
