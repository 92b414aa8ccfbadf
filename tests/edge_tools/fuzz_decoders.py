"""What fuzzing tries of decoders: any payload is read or refused with a reason, and a batch can carry that."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from uuid import UUID

from edge_tools.decoder_cases import Case, cases_of
from edge_tools.fuzz_target import Target
from edge_tools.mutations import mutated, mutated_text

from edge.decoders.decoder import Arrival
from edge.decoders.registry import DECODERS
from edge.sources.decoding import Payload, PayloadReader
from edge.spool import screening
from edge.spool.seal import MOST_SERIES, Link, Stamp, TableBook, draft, empty_draft, encode, refusal_portions
from edge.wire.batch import Batch
from edge.wire.decode import decode
from edge.wire.series import Origin, SeriesTable

_CONTENT_TYPES = (
    *("", "application/json", "application/xml", "text/plain", "multipart/form-data; boundary=MIME_boundary"),
    *(
        "multipart/mixed",
        "multipart/mixed; boundary=",
        "application/x-www-form-urlencoded",
        "\x00\xff;;;=",
        "MULTIPART/",
    ),
)
_LINK = Link(UUID(int=1), 1, None)
_STAMP = Stamp(UUID(int=2), sealed_us=1, monotonic_us=1)


def decoder_targets() -> list[Target]:
    return [Target(f"decoder:{name}", _attempt(cases_of(name))) for name in sorted(DECODERS)]


def _attempt(cases: list[Case]) -> Callable[[Random], None]:
    readers = [PayloadReader("fuzzed", case.decode, lambda: 1) for case in cases]
    payloads = [case.payload for case in cases]

    def attempt(random: Random) -> None:
        place = random.randrange(len(cases))
        seed = cases[place].arrival()
        topic = mutated_text(seed.topic, random) if random.random() < 0.2 else seed.topic
        content_type = random.choice(_CONTENT_TYPES) if random.random() < 0.2 else seed.content_type
        arrival = Arrival(mutated(seed.payload, payloads, random), seed.at_us, topic, content_type)
        check(readers[place].read(arrival))

    return attempt


def check(payload: Payload) -> None:
    """Assert that what a payload gave is no defect's refusal, and comes through a batch as it is."""
    assert all(refusal.reason for refusal in payload.refusals)
    assert "decoder_failed" not in {refusal.reason for refusal in payload.refusals}, "the decoder raised"
    refusals, _ = screening.screened_refusals(payload.refusals)
    for portion in refusal_portions(refusals):
        batch = decode(encode(empty_draft(Origin.MEASURED, "0" * 64, 1, portion), _LINK, _STAMP, ())[0])
        assert isinstance(batch, Batch)
        assert batch.refusals == portion
    if not payload.readings:
        return
    assert screening.all_usable(payload.readings), "a batch cannot carry a reading"
    seen = {reading.series.definition: reading.series for reading in payload.readings}
    if len(seen) > MOST_SERIES:
        return  # such a payload is sealed in portions
    table, stopped = TableBook().table_for(Origin.MEASURED, seen)
    assert not stopped, "a series holds personal data"
    assert table is not None
    assert isinstance(decode(table.document), SeriesTable)
    sealed = draft(Origin.MEASURED, table, payload.readings)
    batch = decode(encode(sealed, _LINK, _STAMP, ())[0])
    assert isinstance(batch, Batch)
    assert batch.value == [reading.value for reading in payload.readings]
