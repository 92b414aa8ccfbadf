"""What is read straight into arrays is what the one judge of payloads reads; whatever else there is is left to it."""

from __future__ import annotations

import json
import random
import zlib
from typing import Any
from uuid import UUID

import pytest
from arrived_batches import assert_same
from hypothesis import given
from hypothesis import strategies as st
from sealed_batches import NOON_US, SealingAgent, gauge, interval
from wire_strategies import DOCUMENTS, batches

from edge.wire.batch import MAX_PAYLOAD_BYTES, Batch
from edge.wire.model import canonical
from edge.wire.series import SeriesTable
from ingest.arrived import ArrivedBatch
from ingest.decode import Rejection, decode_payload, decode_payloads
from ingest.scan import Scanner

TABLE = SeriesTable.of([gauge("d1"), interval("d2")])
INSTANT = st.integers(0, 10**17)


@st.composite
def plain(draw: st.DrawFn) -> Batch:
    """Draw a batch as agents send nearly all of theirs: nothing but readings, at times that there are."""
    n = draw(st.integers(0, 8))
    return draw(batches()).model_copy(
        update={
            "sealed_us": draw(INSTANT),
            "base_us": draw(INSTANT),
            "monotonic_us": draw(INSTANT),
            "sequence": 1,
            "previous": None,
            "series": draw(st.lists(st.integers(0, 9_999), min_size=n, max_size=n)),
            "offset_us": draw(st.lists(st.integers(-(10**15), 10**15), min_size=n, max_size=n)),
            "value": draw(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=n, max_size=n)),
            "flags": draw(st.lists(st.integers(0, 2**15 - 1), min_size=n, max_size=n)),
            "ordinal": [],
            "losses": [],
            "refusals": [],
            "resealed_from": None,
        }
    )


def sealed(**overrides: Any) -> bytes:
    return SealingAgent("a", TABLE).seal([(0, 0, 1.0), (1, 5, 2.0)], **overrides)


def scanned(*texts: bytes) -> list[ArrivedBatch | None]:
    return Scanner().scan(texts)


@given(st.lists(plain().map(canonical), max_size=5))
def test_plain_batches_are_read_as_the_judge_reads_them(texts: list[bytes]) -> None:
    for text, batch in zip(texts, scanned(*texts), strict=True):
        assert batch is not None
        assert_same(batch, decode_payload(text))


@given(st.lists(DOCUMENTS.map(canonical), max_size=5), st.integers())
def test_damaged_and_other_documents_are_read_alike_or_left(texts: list[bytes], seed: int) -> None:
    """Each text is also damaged in a place or two: most damage leaves a text that looks nearly right."""
    chance = random.Random(seed)
    for text in list(texts):
        damaged = bytearray(text)
        for _ in range(chance.randint(1, 2)):
            at = chance.randrange(len(damaged))
            damaged[at : at + chance.choice([0, 1])] = chance.choice(
                [b"0", b"9", b"-", b".", b"e", b",", b"[", b"]", b""]
            )
        texts.append(bytes(damaged))
    for text, batch in zip(texts, scanned(*texts), strict=True):
        if batch is not None:
            assert_same(batch, decode_payload(text))


@given(plain(), st.data())
def test_a_number_that_is_none_or_out_of_bounds_is_left_to_the_judge(batch: Batch, data: st.DataObject) -> None:
    document = batch.model_dump(mode="json")
    filled = [name for name in ("series", "offset_us", "value", "flags") if document[name]]
    name = data.draw(st.sampled_from([*filled, "sealed_us", "base_us", "sequence"]))
    wrong = data.draw(st.sampled_from([-1, 10_000, 2**15, 2**62, -(2**62), 2**63, 2**64, 10**30, 1.5, "1", None, [1]]))
    if isinstance(document[name], list):
        document[name][data.draw(st.integers(0, len(document[name]) - 1))] = wrong
    else:
        document[name] = wrong
    text = json.dumps(document, separators=(",", ":")).encode()
    right = sealed()
    first, found, last = scanned(right, text, right)
    assert first is not None and last is not None, "one wrong text spoils no other"  # noqa: PT018
    if found is not None:
        assert_same(found, decode_payload(text))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"value":[1.0,2.0]', b'"value":[[1.0],[2.0]]'),
        (b'"value":[1.0,2.0]', b'"value":[1.0,2.0],"value":[3.0,4.0]'),
        (b'"flags":[0,0]', b'"value":[3.0,4.0]'),
        (b'"value":[1.0,2.0]', b'"value":[1.0,2.0],"face_id":"x"'),
        (b'"value":[1.0,2.0]', b'"value":[1.0]'),
        (b'"value":[1.0,2.0]', b'"value":[1e400,2.0]'),
        (b'"sequence":1,', b'"sequence":0,'),
        (b'"sequence":1,', b'"sequence":01,'),
        (b'"sequence":1,', b'"sequence":2,'),
        (b'"version":1,', b'"version":2,'),
        (b'"origin":"measured"', b'"origin":"guessed"'),
    ],
)
def test_what_only_looks_right_is_left(before: bytes, after: bytes) -> None:
    text = sealed()
    assert scanned(text) != [None]
    assert before in text
    assert scanned(text.replace(before, after)) == [None]


def test_a_time_without_a_date_is_left() -> None:
    assert scanned(sealed(sealed_us=253_402_300_800_000_000)) == [None]
    assert scanned(sealed(base_us=253_402_300_800_000_000 - 4)) == [None]
    assert scanned(sealed(base_us=1, offset_us=[0, -62_135_596_800_000_002])) == [None]


def test_a_text_that_is_too_long_is_left() -> None:
    text = sealed()
    assert scanned(text.replace(b'"value":[', b'"value":[' + b" " * MAX_PAYLOAD_BYTES)) == [None]


def test_a_batch_without_readings() -> None:
    (batch,) = scanned(SealingAgent("a", TABLE).seal([]))
    assert batch is not None
    assert (batch.highest_series, len(batch.series)) == (-1, 0)


def test_payloads_of_all_kinds_keep_their_order() -> None:
    agent = SealingAgent("a", TABLE)
    payloads = [agent.seal([(0, n, float(n))]) for n in range(3)]
    mixed = [
        payloads[0],
        b"nothing",
        agent.table_payload,
        zlib.compress(payloads[1]),
        zlib.compress(b"[")[:-1],
        payloads[2],
    ]
    found = decode_payloads(mixed, Scanner())
    assert [type(each) for each in found] == [
        ArrivedBatch,
        Rejection,
        SeriesTable,
        ArrivedBatch,
        Rejection,
        ArrivedBatch,
    ]
    assert [each.sequence for each in found if isinstance(each, ArrivedBatch)] == [1, 2, 3]
    for payload, each in zip(mixed, found, strict=True):
        assert_same(each, decode_payload(payload))


def test_fields_of_a_batch() -> None:
    agent = SealingAgent("a", TABLE)
    first = agent.seal([(0, 0, 1.0)])
    _, batch = scanned(first, agent.seal([(1, 3, -0.0), (0, 4, 1e-320)]))
    assert batch is not None
    assert isinstance(batch.spool, UUID)
    assert batch.previous is not None
    assert (batch.sequence, batch.base_us, batch.highest_series) == (2, NOON_US, 1)
    assert batch.offset_us.tolist() == [3, 4]
    assert str(batch.value.tolist()) == "[-0.0, 1e-320]"
