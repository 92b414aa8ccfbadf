"""One connection of a device that posts: each request bounded in time and size, judged, and answered."""

from __future__ import annotations

import hmac
import io
import re
import socket
import time
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from socketserver import StreamRequestHandler
from threading import Event
from typing import Any

from edge.sources.bounded_reading import BoundedReader, TooMuchError
from edge.sources.http_access import Credentials, DigestGate, Verdict
from edge.sources.http_head import RequestHead, WrongHeadError, read_head
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


class PushConnection(StreamRequestHandler):
    """Serves one connection, one request after the other."""

    rbufsize = 0  # what is read goes through bounds and a buffer of its own

    def __init__(self, desk: PushDesk, *connection: Any) -> None:
        self._desk = desk
        self._ends = False
        super().__init__(*connection)

    def setup(self) -> None:
        """Read through bounds."""
        super().setup()
        self._reader = BoundedReader(self.connection, self._desk.stopping.is_set)
        self._stream = io.BufferedReader(self._reader)

    def handle(self) -> None:
        """Serve requests until one is the last."""
        while not self._ends:
            self._reader.allow(self._desk.bounds.receive_within_s, _HEAD_BYTES)
            try:
                head = read_head(self._stream)
                if head is None:
                    return
                self._serve(head)
            except WrongHeadError as wrong:
                self._refuse(_RefusedError(wrong.status, wrong.detail))
            except TooMuchError:
                self._refuse(_RefusedError(431, "the header fields are too long or too many"))
            except TimeoutError:
                return

    def _serve(self, head: RequestHead) -> None:
        """Hand over what was posted, and answer when it is accepted."""
        self._ends = head.is_last
        try:
            if head.method not in {"POST", "PUT"}:
                raise _RefusedError(501, f"{head.method} is not served; post readings")
            length = self._length(head)
            if head.asks_first:
                self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = self._body(length)
            self._judge(head)
        except _RefusedError as refused:
            self._refuse(refused)
        except TimeoutError:
            self._refuse(_RefusedError(408, "the request took too long to arrive"))
        else:
            path = head.target.partition("?")[0]
            self._answer(self._desk.receiver.pushed(body, path, head.fields.get("Content-Type", "")))

    def _judge(self, head: RequestHead) -> None:
        """Refuse what is not for this source, or not from its devices; the body has been read."""
        path, below = head.target.partition("?")[0], self._desk.bounds.path.rstrip("/")
        if path != (below or "/") and not path.startswith(f"{below}/"):
            raise _RefusedError(404, f"nothing is received here; post to {self._desk.bounds.path}", ends=False)
        if head.fields.get("Content-Encoding", "identity").lower() != "identity":
            raise _RefusedError(415, "the body is compressed; switch that off in the device", ends=False)
        verdict = self._desk.gate.verdict(head.fields.get("Authorization", ""), head.method, head.target)
        if verdict is not Verdict.LET_IN:
            raise _LoginError(verdict, said="Authorization" in head.fields)

    def _length(self, head: RequestHead) -> int | None:
        """Return how long the body is, None where it comes in chunks."""
        coding, stated = head.fields.get("Transfer-Encoding"), head.fields.get_all("Content-Length", [])
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
        body = self._stream.read(length)
        if len(body) < length:
            raise _RefusedError(400, "the body ended early")
        return body

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            size = _CHUNK_SIZE.fullmatch(self._stream.readline(1024))
            if size is None:
                raise _RefusedError(400, "a chunk does not begin with its size")
            length = int(size[1], 16)
            if len(body) + length > self._desk.bounds.most_bytes:
                raise _RefusedError(413, f"the body is longer than {self._desk.bounds.most_bytes} bytes")
            if not length:
                break
            body += self._stream.read(length)
            if self._stream.read(2) != b"\r\n":
                raise _RefusedError(400, "a chunk does not end where its size says")
        while self._stream.readline(_HEAD_BYTES).strip():
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
        self._ends = self._ends or ends or self._desk.stopping.is_set()
        fields = [
            *(("Server", "smartstore-edge"), ("Date", formatdate(usegmt=True))),
            ("Content-Length", str(len(answer.body))),
            *([("Content-Type", "application/json")] if answer.body else []),
            *([("Retry-After", "30")] if answer.status == 503 else []),
            *(headers or []),
            *([("Connection", "close")] if self._ends else []),
        ]
        first = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"
        lines = [first, *(f"{name}: {value}" for name, value in fields), "", ""]
        self._send("\r\n".join(lines).encode("iso-8859-1") + answer.body)

    def _send(self, content: bytes) -> None:
        self.connection.settimeout(_SEND_S)
        self.wfile.write(content)

    def _linger(self) -> None:
        """Read on for a moment before the end: closing with unread bytes would destroy the answer on its way."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self._reader.allow(_LINGER_S, _LINGER_BYTES)
            while self._stream.read1(_HEAD_BYTES):
                pass
