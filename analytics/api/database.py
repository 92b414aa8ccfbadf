"""The connections of the interfaces: read-only, one snapshot a request, bounded in number and time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import psycopg
from fastapi import Depends, Request
from psycopg import IsolationLevel
from psycopg_pool import ConnectionPool

from analytics.settings import AnalyticsSettings
from ingest.store.connection import conninfo

Database = psycopg.Connection[Any]


def read_only(c: Database, statement_timeout_s: float) -> None:
    """Make a connection one that can't write, and whose transactions each see one snapshot of the database."""
    c.isolation_level = IsolationLevel.REPEATABLE_READ
    with c.transaction():
        c.execute("select set_config('default_transaction_read_only', 'on', false)")
        c.execute("select set_config('statement_timeout', %s, false)", [f"{statement_timeout_s * 1000:.0f}"])
        c.execute("select set_config('idle_in_transaction_session_timeout', '60s', false)")
        c.execute("select set_config('timezone', 'UTC', false)")


def connection_pool(settings: AnalyticsSettings) -> ConnectionPool[Database]:
    """Return the pool, not yet open; it fills and recovers by itself while the database is away."""
    return ConnectionPool(
        conninfo(settings.database),
        kwargs={"application_name": "smartstore web", "connect_timeout": 10},
        min_size=1,
        max_size=settings.web.connections,
        timeout=settings.web.connection_wait_s,
        configure=lambda c: read_only(c, settings.web.statement_timeout_s),
        check=ConnectionPool.check_connection,
        open=False,
        name="web",
    )


def connection(request: Request) -> Iterator[Database]:
    """Lend a connection to a request; what it reads is one transaction."""
    pool: ConnectionPool[Database] = request.app.state.pool
    with pool.connection() as c:
        yield c


DatabaseDep = Annotated[Database, Depends(connection)]
"""A read-only connection, for the arguments of an endpoint."""
