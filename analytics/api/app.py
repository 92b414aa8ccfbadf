"""The web application: routes, pages, and what every request passes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry

from analytics.api import (
    routes_alerts,
    routes_annotations,
    routes_catalogue,
    routes_comparison,
    routes_completeness,
    routes_devices,
    routes_districts,
    routes_facilities,
    routes_health,
    routes_problems,
    routes_stores,
)
from analytics.api.database import connection_pool
from analytics.api.doorway import Counters, Doorway
from analytics.api.failures import failure_handlers
from analytics.settings import AnalyticsSettings
from analytics.web import catalogue_page, pages
from analytics.web.templates import STATIC

_DESCRIPTION = (
    "The smart facilities of stores and districts: a value never stands without its window, coverage, completeness "
    "and digest. Errors are RFC 9457 problems with a stable `code`. No overall score: public sources name none."
)
_ROUTERS = (
    routes_stores.router,
    routes_devices.router,
    routes_districts.router,
    routes_facilities.router,
    routes_catalogue.router,
    routes_completeness.router,
    routes_comparison.router,
    routes_annotations.router,
    routes_alerts.router,
    routes_problems.router,
    routes_health.router,
    pages.router,
    catalogue_page.router,
)


def create_app(settings: AnalyticsSettings) -> FastAPI:
    """Return the application; it connects to the database when it starts, and waits for one that is away."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = connection_pool(settings)
        pool.open(wait=False)
        app.state.pool = pool
        try:
            yield
        finally:
            await run_in_threadpool(pool.close)

    # FastAPI's own documentation pages load scripts from a foreign host; /openapi.json describes the same.
    app = FastAPI(
        title="Smart store telemetry",
        summary="What the facilities of a smart store did, and how far each number can be trusted",
        description=_DESCRIPTION,
        version="1",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.prometheus = CollectorRegistry()
    handlers = failure_handlers(settings)
    last_resort = handlers.pop(Exception)
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
    counters = Counters(app.state.prometheus)
    app.add_middleware(Doorway, hosts=_hosts(settings), counters=counters, failed=last_resort)
    for router in _ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def _hosts(settings: AnalyticsSettings) -> tuple[str, ...]:
    return (settings.web.host, "localhost", "127.0.0.1", "::1")
