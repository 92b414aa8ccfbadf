"""Whatever bytes arrive, the answer is a document or a reason; what is personal is never kept."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from arrived_batches import assert_same
from hypothesis import given
from hypothesis import strategies as st
from sealed_batches import SealingAgent, gauge, interval
from wire_strategies import DOCUMENTS

from edge.wire.acknowledgement import RefusalReason
from edge.wire.batch import MAX_PAYLOAD_BYTES
from edge.wire.model import canonical
from edge.wire.series import SeriesTable
from ingest.arrived import ArrivedBatch
from ingest.decode import Rejection, decode_payload

TABLE = SeriesTable.of([gauge("d1"), interval("d2")])


def sealed(**overrides: Any) -> bytes:
    return SealingAgent("a", TABLE).seal([(0, 0, 1.0)], **overrides)


@given(st.binary(max_size=300))
def test_no_bytes_raise(payload: bytes) -> None:
    assert isinstance(decode_payload(payload), Rejection)


@given(DOCUMENTS, st.data(), st.booleans())
def test_no_damage_to_a_document_raises(document: Any, data: st.DataObject, compressed: bool) -> None:
    payload = bytearray(zlib.compress(canonical(document)) if compressed else canonical(document))
    for _ in range(data.draw(st.integers(0, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(decode_payload(bytes(payload)), ArrivedBatch | SeriesTable | Rejection)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    )
)
def test_no_json_raises(document: Any) -> None:
    assert isinstance(decode_payload(json.dumps(document).encode()), Rejection)


@pytest.mark.parametrize("depth", [500, 900, 5_000, 200_000])
def test_nesting_does_not_exhaust_the_stack(depth: int) -> None:
    rejection = decode_payload(b"[" * depth + b"]" * depth)
    assert isinstance(rejection, Rejection)
    assert rejection.reason is RefusalReason.UNDECODABLE


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", RefusalReason.UNDECODABLE),
        (b" " * (MAX_PAYLOAD_BYTES + 1), RefusalReason.TOO_LARGE),
        (b'{"type":"batch","version":7}', RefusalReason.VERSION_UNKNOWN),
        (b'{"type":"will","version":1,"agent":"a","connection":1,"clean":true}', RefusalReason.UNDECODABLE),
    ],
)
def test_reasons(payload: bytes, reason: RefusalReason) -> None:
    rejection = decode_payload(payload)
    assert isinstance(rejection, Rejection)
    assert rejection.reason is reason
    assert rejection.keep


def test_personal_data_is_named_by_its_field_and_not_kept() -> None:
    document = json.loads(sealed())
    document["face_id"] = "secret-1234"
    rejection = decode_payload(json.dumps(document).encode())
    assert isinstance(rejection, Rejection)
    assert rejection.reason is RefusalReason.PERSONAL_DATA
    assert not rejection.keep
    assert "face" in rejection.detail
    assert "secret" not in rejection.detail


def test_a_compressed_payload_is_judged_by_its_text() -> None:
    payload = sealed()
    assert_same(decode_payload(zlib.compress(payload)), decode_payload(payload))
    document = json.loads(payload)
    rejection = decode_payload(zlib.compress(json.dumps(document | {"face_id": "secret-1234"}).encode()))
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.keep) == (RefusalReason.PERSONAL_DATA, False)


@pytest.mark.parametrize(
    "payload", [b"x", b"x marks no stream", zlib.compress(b"[]")[:-1], zlib.compress(b" " * 2**21)]
)
def test_what_cannot_be_inflated_cannot_be_checked_for_personal_data_and_is_not_kept(payload: bytes) -> None:
    rejection = decode_payload(payload)
    assert isinstance(rejection, Rejection)
    assert not rejection.keep


@pytest.mark.parametrize("pack", [bytes, zlib.compress])
def test_what_is_no_valid_batch_still_gives_its_identity(pack: Callable[[bytes], bytes]) -> None:
    document = json.loads(sealed()) | {"unheard_of": 1}
    rejection = decode_payload(pack(json.dumps(document).encode()))
    assert isinstance(rejection, Rejection)
    assert rejection.keep
    assert rejection.spool == UUID(document["spool"])
    assert rejection.sequence == 1


@pytest.mark.parametrize("sequence", ["1", True, 0, 2**63, None, 1.5])
def test_an_impossible_sequence_is_left_out(sequence: object) -> None:
    document = json.loads(sealed()) | {"sequence": sequence}
    rejection = decode_payload(json.dumps(document).encode())
    assert isinstance(rejection, Rejection)
    assert rejection.spool == UUID(document["spool"])
    assert rejection.sequence is None


@pytest.mark.parametrize(
    "overrides",
    [
        {"sealed_us": 2**62},
        {"base_us": 2**62, "offset_us": [2**62]},
        {"base_us": -(2**62)},
    ],
)
def test_times_without_a_date_are_refused_before_they_overflow(overrides: dict[str, Any]) -> None:
    rejection = decode_payload(sealed(**overrides))
    assert isinstance(rejection, Rejection)
    assert rejection.reason is RefusalReason.UNDECODABLE
    assert "clock" in rejection.detail
