"""Splitting multipart: joining parts and splitting them again gives the same parts, however the pieces fall."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoders.decoder import PayloadRefusedError
from edge.decoders.multipart import LONGEST_PART_BYTES, Part, boundary_of, split, whole

BOUNDARY = b"boundary"
KINDS = st.sampled_from(["application/xml", "image/jpeg", "application/json", ""])
HELD = re.compile(rb"(?:\A|\n)-{2,}boundary")
"""A delimiter in a body, which multipart doesn't allow."""
BODIES = st.binary(max_size=60).filter(lambda body: not HELD.search(body)) | st.sampled_from(
    [b"\r\n", b"\r\n--bound", b"not--boundary", b"a\r\n\r\nb\n"]
)
PARTS = st.lists(st.builds(Part, KINDS, BODIES), max_size=4)


def _joined(parts: list[Part], *, lengths: bool, newline: bytes) -> bytes:
    joined = b""
    for part in parts:
        joined += b"--boundary" + newline
        if part.content_type:
            joined += b'Content-Type: %b; charset="UTF-8"' % part.content_type.encode() + newline
        if lengths:
            joined += b"Content-Length: %d" % len(part.body) + newline
        joined += newline + part.body + newline
    return joined + b"--boundary--" + newline


@given(PARTS, st.booleans(), st.sampled_from([b"\r\n", b"\n"]), st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_splitting_undoes_joining_however_the_pieces_fall(
    parts: list[Part], lengths: bool, newline: bytes, pieces: list[int]
) -> None:
    if not lengths:  # only a length tells line ends of the body from those of the delimiter
        parts = [Part(part.content_type, part.body.rstrip(b"\r\n")) for part in parts]
    stream = _joined(parts, lengths=lengths, newline=newline)
    found: list[Part] = []
    rest, place = b"", 0
    while place < len(stream):
        size = pieces[place % len(pieces)]
        more, rest = split(rest + stream[place : place + size], BOUNDARY)
        found += more
        place += size
    assert found == parts
    assert not rest.strip()  # the end of the closing delimiter's line may be left


def test_a_part_with_a_length_is_given_before_the_next_delimiter_has_come() -> None:
    parts, rest = split(b"--boundary\r\nContent-Type: application/xml\r\nContent-Length: 4\r\n\r\n<a/>", BOUNDARY)
    assert parts == [Part("application/xml", b"<a/>")]
    assert rest == b""
    assert split(b"\r\n--boundary\r\nContent-Len", BOUNDARY) == ([], b"\r\n--boundary\r\nContent-Len")


def test_a_length_that_runs_over_the_delimiter_does_not_swallow_the_next_part() -> None:
    stream = (
        b"--boundary\r\nContent-Length: 50\r\n\r\n<a/>\r\n--boundary\r\nContent-Length: 4\r\n\r\n<b/>\r\n--boundary--"
    )
    assert [part.body for part in split(stream, BOUNDARY)[0]] == [b"<a/>", b"<b/>"]


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/mixed; boundary=boundary", b"boundary"),
        ('multipart/mixed; charset=utf-8; Boundary="MIME boundary"', b"MIME boundary"),
        ("multipart/x-mixed-replace;boundary=--myboundary", b"myboundary"),
    ],
)
def test_the_boundary_is_read_without_its_leading_dashes(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


def test_dashes_that_belong_to_the_boundary_are_met_in_the_body() -> None:
    body = b"-----------7dc\r\n\r\nfirst\r\n-----------7dc\r\n\r\nsecond\r\n-----------7dc--\r\n"
    assert [part.body for part in whole(body, "multipart/form-data; boundary=---------7dc")] == [b"first", b"second"]


def test_a_body_that_ends_without_its_closing_delimiter_gives_its_last_part() -> None:
    assert whole(b"--boundary\r\n\r\n<a/>", "multipart/mixed; boundary=boundary") == [Part("", b"<a/>")]


@pytest.mark.parametrize(
    "received",
    [
        b"--boundary\r\nContent-Length: 999999999\r\n\r\n",
        b"--boundary\r\n\r\n" + bytes(LONGEST_PART_BYTES + 1),
        b"--boundary\r\n" + b"x" * 9000,
        b"x" * 9000,
    ],
)
def test_what_would_grow_without_end_is_refused(received: bytes) -> None:
    with pytest.raises(PayloadRefusedError, match="multipart"):
        split(received, BOUNDARY)


def test_parts_before_what_is_refused_are_given_first() -> None:
    parts, rest = split(b"--boundary\r\n\r\n<a/>\r\n--boundary\r\n" + b"x" * 9000, BOUNDARY)
    assert [part.body for part in parts] == [b"<a/>"]
    with pytest.raises(PayloadRefusedError, match="headers of a part"):
        split(rest, BOUNDARY)


def test_a_body_without_parts_and_a_type_without_boundary_are_refused() -> None:
    with pytest.raises(PayloadRefusedError, match="no part"):
        whole(b"<a/>", "multipart/mixed; boundary=boundary")
    with pytest.raises(PayloadRefusedError, match="no boundary"):
        whole(b"<a/>", "multipart/mixed")
