"""Compressed payloads say the same as plain ones, damaged ones are refused, and none takes more memory than a MiB."""

from __future__ import annotations

import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_strategies import DOCUMENTS

from edge.wire.acknowledgement import RefusalReason
from edge.wire.batch import MAX_PAYLOAD_BYTES
from edge.wire.compression import InflationError, deflated, inflated, is_deflated
from edge.wire.decode import Document, WireError, decode
from edge.wire.model import canonical

EXAMPLES = Path(__file__).parent / "examples" / "v1"


@given(DOCUMENTS)
def test_a_document_reads_the_same_from_its_stream(document: Document) -> None:
    text = canonical(document)
    assert decode(zlib.compress(text)) == decode(text) == document
    payload = deflated(text)
    assert payload == text or len(payload) <= 0.9 * len(text)
    assert is_deflated(payload) == (payload != text)
    assert inflated(payload, len(text)) == text


@given(st.binary(max_size=2000))
def test_what_was_deflated_is_inflated_within_its_bound_and_no_other(text: bytes) -> None:
    stream = zlib.compress(text)
    assert inflated(stream, len(text)) == text
    if text:
        with pytest.raises(InflationError) as caught:
            inflated(stream, len(text) - 1)
        assert caught.value.too_large


def test_the_example_of_a_compressed_batch_stays_readable() -> None:
    payload = (EXAMPLES / "batch_compressed.zlib").read_bytes()
    assert is_deflated(payload)
    assert decode(payload) == decode((EXAMPLES / "batch_with_losses_and_refusals.json").read_bytes().rstrip(b"\n"))


@given(DOCUMENTS, st.data())
def test_a_cut_or_prolonged_stream_is_refused(document: Document, data: st.DataObject) -> None:
    stream = zlib.compress(canonical(document))
    cut = stream[: data.draw(st.integers(1, len(stream) - 1))]
    for wrong in (cut, stream + data.draw(st.binary(min_size=1, max_size=9)), stream + stream):
        with pytest.raises(WireError) as caught:
            decode(wrong)
        assert caught.value.reason is RefusalReason.UNDECODABLE


@given(DOCUMENTS, st.data())
def test_a_damaged_stream_never_gives_another_document(document: Document, data: st.DataObject) -> None:
    """A few bits of a stream say nothing, such as how hard it was compressed; every other is checked."""
    stream = bytearray(zlib.compress(canonical(document)))
    stream[data.draw(st.integers(1, len(stream) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(WireError):
        assert decode(bytes(stream)) == document


@given(st.binary(max_size=300))
def test_bytes_that_look_like_a_stream_raise_nothing_else(rest: bytes) -> None:
    for first in (b"x", b"\x78\x9c"):
        with pytest.raises(WireError) as caught:
            decode(first + rest)
        assert caught.value.reason is RefusalReason.UNDECODABLE


def test_the_plain_text_has_the_bound_of_a_payload() -> None:
    text = canonical(decode((EXAMPLES / "batch.json").read_bytes()))
    padded = text + b" " * (MAX_PAYLOAD_BYTES - len(text))
    assert decode(zlib.compress(padded)) == decode(text)
    with pytest.raises(WireError) as caught:
        decode(zlib.compress(padded + b" "))
    assert caught.value.reason is RefusalReason.TOO_LARGE


def test_a_bomb_takes_no_more_memory_than_its_bound() -> None:
    compressor = zlib.compressobj()
    bomb = b"".join([*(compressor.compress(b"[" * 2**20) for _ in range(300)), compressor.flush()])
    assert len(bomb) < MAX_PAYLOAD_BYTES
    tracemalloc.start()
    try:
        with pytest.raises(WireError) as caught:
            decode(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.reason is RefusalReason.TOO_LARGE
    assert peak < 4 * MAX_PAYLOAD_BYTES
