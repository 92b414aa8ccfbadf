"""Alerts of stores: what stands, what a run of the scheduler changes of it, and who has seen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from ingest.store.connection import Database


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert as it stands; times are aware. ``cleared_because`` is ``ended`` or ``withdrawn``."""

    alert_id: int
    store_id: str
    detector: str
    subject: str
    started_at: datetime
    ended_at: datetime
    raised_at: datetime
    measured: float | None
    expected: float | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_why: str | None
    cleared_at: datetime | None
    cleared_because: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What an alert is to be: a new one where ``alert_id`` is None; ``cleared_because`` None: it is open."""

    alert_id: int | None
    detector: str
    subject: str
    started_at: datetime
    ended_at: datetime
    measured: float | None
    expected: float | None
    cleared_because: str | None


class NoSuchAlertError(LookupError):
    """There is no such alert, or it is cleared."""


def alerts_of_stores(
    c: Database, store_ids: Sequence[str], limit: int, *, with_cleared: bool = False
) -> list[StoredAlert]:
    """Return the alerts of stores, the newest beginning first, at most ``limit``."""
    with c.cursor(row_factory=class_row(StoredAlert)) as cursor:
        return cursor.execute(
            """select alert_id, store_id, detector, subject, started_at, ended_at, raised_at, measured, expected,
                      acknowledged_at, acknowledged_by, acknowledged_why, cleared_at, cleared_because
                 from alerts
                where store_id = any(%(stores)s) and (cleared_at is null or %(with_cleared)s)
                order by started_at desc, alert_id desc
                limit %(limit)s""",
            {"stores": list(store_ids), "with_cleared": with_cleared, "limit": limit},
        ).fetchall()


def alerts_since(c: Database, store_id: str, since: datetime) -> list[StoredAlert]:
    """Return what stands of a store's alerts, open or seen at ``since`` or later, and keep others from changing it."""
    with c.cursor(row_factory=class_row(StoredAlert)) as cursor:
        return cursor.execute(
            """select alert_id, store_id, detector, subject, started_at, ended_at, raised_at, measured, expected,
                      acknowledged_at, acknowledged_by, acknowledged_why, cleared_at, cleared_because
                 from alerts
                where store_id = %s and cleared_because is distinct from 'withdrawn'
                  and (cleared_at is null or ended_at >= %s)
                order by detector, subject, started_at
                  for update""",
            [store_id, since],
        ).fetchall()


def withdraw(c: Database, alert_ids: Sequence[int]) -> None:
    """Clear alerts whose cause readings that came late have removed; what they said stays as it was."""
    c.execute(
        """update alerts set cleared_because = 'withdrawn', cleared_at = coalesce(cleared_at, clock_timestamp())
            where alert_id = any(%s)""",
        [list(alert_ids)],
    )


def store_standings(c: Database, store_id: str, standings: Sequence[Standing]) -> None:
    """Raise what is new, and change what is known: its time, its figures, whether it is open.

    An alert that was cleared is open again where late readings show that its cause went on.
    """
    for each in standings:
        values = [each.started_at, each.ended_at, each.measured, each.expected, each.cleared_because]
        if each.alert_id is None:
            c.execute(
                """insert into alerts (started_at, ended_at, measured, expected, cleared_because, cleared_at,
                                       store_id, detector, subject)
                   values (%s, %s, %s, %s, %s, case when %s::text is not null then clock_timestamp() end,
                           %s, %s, %s)""",
                [*values, each.cleared_because, store_id, each.detector, each.subject],
            )
        else:
            c.execute(
                """update alerts
                      set started_at = %s, ended_at = %s, measured = %s, expected = %s, cleared_because = %s,
                          cleared_at = case when %s::text is not null then coalesce(cleared_at, clock_timestamp()) end
                    where alert_id = %s""",
                [*values, each.cleared_because, each.alert_id],
            )


def acknowledge(c: Database, alert_id: int, who: str, why: str) -> StoredAlert:
    """Note who has seen an open alert, and what he says of it; the first to do so stays.

    Raises
    ------
    NoSuchAlertError
        There is no such alert, or it is cleared.
    """
    with c.transaction():
        c.execute(
            """update alerts set acknowledged_at = clock_timestamp(), acknowledged_by = %s, acknowledged_why = %s
                where alert_id = %s and cleared_at is null and acknowledged_at is null""",
            [who, why, alert_id],
        )
        with c.cursor(row_factory=class_row(StoredAlert)) as cursor:
            found = cursor.execute(
                """select alert_id, store_id, detector, subject, started_at, ended_at, raised_at, measured, expected,
                          acknowledged_at, acknowledged_by, acknowledged_why, cleared_at, cleared_because
                     from alerts where alert_id = %s""",
                [alert_id],
            ).fetchone()
    if found is None:
        msg = f"there is no alert {alert_id}: 'smartstore alerts STORE' lists those of a store"
        raise NoSuchAlertError(msg)
    if found.cleared_at is not None and found.acknowledged_at is None:
        msg = (
            f"alert {alert_id} is cleared since {found.cleared_at.isoformat(timespec='seconds')}: nothing is to be done"
        )
        raise NoSuchAlertError(msg)
    return found
