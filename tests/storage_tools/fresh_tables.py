"""A database without readings again, for the examples of one test that share it."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

_TABLES = [
    "readings_count",
    "readings_state",
    "readings_archive",
    "corrections",
    "arrivals",
    "increments_due",
    "increments_15m",
    "leaves",
    "heard",
    "heard_due",
    "alerts_due",
    *(f"buckets_{width}_{of}" for width in ("15m", "60m", "480m") for of in ("count", "state", "archive")),
]


def remove_readings(connection: psycopg.Connection[Any]) -> None:
    """Remove every reading and what was computed from it; nothing is closed."""
    for table in _TABLES:
        connection.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))
    connection.execute("update retention set closed_before = null, removed_before = null")
    connection.execute(
        """update watermarks
              set closed_until = null, aggregated_until = null, increments_until = null, heard_until = null"""
    )
