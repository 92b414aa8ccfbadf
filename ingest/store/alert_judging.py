"""How far alerts were judged: by store, and the hours whose readings changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from psycopg.types.numeric import Int4

from ingest.store.connection import Database
from ingest.store.due import DueHour


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A store with something to judge: up to where it was (None: never), and the first hour that changed since."""

    store_id: str
    judged_until: datetime | None
    first_due: datetime | None


def unjudged_stores(c: Database, frontier: datetime, registry_version: int, limit: int) -> list[Unjudged]:
    """Return stores of a registry version that were not judged up to ``frontier``, or have hours due, longest first."""
    with c.cursor(row_factory=class_row(Unjudged)) as cursor:
        return cursor.execute(
            """with due as (
                   select d.store_id, min(a.hour) as first_due
                     from alerts_due a
                     join series s using (series_id)
                     join devices d on d.device_id = s.device and int4range(d.version_from, d.version_to) @> %(version)s
                    where a.hour < %(frontier)s
                    group by d.store_id)
               select store_id, j.judged_until, d.first_due
                 from (select distinct store_id from stores
                        where int4range(version_from, version_to) @> %(version)s) s
                 left join alerts_judged j using (store_id)
                 left join due d using (store_id)
                where j.judged_until is distinct from %(frontier)s or d.first_due is not null
                order by j.judged_until nulls first, store_id
                limit %(limit)s""",
            {"frontier": frontier, "version": Int4(registry_version), "limit": limit},
        ).fetchall()


def due_of_devices(c: Database, devices: Sequence[str], before: datetime) -> list[DueHour]:
    """Return the hours of devices' series that changed since they were judged."""
    with c.cursor(row_factory=class_row(DueHour)) as cursor:
        return cursor.execute(
            """select series_id, hour, touched from alerts_due join series using (series_id)
                where device = any(%s) and hour < %s""",
            [list(devices), before],
        ).fetchall()


def drop_due_of_nobody(c: Database, registry_version: int) -> None:
    """Forget the hours of devices that stand in no store: nobody would ever judge them."""
    c.execute(
        """delete from alerts_due a using series s
            where s.series_id = a.series_id
              and not exists (select from devices d
                               where d.device_id = s.device
                                 and int4range(d.version_from, d.version_to) @> %s)""",
        [Int4(registry_version)],
    )


def note_judged(c: Database, store_id: str, until: datetime) -> None:
    """Note up to where a store is judged."""
    c.execute(
        """insert into alerts_judged (store_id, judged_until) values (%s, %s)
           on conflict (store_id) do update set judged_until = excluded.judged_until""",
        [store_id, until],
    )
