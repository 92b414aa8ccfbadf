"""One connection of a device that posts: each request bounded in time and size, judged, and answered."""

from __future__ import annotations

import hmac
import io
import re
import socket
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any

from edge.sources.bounded_reading import BoundedReader, TooMuchError
from edge.sources.http_access import Credentials, DigestGate, Verdict
from edge.sources.push_receiver import PushAnswer, PushBounds, PushReceiver

_REALM = "smartstore"
_HEAD_BYTES = 64 * 1024
_LINGER_S = 2.0
_LINGER_BYTES = 1024 * 1024
_SEND_S = 10.0
_SELDOM_S = 60.0
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


class PushDesk:
    """What all connections of one source have in common."""

    def __init__(self, bounds: PushBounds, credentials: Credentials | None, receiver: PushReceiver) -> None:
        self.bounds = bounds
        self.receiver = receiver
        self.gate = _Gate(bounds.authentication, credentials)
        self.stopping = Event()
        self._said_s = -_SELDOM_S

    def say(self, event: str, error: str, fix: str) -> None:
        """Say what was wrong with a request, at most once a minute: a stranger must not fill the log."""
        now_s = time.monotonic()
        if now_s - self._said_s >= _SELDOM_S:
            self._said_s = now_s
            self.receiver.trouble(event, error, fix)


class _Gate:
    """Judges the ``Authorization`` of requests."""

    def __init__(self, authentication: str, credentials: Credentials | None) -> None:
        self._credentials = credentials
        self._digest = (
            DigestGate(_REALM, credentials, time.monotonic)
            if authentication == "digest" and credentials is not None
            else None
        )

    def verdict(self, authorization: str, method: str, target: str) -> Verdict:
        if self._digest is not None:
            return self._digest.verdict(authorization, method, target)
        expected = "" if self._credentials is None else self._credentials.basic()
        if not expected:
            return Verdict.LET_IN
        scheme, _, given = authorization.partition(" ")
        same = hmac.compare_digest(given.strip().encode(), expected.partition(" ")[2].encode())
        return Verdict.LET_IN if same and scheme.lower() == "basic" else Verdict.REFUSED

    def challenges(self, verdict: Verdict) -> list[str]:
        if self._digest is not None:
            return self._digest.challenges(stale=verdict is Verdict.STALE)
        return [f'Basic realm="{_REALM}", charset="UTF-8"']


class _RefusedError(Exception):
    """A request that is answered without its body being looked at; ``ends``: nor can the next one be found."""

    def __init__(self, status: int, detail: str, *, ends: bool = True) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.ends = ends


class _LoginError(_RefusedError):
    def __init__(self, verdict: Verdict, *, said: bool) -> None:
        super().__init__(401, "not let in", ends=False)
        self.verdict = verdict
        self.said = said


