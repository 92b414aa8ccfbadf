"""Up to where hours are closed and computed, and which writes may not have seen the latest such close.

No clock decides what is counted: a write learns from the database, within its transaction, which of its readings come
to closed hours, and hours are computed only after every write has ended that may have looked before they were closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row

from ingest.store.connection import Database

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Watermarks:
    """Ends of what is closed, in buckets, in increments and in what was heard; None: nothing is yet."""

    closed_until: datetime | None
    aggregated_until: datetime | None
    increments_until: datetime | None
    heard_until: datetime | None
    registry_version: int


def watermarks(connection: Database) -> Watermarks:
    """Return up to where hours are closed and computed."""
    with connection.cursor(row_factory=class_row(Watermarks)) as cursor:
        found = cursor.execute(
            "select closed_until, aggregated_until, increments_until, heard_until, registry_version from watermarks"
        ).fetchone()
    if found is None:
        msg = "the table watermarks has lost its row: restore it with 'insert into watermarks default values'"
        raise LookupError(msg)
    return found


def last_whole_hour(connection: Database, settle_after: timedelta) -> datetime:
    """Return the end of the last hour that ended at least so long ago, by the database's clock."""
    ((end,),) = connection.execute(
        "select date_bin('1 hour', clock_timestamp() - %s::interval, '0001-01-01 00:00:00Z')", [settle_after]
    ).fetchall()
    return end  # type: ignore[no-any-return]


def close_until(connection: Database, end: datetime) -> None:
    """Close all hours before ``end``, and open again those from it on: the clock may have been put back.

    What is open is not computed: readers take it from readings, and it is computed anew when it is closed again. What
    retention has closed stays so: its rows may be gone.
    """
    connection.execute(
        """with asked as (select greatest(%(end)s, max(closed_before)) as until from retention)
           update watermarks
              set closed_until = until,
                  aggregated_until = case when aggregated_until > until then until else aggregated_until end,
                  increments_until = case when increments_until > until then until else increments_until end,
                  heard_until = case when heard_until > until then until else heard_until end
             from asked
            where closed_until is distinct from until""",
        {"end": end},
    )


def writes_in_flight(connection: Database) -> dict[str, int]:
    """Return the writes that have looked for what is closed and not ended yet: process ids by virtual transaction."""
    return dict(connection.execute("select virtualtransaction, pid from writes_in_flight").fetchall())


def advance_buckets(connection: Database, start: datetime | None, end: datetime) -> None:
    """Declare the buckets of [start, end) right, unless what was closed has been opened again meanwhile."""
    connection.execute(
        """update watermarks set aggregated_until = %s
            where aggregated_until is not distinct from %s and closed_until >= %s""",
        [end, start, end],
    )


def advance_increments(connection: Database, start: datetime | None, end: datetime, registry_version: int) -> None:
    """Declare the increments of [start, end) right, unless hours have been opened again meanwhile."""
    connection.execute(
        """update watermarks set increments_until = %s, registry_version = %s
            where increments_until is not distinct from %s and aggregated_until >= %s""",
        [end, registry_version, start, end],
    )


def advance_heard(connection: Database, start: datetime | None, end: datetime) -> None:
    """Declare that what was heard in [start, end) is kept, unless hours have been opened again meanwhile."""
    connection.execute(
        """update watermarks set heard_until = %s
            where heard_until is not distinct from %s and aggregated_until >= %s""",
        [end, start, end],
    )
