"""From exceptions to problems: a document for programs, a page for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import psycopg
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from psycopg_pool import PoolClosed
from starlette.exceptions import HTTPException
from starlette.responses import Response

from analytics.api.problems import MEDIA_TYPE, Found, ProblemError
from analytics.errors import UnknownDevice, UnknownDistrict, UnknownMetric, UnknownStore
from analytics.settings import AnalyticsSettings
from analytics.web.language_choice import chosen_language
from analytics.web.templates import problem_page
from analytics.window_text import WindowRefusedError
from edge import event_log

log = event_log.get(__name__)

Handler = Callable[[Request, Exception], Response]

_RETRY_AFTER = {"retry-after": "5"}


def failure_handlers(settings: AnalyticsSettings) -> dict[type[Exception], Handler]:
    """Return what answers each kind of exception with a problem, ``Exception`` as the last; none shows its inside."""
    readings: dict[type[Exception], Callable[[Any, Request], Found]] = {
        ProblemError: lambda error, _: error.found,
        WindowRefusedError: lambda error, _: Found(error.code, error.values),
        UnknownStore: lambda error, _: Found("unknown_store", {"id": error.store_id}),
        UnknownDistrict: lambda error, _: Found("unknown_district", {"id": error.district_id}),
        UnknownDevice: lambda error, _: Found("unknown_device", {"id": error.device_id, "store": error.store_id}),
        UnknownMetric: lambda error, _: Found("unknown_metric", {"id": error.metric}),
        RequestValidationError: lambda error, _: _invalid(error.errors()),
        HTTPException: lambda error, request: _http_failure(error, request.method),
        psycopg.OperationalError: lambda error, _: _database_failure(error, settings),
        psycopg.errors.UndefinedTable: lambda error, _: _database_failure(error, settings),
        PoolClosed: lambda error, _: _database_failure(error, settings),
        Exception: lambda *_: Found("internal_error"),
    }

    def handle(request: Request, error: Exception) -> Response:
        found = next(read(error, request) for kind, read in readings.items() if isinstance(error, kind))
        if found.status >= 500:
            log.error(
                "request_failed",
                exc_info=found.code == "internal_error",
                path=request.url.path,
                code=found.code,
                cause=str(error).strip(),
            )
        return _answer(request, found)

    return dict.fromkeys(readings, handle)


def _answer(request: Request, found: Found) -> Response:
    headers = {**found.headers, "vary": "Accept, Accept-Language, Cookie"}
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(problem_page(found, chosen_language(request)), found.status, headers)
    query = f"?{request.url.query}" if request.url.query else ""
    return JSONResponse(found.document(f"{quote(request.url.path)}{query}"), found.status, headers, MEDIA_TYPE)


def _database_failure(error: psycopg.Error, settings: AnalyticsSettings) -> Found:
    if isinstance(error, psycopg.errors.UndefinedTable):
        return Found("not_ready", {"cause": "The database has no schema yet: run 'smartstore-ingest migrate'."})
    if isinstance(error, psycopg.errors.QueryCanceled):
        return Found("query_too_slow", {"seconds": f"{settings.web.statement_timeout_s:g}"}, headers=_RETRY_AFTER)
    return Found("database_unavailable", headers=_RETRY_AFTER)


def _http_failure(error: HTTPException, method: str) -> Found:
    if error.status_code == 405:
        return Found("method_not_allowed", {"method": method}, headers=error.headers or {})
    return Found("not_found" if error.status_code == 404 else "internal_error")


def _invalid(errors: Any) -> Found:
    """Return the problem of a request that doesn't fit its description, without repeating what it held."""
    listed = tuple({"at": ".".join(str(part) for part in one["loc"]), "problem": str(one["msg"])} for one in errors)
    text = "; ".join(f"{one['at']}: {one['problem']}" for one in listed[:5])
    values: Mapping[str, str] = {"errors": text}
    return Found("invalid_request", values, listed)
