"""The enrolment service's HTTPS listener: small requests, few at a time, none of them for long."""

from __future__ import annotations

import contextlib
import socket
import ssl
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Thread, Timer
from typing import Any

from edge import event_log
from edge.wire.enrolment import MAX_REQUEST_BYTES, EnrolmentProblem, EnrolmentRefused
from edge.wire.model import WireModel, canonical
from ingest.enrolment.desk import Desk

_MOST_AT_ONCE = 32
_SILENCE_S = 10.0
_WHOLE_S = 30.0
"""Longest life of a connection, however slowly it says something."""

log = event_log.get(__name__)


class EnrolmentServer:
    """Listens from its making on, answers from ``start`` to ``stop``.

    Raises
    ------
    OSError
        The address cannot be listened on.
    """

    def __init__(self, host: str, port: int, context: ssl.SSLContext, desk: Desk) -> None:
        self._server = _Server(host, port, context, desk)
        self._thread = Thread(target=self._server.serve_forever, args=[0.1], name="enrolment", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.server_port

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str, port: int, context: ssl.SSLContext, desk: Desk) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._context = context
        self._places = BoundedSemaphore(_MOST_AT_ONCE)
        self.desk = desk
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the name service for this machine's name, as ``HTTPServer`` does."""
        super(ThreadingHTTPServer, self).server_bind()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread; beyond the bound, close it."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that a silent one holds nobody up."""
        request.settimeout(_SILENCE_S)
        with self._context.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as line:
            ending = Timer(_WHOLE_S, _cut, [line])
            ending.daemon = True
            ending.start()
            try:
                line.do_handshake()
                _Handler(line, client_address, self)
            finally:
                ending.cancel()

    def handle_error(self, _request: Any, client_address: Any) -> None:
        """Note a connection that went wrong: scanners and broken lines, on any open port."""
        log.info("enrolment_connection_failed", address=str(client_address[0]))


def _cut(line: ssl.SSLSocket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(line, socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "smartstore"
    sys_version = ""

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            refused = EnrolmentRefused(
                problem=EnrolmentProblem.MALFORMED, detail="the request's size is not acceptable"
            )
            self._reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, refused)
            return
        self._reply(*self.server.desk.answer(self.path, body, str(self.client_address[0])))

    def _body(self) -> bytes | None:
        stated = self.headers.get("Content-Length", "")
        if not stated.isascii() or not stated.isdigit() or not 0 < int(stated[:10]) <= MAX_REQUEST_BYTES:
            return None
        return self.rfile.read(int(stated))

    def _reply(self, status: HTTPStatus, document: WireModel) -> None:
        body = canonical(document)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, _format: str, *_arguments: Any) -> None:
        """Say nothing: the desk logs what matters."""
