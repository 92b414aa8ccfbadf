"""Health, readiness and metrics of a worker over HTTP, on loopback: what a supervisor and Prometheus ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from edge import event_log

log = event_log.get(__name__)

_SILENCE_S = 10
"""Longest wait for a request on an open connection."""

Report = Callable[[], tuple[bool, dict[str, Any]]]
"""Returns whether it is so, and the particulars."""


class StatusServer:
    """Serves ``/healthz`` (503: start the process anew), ``/readyz`` (503: it takes no work) and ``/metrics``.

    A report that fails is answered with 500: what cannot say how it is is not well.
    """

    def __init__(self, port: int, health: Report, readiness: Report, registry: CollectorRegistry) -> None:
        class Handler(_Handler):
            reports = {"/healthz": health, "/readyz": readiness}  # noqa: RUF012 - read only
            metrics = registry

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=[0.1], name="status", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.server_port

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = _SILENCE_S
    reports: dict[str, Report]
    metrics: CollectorRegistry

    def do_GET(self) -> None:
        """Answer one of the three paths."""
        path = self.path.partition("?")[0]
        try:
            status, kind, body = self._answer(path)
        except Exception as error:
            log.error("status_failed", path=path, exc_info=True, fix="restart the process; report this")
            status, kind = HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain"
            body = f"{type(error).__name__}: {error}\n".encode()
        self._send(status, kind, body)

    def _answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        if path == "/metrics":
            return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self.metrics)
        if path in self.reports:
            good, particulars = self.reports[path]()
            status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
            return status, "application/json", json.dumps(particulars, ensure_ascii=False).encode()
        return HTTPStatus.NOT_FOUND, "text/plain", b"try /healthz, /readyz or /metrics\n"

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the standard library's
        """Log nothing: whoever polls would fill the log."""
