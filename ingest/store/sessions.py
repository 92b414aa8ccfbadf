"""Whether the database answers, and what it does for sessions of this program: asked on a connection of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import psycopg

from ingest.store.connection import application_name

_CONNECT_S = 5
_STATEMENT_MS = 3000
_BETWEEN_LOOKS_S = 0.5


def working_sessions(dsn: Callable[[], str], names: Collection[str]) -> set[str] | None:
    """Return those of the named sessions that the server works for, or has waiting for a lock or its disk.

    A session that waits for its client, or that the server does not have, is not among them. It looks twice, since a
    session may wait for its client for a moment between two statements.

    Parameters
    ----------
    dsn
        Returns the connection string.
    names
        Names as ``connect`` takes them.

    Returns
    -------
    None where the database does not answer within some seconds.
    """
    try:
        with psycopg.connect(
            dsn(),
            autocommit=True,
            connect_timeout=_CONNECT_S,
            options=f"-c statement_timeout={_STATEMENT_MS}",
            application_name=application_name("health"),
        ) as connection:
            working = _look(connection, names)
            time.sleep(_BETWEEN_LOOKS_S)
            return working | _look(connection, names)
    except (psycopg.Error, OSError):
        return None


def _look(connection: psycopg.Connection[tuple[str]], names: Collection[str]) -> set[str]:
    rows = connection.execute(
        """select application_name from pg_stat_activity
            where application_name = any(%s) and wait_event_type is distinct from 'Client'""",
        [[application_name(name) for name in names]],
    ).fetchall()
    return {name for name in names if (application_name(name),) in rows}
