"""A short run of the fuzzing: it covers every decoder and every transport, finds nothing, and would find something."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from random import Random

import pytest
from edge_tools.fuzz import all_targets, fuzz
from edge_tools.fuzz_decoders import check
from edge_tools.fuzz_target import Target
from hypothesis import given
from hypothesis import strategies as st

from edge.decoders.decoder import Arrival, Decoded
from edge.decoders.registry import DECODERS
from edge.readings import Reading
from edge.sources.decoding import PayloadReader
from edge.wire.series import Kind, Series, Unit

ATTEMPTS = 60
TRANSPORTS = {
    *("alert_stream", "dlt645_line", "file_tail", "http_access", "http_poll", "http_push", "modbus_frames"),
    *("multipart", "platform_documents"),
}


@pytest.fixture(scope="module")
def targets() -> Iterator[list[Target]]:
    with all_targets() as made:
        yield made


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_every_decoder_and_every_transport_is_tried_and_nothing_is_found(targets: list[Target]) -> None:
    assert {target.name for target in targets} == {f"decoder:{name}" for name in DECODERS} | TRANSPORTS
    findings = fuzz(targets, seed=1, first=0, attempts=ATTEMPTS, seconds=0)
    assert findings.defects == {}
    assert set(findings.attempts.values()) == {ATTEMPTS}


def _decoded(decoded: Decoded | Exception) -> PayloadReader:
    def decode(_arrival: Arrival) -> Decoded:
        if isinstance(decoded, Exception):
            raise decoded
        return decoded

    return PayloadReader("planted", decode, lambda: 1)


SERIES = Series(device="d", quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE)


@pytest.mark.parametrize(
    "planted",
    [
        ZeroDivisionError(),
        Decoded([Reading(SERIES, 0, float("nan"))]),
        Decoded([Reading(SERIES, 2**62, 1.0)]),
        Decoded([Reading(SERIES, 0, 1.0, ordinal=2**15)]),
        Decoded([Reading(SERIES.model_copy(update={"device": "24:E1:24:FF:39:20"}), 0, 1.0)]),
    ],
)
def test_a_planted_defect_is_found_once_with_how_to_make_it_again(planted: Decoded | Exception) -> None:
    reader = _decoded(planted)
    target = Target("planted", lambda random: check(reader.arrived(random.randbytes(4))))
    findings = fuzz([target], seed=1, first=7, attempts=3, seconds=0)
    ((name, _),) = findings.defects
    (said,) = findings.defects.values()
    assert name == "planted"
    assert said.startswith("--only planted --first 7")


@pytest.mark.parametrize("name", sorted(TRANSPORTS - {"http_poll", "alert_stream", "http_push"}))
@given(random=st.randoms(use_true_random=False))
def test_what_hypothesis_makes_up_is_refused_too(targets: list[Target], name: str, random: Random) -> None:
    next(target for target in targets if target.name == name).attempt(random)