class PushConnection(BaseHTTPRequestHandler):
    """Serves one connection, one request after the other."""

    protocol_version = "HTTP/1.1"
    server_version = "smartstore-edge"
    sys_version = ""

    def __init__(self, desk: PushDesk, *connection: Any) -> None:
        self._desk = desk
        super().__init__(*connection)

    def setup(self) -> None:
        """Read through bounds."""
        super().setup()
        self._reader = BoundedReader(self.connection, self._desk.stopping.is_set)
        self.rfile = io.BufferedReader(self._reader)

    def handle_one_request(self) -> None:
        """Serve a request, from its head on."""
        self._reader.allow(self._desk.bounds.receive_within_s, _HEAD_BYTES)
        try:
            super().handle_one_request()
        except TooMuchError:
            self.send_error(431)

    def handle_expect_100(self) -> bool:
        """Have the body sent, unless it is known already that it won't be taken."""
        try:
            self._length()
        except _RefusedError as refused:
            self._refuse(refused)
            return False
        return super().handle_expect_100()

    def do_POST(self) -> None:
        """Hand over what was posted, and answer when it is accepted."""
        try:
            body = self._body(self._length())
            self._judge()
        except _RefusedError as refused:
            self._refuse(refused)
        except TimeoutError:
            self._refuse(_RefusedError(408, "the request took too long to arrive"))
        else:
            path = self.path.partition("?")[0]
            self._answer(self._desk.receiver.pushed(body, path, self.headers.get("Content-Type", "")))

    do_PUT = do_POST  # noqa: N815 - the name that http.server calls

    def _judge(self) -> None:
        """Refuse what is not for this source, or not from its devices; the body has been read."""
        path, below = self.path.partition("?")[0], self._desk.bounds.path.rstrip("/")
        if path != (below or "/") and not path.startswith(f"{below}/"):
            raise _RefusedError(404, f"nothing is received here; post to {self._desk.bounds.path}", ends=False)
        if self.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise _RefusedError(415, "the body is compressed; switch that off in the device", ends=False)
        verdict = self._desk.gate.verdict(self.headers.get("Authorization", ""), self.command, self.path)
        if verdict is not Verdict.LET_IN:
            raise _LoginError(verdict, said="Authorization" in self.headers)

    def _length(self) -> int | None:
        """Return how long the body is, None where it comes in chunks."""
        coding, stated = self.headers.get("Transfer-Encoding"), self.headers.get_all("Content-Length", [])
        if coding is not None:
            if coding.lower() != "chunked" or stated:
                raise _RefusedError(400, "Transfer-Encoding is not chunked alone")
            return None
        if not stated:
            raise _RefusedError(411, "Content-Length is missing")
        if len(set(stated)) > 1 or not re.fullmatch(r"[0-9]{1,18}", stated[0]):
            raise _RefusedError(400, "Content-Length is not a number")
        if int(stated[0]) > self._desk.bounds.most_bytes:
            raise _RefusedError(413, f"the body is longer than {self._desk.bounds.most_bytes} bytes")
        return int(stated[0])

    def _body(self, length: int | None) -> bytes:
        self._reader.allow(self._desk.bounds.receive_within_s, self._desk.bounds.most_bytes + _HEAD_BYTES)
        if length is None:
            return self._chunks()
        body = self.rfile.read(length)
        if len(body) < length:
            raise _RefusedError(400, "the body ended early")
        return body

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            size = _CHUNK_SIZE.fullmatch(self.rfile.readline(1024))
            if size is None:
                raise _RefusedError(400, "a chunk does not begin with its size")
            length = int(size[1], 16)
            if len(body) + length > self._desk.bounds.most_bytes:
                raise _RefusedError(413, f"the body is longer than {self._desk.bounds.most_bytes} bytes")
            if not length:
                break
            body += self.rfile.read(length)
            if self.rfile.read(2) != b"\r\n":
                raise _RefusedError(400, "a chunk does not end where its size says")
        while self.rfile.readline(_HEAD_BYTES).strip():
            pass  # trailers
        return bytes(body)

    def _refuse(self, refused: _RefusedError) -> None:
        if isinstance(refused, _LoginError):
            if refused.said and refused.verdict is Verdict.REFUSED:
                fix = "give the device the user and the password of this source"
                self._desk.say("push_refused", f"{self.client_address[0]} gave a wrong user or password", fix)
            headers = [("WWW-Authenticate", each) for each in self._desk.gate.challenges(refused.verdict)]
        else:
            fix = "see to what this device sends, and to path and most_bytes of this source"
            self._desk.say("push_refused", f"{self.client_address[0]}: {refused.status} {refused.detail}", fix)
            headers = []
        self._answer(PushAnswer(refused.status), headers, ends=refused.ends)
        if refused.ends:
            self._linger()

    def _answer(self, answer: PushAnswer, headers: list[tuple[str, str]] | None = None, *, ends: bool = False) -> None:
        self.connection.settimeout(_SEND_S)
        self.close_connection = self.close_connection or ends or self._desk.stopping.is_set()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.body:
            self.send_header("Content-Type", "application/json")
        if answer.status == 503:
            self.send_header("Retry-After", "30")
        for name, value in headers or []:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def _linger(self) -> None:
        """Read on for a moment before the end: closing with unread bytes would destroy the answer on its way."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self._reader.allow(_LINGER_S, _LINGER_BYTES)
            while self.rfile.read1(_HEAD_BYTES):
                pass

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what cannot be parsed; what http.server would say repeats content."""
        self.request_version = self.protocol_version  # it may not have come as far as that
        self._refuse(_RefusedError(int(code), "not a request that can be read"))

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Say nothing, as ``log_message``."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of http.server
        """Say nothing: what matters is in the agent's log."""
