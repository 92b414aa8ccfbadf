"""A camera's alert stream: parts as soon as they are complete, pictures left out, silence and nonsense given up."""

from __future__ import annotations

import socket
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from edge_tools.device_server import Request, behind_digest, device, ok, raw
from edge_tools.plain_decoder import PLAIN, known
from edge_tools.played import playing

from edge.sources.alert_stream import AlertStream, AlertStreamSettings
from edge.sources.http_access import Credentials, DigestGate
from edge.sources.source import SourceTroubleError

HEAD = b"HTTP/1.1 200 OK\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=boundary\r\n\r\n"


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, PLAIN)


def source(url: str, **keys: Any) -> AlertStream:
    defaults = {"name": "camera", "url": url, "decoder": "plain", "options": {"device": "c"}}
    return AlertStreamSettings.model_validate(defaults | keys).build()


def part(body: bytes, kind: str = "application/xml", *, stated: bool = True) -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if stated else ""
    return f'--boundary\r\nContent-Type: {kind}; charset="UTF-8"\r\n{length}\r\n'.encode() + body + b"\r\n"


class Streaming:
    """Sends pieces, and holds the line until it is let go."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.over = Event()

    def __call__(self, _request: Request, line: socket.socket) -> None:
        for piece in (HEAD, *self.pieces):
            line.sendall(piece)
            Event().wait(0.02)
        self.over.wait(10)


def test_events_come_out_as_soon_as_they_are_whole_and_pictures_do_not() -> None:
    stream = (
        part(b'{"value": 1}') + part(b"\xff\xd8 a picture", "image/jpeg") + part(b"heartbeat") + part(b'{"value": 2}')
    )
    streaming = Streaming(*(stream[start : start + 37] for start in range(0, len(stream), 37)))
    with device(streaming) as camera, playing(source(camera.url(""))) as played:
        played.wait_for(lambda: played.values == [1.0, 2.0])
        assert played.refusals == []
        assert camera.requests[0].target == "/ISAPI/Event/notification/alertStream"
        played.stop.set()
        played.wait_for(lambda: played.ended)
        assert played.error is None
        streaming.over.set()


def test_parts_without_a_length_end_where_the_next_begins() -> None:
    streaming = Streaming(part(b'{"value": 1}', stated=False), part(b'{"value": 2}', stated=False), part(b"x"))
    with device(streaming) as camera, playing(source(camera.url("/my/stream"))) as played:
        played.wait_for(lambda: len(played.groups) == 3)
        assert played.values == [1.0, 2.0]
        assert camera.requests[0].target == "/my/stream"
        streaming.over.set()


def test_behind_digest_access(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    gate = DigestGate("camera", Credentials("me", "secret"), lambda: 1.0)
    streaming = Streaming(part(b'{"value": 1}'))
    asking = {"username": "me", "password_file": str(tmp_path / "password")}
    with device(behind_digest(gate, streaming)) as camera, playing(source(camera.url(), **asking)) as played:
        played.wait_for(lambda: played.values == [1.0])
        streaming.over.set()


def test_a_stream_in_chunks() -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (part(b'{"value": 1}'), part(b'{"value": 2}')))
    head = HEAD.replace(b"MIME-Version: 1.0", b"Transfer-Encoding: chunked")
    with device(raw(head + chunks + b"0\r\n\r\n")) as camera, playing(source(camera.url())) as played:
        played.wait_for(lambda: played.ended)
        assert played.values == [1.0, 2.0]


def test_a_stream_that_ends_is_a_trouble_after_its_events() -> None:
    with device(raw(HEAD + part(b'{"value": 1}'))) as camera, playing(source(camera.url())) as played:
        played.wait_for(lambda: played.ended)
        assert played.values == [1.0]
        assert isinstance(played.error, SourceTroubleError)
        assert "ended the stream" in played.error.problem


def test_events_that_come_together_with_nonsense_are_not_lost() -> None:
    with device(raw(HEAD + part(b'{"value": 1}') + b"x" * 20_000)) as camera, playing(source(camera.url())) as played:
        played.wait_for(lambda: played.ended)
        assert played.values == [1.0]
        assert isinstance(played.error, SourceTroubleError)
        assert "not an alert stream" in played.error.problem


def test_a_silent_camera_is_given_up() -> None:
    streaming = Streaming(part(b'{"value": 1}'))
    with device(streaming) as camera, playing(source(camera.url(), silence_s=1.0)) as played:
        played.wait_for(lambda: played.ended)
        assert played.values == [1.0]
        assert isinstance(played.error, SourceTroubleError)
        assert "silent" in played.error.problem
        streaming.over.set()


@pytest.mark.parametrize(
    "answer", [ok(b"{}"), raw(HEAD + b"x" * 20_000), raw(HEAD + b"--boundary\r\n" + b"x" * 20_000)]
)
def test_what_is_no_alert_stream_is_said(answer: Any) -> None:
    with device(answer) as camera, playing(source(camera.url())) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "not an alert stream" in played.error.problem
