"""What every request passes on its way in and out: host check, secure header fields, last resort, counting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from urllib.parse import quote

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from analytics.api.problems import MEDIA_TYPE, Found

SECURE_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-cache",
}


class Counters:
    """How many requests were answered and how long that took, by method, route and status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route", "status")
        self.requests = Counter("smartstore_web_requests", "Requests answered", labels, registry=registry)
        self.seconds = Histogram(
            "smartstore_web_request_seconds", "Time to answer a request", ("route",), registry=registry
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)


class Doorway:
    """ASGI middleware around the whole application; ``failed`` answers an exception that nothing else handled.

    Starlette's own last resort answers outside of every middleware and raises the exception again, whereupon the server
    drops the connection under the next request.
    """

    def __init__(
        self, app: ASGIApp, hosts: Sequence[str], counters: Counters, failed: Callable[[Request, Exception], Response]
    ) -> None:
        self._app = app
        self._failed = failed
        self._hosts = frozenset(hosts)
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 0, perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message)
            await send(message)

        try:
            await self._answer(scope, receive, send_with_headers)
        except Exception as error:
            if status:  # half an answer can't be taken back
                raise
            await self._failed(Request(scope), error)(scope, receive, send_with_headers)
        finally:
            self._counters.answered(scope["method"], _route(scope), status, perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A page of a foreign site can point its own host name at the loopback address (DNS rebinding) and read answers
        # through the visitor's browser; it can't make the browser send one of our names.
        host = Headers(scope=scope).get("host", "")
        if _host_name(host) in self._hosts:
            await self._app(scope, receive, send)
            return
        found = Found("foreign_host", {"host": host})
        answer = JSONResponse(found.document(quote(scope["path"])), found.status, media_type=MEDIA_TYPE)
        await answer(scope, receive, send)


def _add_headers(message: Message) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in SECURE_HEADERS.items():
        headers.setdefault(name, value)


def _host_name(host: str) -> str:
    """Return the name in a Host field, without its port."""
    return host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0].lower()


def _route(scope: Scope) -> str:
    """Return the route's template: a label must not grow with the ids that people ask for."""
    return getattr(scope.get("route"), "path", "none")
