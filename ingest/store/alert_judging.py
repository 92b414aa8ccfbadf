"""How far alerts were judged: by store, and the hours whose readings changed since."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Horizon:
    """What is judged at all: hours in [oldest, frontier), of the stores and devices of a registry version."""

    oldest: datetime
    frontier: datetime
    registry_version: int


def unjudged_stores(c: Database, within: Horizon, limit: int) -> list[Unjudged]:
    """Return stores that were not judged up to the frontier, or have hours due, longest first."""
    with c.cursor(row_factory=class_row(Unjudged)) as cursor:
        return cursor.execute(
            """with due as (
                   select d.store_id, min(a.hour) as first_due
                     from alerts_due a
                     join series s using (series_id)
                     join devices d on d.device_id = s.device and int4range(d.version_from, d.version_to) @> %(version)s
                    where a.hour >= %(oldest)s and a.hour < %(frontier)s
                    group by d.store_id)
               select store_id, j.judged_until, d.first_due
                 from (select distinct store_id from stores
                        where int4range(version_from, version_to) @> %(version)s) s
                 left join alerts_judged j using (store_id)
                 left join due d using (store_id)
                where j.judged_until is distinct from %(frontier)s or d.first_due is not null
                order by j.judged_until nulls first, store_id
                limit %(limit)s""",
            {
                "oldest": within.oldest,
                "frontier": within.frontier,
                "version": Int4(within.registry_version),
                "limit": limit,
            },
        ).fetchall()


def due_of_store(c: Database, store_id: str, registry_version: int, before: datetime) -> list[DueHour]:
    """Return the hours of the series of a store's devices that changed since they were judged."""
    with c.cursor(row_factory=class_row(DueHour)) as cursor:
        return cursor.execute(
            """select a.series_id, a.hour, a.touched
                 from alerts_due a
                 join series s using (series_id)
                where a.hour < %(before)s
                  and exists (select from devices d
                               where d.device_id = s.device and d.store_id = %(store)s
                                 and int4range(d.version_from, d.version_to) @> %(version)s)""",
            {"store": store_id, "version": Int4(registry_version), "before": before},
        ).fetchall()


def forget_due(c: Database, within: Horizon, limit: int) -> None:
    """Forget hours that nobody will judge: those before the horizon, and those of devices that stand in no store."""
    c.execute(
        """delete from alerts_due where (series_id, hour) in (
               select a.series_id, a.hour
                 from alerts_due a
                 left join series s using (series_id)
                where a.hour < %(oldest)s
                   or not exists (select from devices d
                                   where d.device_id = s.device
                                     and int4range(d.version_from, d.version_to) @> %(version)s)
                limit %(limit)s)""",
        {"oldest": within.oldest, "version": Int4(within.registry_version), "limit": limit},
    )


def note_judged(c: Database, store_id: str, until: datetime) -> None:
    """Note up to where a store is judged."""
    c.execute(
        """insert into alerts_judged (store_id, judged_until) values (%s, %s)
           on conflict (store_id) do update set judged_until = excluded.judged_until""",
        [store_id, until],
    )
