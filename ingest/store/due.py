"""Hours of series that a job of the scheduler has still to look at again, since their buckets were made good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg import sql
from psycopg.rows import class_row

from ingest.store.connection import Database


class Due(StrEnum):
    """Tables of such hours, one a job; ``touched.mark_made_good`` fills them."""

    INCREMENTS = "increments_due"
    HEARD = "heard_due"
    ALERTS = "alerts_due"


@dataclass(frozen=True, slots=True)
class DueHour:
    """An hour of a series whose readings have changed, at one touch of it."""

    series_id: int
    hour: datetime
    touched: int


def due_hours(connection: Database, of: Due, limit: int) -> list[DueHour]:
    """Return the hours that have been due longest."""
    query = sql.SQL("select series_id, hour, touched from {} order by touched limit %s").format(sql.Identifier(of))
    with connection.cursor(row_factory=class_row(DueHour)) as cursor:
        return cursor.execute(query, [limit]).fetchall()


def mark_done(connection: Database, of: Due, hours: Sequence[DueHour]) -> None:
    """Note that these hours were looked at, but of those that are due anew since."""
    connection.execute(
        sql.SQL(
            """with seen as materialized (
                   select d.series_id, d.hour from {due} d
                     join unnest(%s::integer[], %s::timestamptz[], %s::bigint[]) as n (series_id, hour, touched)
                          on d.series_id = n.series_id and d.hour = n.hour and d.touched = n.touched
                    order by d.series_id, d.hour
                      for update of d skip locked
               )
               delete from {due} d using seen s where d.series_id = s.series_id and d.hour = s.hour"""
        ).format(due=sql.Identifier(of)),
        [[h.series_id for h in hours], [h.hour for h in hours], [h.touched for h in hours]],
    )
