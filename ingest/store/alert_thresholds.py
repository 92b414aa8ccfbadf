"""Thresholds of alerts that are set for a store, or for every store: added, never overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row

from ingest.store.connection import Database


@dataclass(frozen=True, slots=True)
class SetThreshold:
    """A threshold as somebody set it; ``store_id`` None: for every store that has none of its own."""

    store_id: str | None
    name: str
    value: float
    valid_from: date
    set_by: str
    reason: str
    set_at: datetime


def set_threshold(c: Database, new: SetThreshold) -> None:
    """Add a threshold; its time of setting is the database's."""
    c.execute(
        """insert into alert_thresholds (store_id, name, value, valid_from, set_by, reason)
           values (%s, %s, %s, %s, %s, %s)""",
        [new.store_id, new.name, new.value, new.valid_from, new.set_by, new.reason],
    )


def thresholds_of(c: Database, store_id: str) -> list[SetThreshold]:
    """Return all that was ever set that concerns a store, each after those that it takes precedence over."""
    with c.cursor(row_factory=class_row(SetThreshold)) as cursor:
        return cursor.execute(
            """select store_id, name, value, valid_from, set_by, reason, set_at
                 from alert_thresholds
                where store_id is null or store_id = %s
                order by name, store_id nulls first, valid_from, threshold_id""",
            [store_id],
        ).fetchall()
