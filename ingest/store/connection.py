"""Connections to the database, which edition it is, and which of its errors will pass."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from ingest.settings import DatabaseSettings

Database = psycopg.Connection[Any]

# Errors of the line, the server or the set-up (rights, schema, log-in), by class. Data must not be refused for them.
_PASSING_CLASSES = ("08", "28", "3D", "3F", "40", "42", "53", "57P", "58")
_PASSING = frozenset({"55P03", "25006"})  # a lock not available, a server that only reads
# A write that is too large for the server meets it each time: it does not pass, but may when the write is cut up.
_BY_SIZE = frozenset({"53200", "53400", "57014"})  # memory or locks, a limit of decompression, a limit of time


def conninfo(settings: DatabaseSettings) -> str:
    """Return the connection string with the password from its file.

    Raises
    ------
    OSError
        The password file cannot be read.
    """
    if settings.password_file is None:
        return settings.url
    password = settings.password_file.read_text(encoding="utf-8").splitlines()[0]
    return make_conninfo(settings.url, password=password)


def connect(dsn: str, name: str) -> Database:
    """Connect in autocommit mode, so that transactions are explicit; ``name`` is what the server's views show.

    A server that is unreachable for 10 s, or silent for half a minute under a statement, counts as gone.
    """
    return psycopg.connect(
        dsn,
        autocommit=True,
        application_name=f"smartstore-ingest {name}",
        connect_timeout=10,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=30_000,
    )


def edition(connection: Database) -> str:
    """Return what the database is, for status and logs: plain PostgreSQL, or which TimescaleDB."""
    row = connection.execute(
        """select extversion, current_setting('timescaledb.license', true)
             from pg_extension where extname = 'timescaledb'"""
    ).fetchone()
    server = connection.info.server_version // 10_000
    if row is None:
        return f"postgresql {server}"
    kind = "community" if row[1] == "timescale" else "apache"
    return f"timescaledb-{kind} {row[0]} on postgresql {server}"


def will_pass(error: psycopg.Error) -> bool:
    """Tell whether the same can succeed later: the line, the server or its set-up failed, not the data."""
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state not in _BY_SIZE and (state.startswith(_PASSING_CLASSES) or state in _PASSING)


def is_about_data(error: Exception) -> bool:
    """Tell whether an error that will not pass is certain to come again with the same data."""
    state = getattr(error, "sqlstate", None)
    return state is None or state.startswith(("22", "23"))
