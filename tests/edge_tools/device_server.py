"""A device that answers over HTTP as a test wants, also wrongly: the bytes of every answer are the test's own."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import NamedTuple

from edge.sources.http_access import DigestGate, Verdict


class Request(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]


Answer = Callable[[Request, socket.socket], None]
"""Sends what it wants to the asking side."""


class Device:
    """Serves one connection after the other; ``answer`` may be exchanged at any time."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.stop = Event()
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", port))
        self._listening.settimeout(0.05)
        self.port: int = self._listening.getsockname()[1]

    def url(self, path: str = "/status?a=1", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def serve(self) -> None:
        while not self.stop.is_set():
            try:
                line, _ = self._listening.accept()
            except TimeoutError:
                continue
            with line, suppress(OSError):
                line.settimeout(5)
                if self._context is None:
                    self._answer(line)
                else:
                    with self._context.wrap_socket(line, server_side=True) as wrapped:
                        self._answer(wrapped)
        self._listening.close()

    def _answer(self, line: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            received = line.recv(4096)
            if not received:
                return
            head += received
        first, *rest = head.decode().split("\r\n\r\n")[0].split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
        request = Request(method, target, headers)
        self.requests.append(request)
        self.answer(request, line)


def ok(body: bytes, content_type: str = "application/json") -> Answer:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return raw(head + body)


def raw(content: bytes) -> Answer:
    return lambda _request, line: line.sendall(content)


def status(number: int, *headers: str) -> Answer:
    return raw("\r\n".join([f"HTTP/1.1 {number} Whatever", *headers, "Content-Length: 0", "", ""]).encode())


def behind_digest(gate: DigestGate, answer: Answer) -> Answer:
    """Let in who answers the challenge; each new question is asked for the password anew."""

    def answered(request: Request, line: socket.socket) -> None:
        verdict = gate.verdict(request.headers.get("authorization", ""), request.method, request.target)
        if verdict is Verdict.LET_IN:
            answer(request, line)
        else:
            offered = [f"WWW-Authenticate: {each}" for each in gate.challenges(stale=verdict is Verdict.STALE)]
            status(401, *offered)(request, line)

    return answered


@contextmanager
def device(answer: Answer, context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Device]:
    serving = Device(answer, context, port)
    thread = Thread(target=serving.serve)
    thread.start()
    try:
        yield serving
    finally:
        serving.stop.set()
        thread.join(10)
        assert not thread.is_alive()
