"""Which migrations a database has had."""

from __future__ import annotations

from typing import Any

from psycopg import Connection
from psycopg.errors import UndefinedTable


def applied_migrations(c: Connection[Any]) -> dict[int, bytes]:
    """Return the SHA-256 of each applied schema file by its number; empty where the database was never migrated.

    Not within a transaction, which would have failed in a database that was never migrated.
    """
    try:
        rows = c.execute("select number, sha256 from schema_migrations").fetchall()
    except UndefinedTable:
        return {}
    return {number: bytes(sha256) for number, sha256 in rows}
