"""The heads that devices send, right and wrong."""

from __future__ import annotations

import io

import pytest

from edge.sources.http_head import RequestHead, WrongHeadError, read_head


def head_of(content: bytes) -> RequestHead | None:
    return read_head(io.BytesIO(content))


def test_what_a_device_asks_for() -> None:
    head = head_of(b"PUT /a/b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\ncontent-type: a/b\r\n\r\nabc")
    assert head is not None
    assert (head.method, head.target) == ("PUT", "/a/b?c=d")
    assert (head.fields["content-length"], head.fields.get("Content-Type")) == ("3", "a/b")


def test_only_the_head_is_read() -> None:
    stream = io.BytesIO(b"POST / HTTP/1.1\r\n\r\nbody")
    assert read_head(stream) is not None
    assert stream.read() == b"body"


@pytest.mark.parametrize(
    ("version", "connection", "last"),
    [
        ("1.1", "", False),
        ("1.1", "keep-alive", False),
        ("1.1", "Keep-Alive, Upgrade", False),
        ("1.1", "close", True),
        ("1.1", "upgrade, Close", True),
        ("1.0", "", True),
        ("1.0", "Keep-Alive", False),
        ("1.0", "close", True),
    ],
)
def test_whether_another_request_follows(version: str, connection: str, last: bool) -> None:
    field = f"Connection: {connection}\r\n" if connection else ""
    head = head_of(f"POST / HTTP/{version}\r\n{field}\r\n".encode())
    assert head is not None
    assert head.is_last is last


@pytest.mark.parametrize(("version", "asks"), [("1.1", True), ("1.0", False)])
def test_whether_the_body_waits(version: str, asks: bool) -> None:
    head = head_of(f"POST / HTTP/{version}\r\nExpect: 100-Continue\r\n\r\n".encode())
    assert head is not None
    assert head.asks_first is asks


def test_an_empty_line_before_is_passed_over_and_slashes_are_one() -> None:
    head = head_of(b"\r\nPOST //hook HTTP/1.1\n\n")
    assert head is not None
    assert (head.method, head.target) == ("POST", "/hook")


@pytest.mark.parametrize("content", [b"", b"\r\n"])
def test_a_closed_connection_has_none(content: bytes) -> None:
    assert head_of(content) is None


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"POST /\r\n\r\n", 400),
        (b"POST / HTTP/2.0\r\n\r\n", 400),
        (b"POST / x HTTP/1.1\r\n\r\n", 400),
        (b"\r\n\r\nPOST / HTTP/1.1\r\n\r\n", 400),
        (b"P\xf6ST / HTTP/1.1\r\n\r\n", 400),
        (b"\xff\xfe\x00", 400),
        (b"POST /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"POST / HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\na: " + b"b" * 70_000 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_head_is_told_with_its_answer(content: bytes, status: int) -> None:
    with pytest.raises(WrongHeadError) as caught:
        head_of(content)
    assert caught.value.status == status
