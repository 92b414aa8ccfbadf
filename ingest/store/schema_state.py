"""Which migrations a database has had."""

from __future__ import annotations

from typing import Any

from psycopg import Connection


def applied_migrations(c: Connection[Any]) -> dict[int, bytes]:
    """Return the SHA-256 of each applied schema file by its number; empty where the database was never migrated."""
    known = c.execute("select to_regclass('schema_migrations') is not null").fetchone()
    if known is None or not known[0]:
        return {}
    return {number: bytes(sha256) for number, sha256 in c.execute("select number, sha256 from schema_migrations")}
