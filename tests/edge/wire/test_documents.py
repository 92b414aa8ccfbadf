"""Encode and decode are inverses, examples of every released version stay readable, and nothing else is let in."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_strategies import AGENT, DOCUMENTS, TABLES, batches

from edge.wire.acknowledgement import RefusalReason, ranges_of
from edge.wire.batch import Batch
from edge.wire.decode import Document, WireError, decode
from edge.wire.model import canonical, digest
from edge.wire.series import Kind, Series, SeriesTable, Unit
from edge.wire.topics import Subject, every_agent, ingest_state_topic, parse_topic, topic

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("v*/*.json"))


@given(DOCUMENTS)
def test_decode_is_the_inverse_of_canonical(document: Document) -> None:
    payload = canonical(document)
    assert decode(payload) == document
    assert canonical(decode(payload)) == payload


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_examples_of_released_versions_stay_readable_to_the_byte(path: Path) -> None:
    payload = path.read_bytes().rstrip(b"\n")
    assert canonical(decode(payload)) == payload


def test_every_document_type_has_an_example() -> None:
    types = {json.loads(p.read_bytes())["type"] for p in EXAMPLES}
    assert types == {"batch", "series_table", "acknowledgement", "birth", "will", "ingest_state", "configuration"}


@given(st.binary(max_size=300))
def test_bytes_that_are_no_document_are_refused_with_a_reason(payload: bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode(payload)
    assert caught.value.reason in {RefusalReason.UNDECODABLE, RefusalReason.PERSONAL_DATA}


def _batch_with(**changes: Any) -> bytes:
    example = next(p for p in EXAMPLES if p.stem == "batch")
    return json.dumps(json.loads(example.read_bytes()) | changes).encode()


@pytest.mark.parametrize(
    ("changes", "reason", "named"),
    [
        ({"version": 2}, RefusalReason.VERSION_UNKNOWN, "version 2"),
        ({"colour": 1}, RefusalReason.UNDECODABLE, "colour"),
        ({"value": [1.0]}, RefusalReason.UNDECODABLE, "differ in length"),
        ({"sequence": 0}, RefusalReason.UNDECODABLE, "sequence"),
        ({"sequence": 2**63}, RefusalReason.UNDECODABLE, "sequence"),
        ({"sequence": "7"}, RefusalReason.UNDECODABLE, "sequence"),
        ({"previous": None}, RefusalReason.UNDECODABLE, "previous"),
        ({"ordinal": [0]}, RefusalReason.UNDECODABLE, "ordinal"),
        ({"flags": [2**15, 0, 0]}, RefusalReason.UNDECODABLE, "flags.0"),
        ({"mac": "24:E1:24:FF:39:20"}, RefusalReason.PERSONAL_DATA, "mac"),
        ({"extra": {"track_id": 5}}, RefusalReason.PERSONAL_DATA, "trackid"),
        ({"人脸": 1}, RefusalReason.PERSONAL_DATA, "人脸"),
        ({"blob": "QUJD" * 60}, RefusalReason.PERSONAL_DATA, "blob"),
    ],
)
def test_a_batch_outside_the_contract_is_refused_naming_the_field(
    changes: dict[str, Any], reason: RefusalReason, named: str
) -> None:
    with pytest.raises(WireError) as caught:
        decode(_batch_with(**changes))
    assert caught.value.reason is reason
    assert named in caught.value.detail


def test_infinities_and_nan_are_refused() -> None:
    for word in (b"NaN", b"Infinity", b"1e999"):
        payload = _batch_with().replace(b"5.0", word, 1)
        assert payload != _batch_with()
        with pytest.raises(WireError, match="undecodable"):
            decode(payload)


def test_a_payload_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(WireError, match="too_large"):
        decode(b" " * (1024 * 1024 + 1))


def test_personal_data_in_a_decoder_refusal_stops_the_batch_without_repeating_it() -> None:
    refusal = {"source": "s", "reason": "r", "detail": "d", "payload": '{"faces":[{"age":31}]}', "at_us": 0}
    with pytest.raises(WireError) as caught:
        decode(_batch_with(refusals=[refusal]))
    assert caught.value.reason is RefusalReason.PERSONAL_DATA
    assert "31" not in caught.value.detail


def test_personal_data_in_a_series_table_is_refused() -> None:
    table = SeriesTable.of([Series(device="face-counter", quantity="entries", unit=Unit.COUNT, kind=Kind.GAUGE)])
    with pytest.raises(WireError, match="personal_data"):
        decode(canonical(table))


@given(TABLES)
def test_a_tables_digest_names_its_series_whatever_their_order(table: SeriesTable) -> None:
    assert SeriesTable.of(list(reversed(table.series))).digest == table.digest == digest(canonical(table))


@given(batches())
def test_a_batch_has_one_text(batch: Batch) -> None:
    assert canonical(batch) == canonical(Batch.model_validate(batch.model_dump()))


@given(AGENT, st.sampled_from(Subject))
def test_topics_and_their_parts_are_inverses(agent: str, subject: Subject) -> None:
    assert parse_topic(topic(agent, subject)) == (agent, subject)


@pytest.mark.parametrize(
    "name",
    ["smartstore/v1/a/b/batch", "smartstore/v2/a/batch", "smartstore/v1//batch", "smartstore/v1/A/batch", "", "$SYS/x"],
)
def test_other_topics_are_no_agents(name: str) -> None:
    assert parse_topic(name) is None


def test_the_platforms_topics_are_no_agents() -> None:
    assert parse_topic(ingest_state_topic("worker-1")) is None
    assert parse_topic(every_agent(Subject.BATCH)) is None


@given(st.lists(st.integers(1, 60), max_size=40))
def test_ranges_cover_the_sequences_and_no_other(sequences: list[int]) -> None:
    ranges = ranges_of(sequences)
    assert [n for low, high in ranges for n in range(low, high + 1)] == sorted(set(sequences))
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(ranges))
