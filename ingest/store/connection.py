"""Connections to the database, and which edition it is."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from ingest.settings import DatabaseSettings

Database = psycopg.Connection[Any]


def conninfo(settings: DatabaseSettings) -> str:
    """Return the connection string with the password from its file.

    Raises
    ------
    OSError
        The password file cannot be read.
    """
    if settings.password_file is None:
        return settings.url
    password = settings.password_file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    return make_conninfo(settings.url, password=password)


def application_name(name: str) -> str:
    """Return the name of a session of this program as the server's views show it, cut to what they hold."""
    return f"smartstore-ingest {name}"[:63]


def connect(dsn: str, name: str) -> Database:
    """Connect in autocommit mode, so that transactions are explicit; ``name`` is what the server's views show.

    A server that does not let in for 20 s (a log-in takes four ways there and back), or is silent for half a minute
    under a statement, counts as gone.
    """
    return psycopg.connect(
        dsn,
        autocommit=True,
        application_name=application_name(name),
        connect_timeout=20,
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
