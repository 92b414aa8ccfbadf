"""Whether the process lives, whether it can answer, and its figures for Prometheus."""

from __future__ import annotations

import psycopg
from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0
from psycopg_pool import ConnectionPool, PoolTimeout

from analytics.api import examples
from analytics.api.database import Database
from analytics.api.models import Live, Ready
from analytics.api.problems import ProblemError, may_answer
from ingest.migrate import schema_files
from ingest.store.schema_state import applied_migrations

router = APIRouter(tags=["health"])


@router.get("/health/live", responses={**examples.of(Live()), **may_answer()})
def live() -> Live:
    """Say that the process answers; asks nothing of the database."""
    return Live()


@router.get("/health/ready", responses={**examples.of(Ready(schema_version=4)), **may_answer("not_ready")})
def ready(request: Request) -> Ready:
    """Say whether the database is reachable and has this release's schema."""
    pool: ConnectionPool[Database] = request.app.state.pool
    try:
        with pool.connection(timeout=1) as c:
            applied = applied_migrations(c)
    except (PoolTimeout, psycopg.Error) as error:
        raise ProblemError("not_ready", cause="The database doesn't answer: start it, or correct its url.") from error
    expected = {file.number: file.sha256 for file in schema_files()}
    if applied != expected:
        raise ProblemError("not_ready", cause=_difference(applied, expected))
    return Ready(schema_version=max(expected))


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"example": 'smartstore_web_requests_total{method="GET"} 1.0\n'}}}},
)
def prometheus(request: Request) -> Response:
    """Give the process's own figures in the Prometheus text format."""
    registry: CollectorRegistry = request.app.state.prometheus
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_1_0_0)


def _difference(applied: dict[int, bytes], expected: dict[int, bytes]) -> str:
    if not applied:
        return "The database has no schema yet: run 'smartstore-ingest migrate'."
    if missing := sorted(expected.keys() - applied.keys()):
        return f"The database lacks the migrations {missing}: run 'smartstore-ingest migrate'."
    if newer := sorted(applied.keys() - expected.keys()):
        return f"The database has the migrations {newer} of a newer release: install that release here."
    changed = sorted(number for number in expected if applied[number] != expected[number])
    return (
        f"The migrations {changed} were applied from other files than this release's: install the release they are of."
    )
