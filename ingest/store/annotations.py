"""Dated annotations of stores and districts: entered, listed, withdrawn; none is ever deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row, scalar_row

from ingest.annotation_file import AnnotationRow
from ingest.store.connection import Database


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation of a store or a district (the other id is empty), over local days [from_day, to_day)."""

    annotation_id: int
    district_id: str
    store_id: str
    kind: str
    from_day: date
    to_day: date
    text_en: str
    text_zh: str
    entered_by: str
    entered_at: datetime
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    withdrawn_reason: str | None


class UnknownAnnotationError(LookupError):
    """No annotation of this number, or it is withdrawn already; the message says which."""


def enter(c: Database, rows: Iterable[AnnotationRow], entered_by: str) -> list[int]:
    """Enter annotations, all or none, and return the numbers of those that were not there yet."""
    entered = []
    with c.transaction(), c.cursor(row_factory=scalar_row) as cursor:
        for row in rows:
            number = cursor.execute(
                """insert into annotations (district_id, store_id, kind, from_day, to_day, text_en, text_zh, entered_by)
                   values (%s, %s, %s, %s, %s, %s, %s, %s)
                   on conflict (district_id, store_id, kind, from_day, to_day, text_en, text_zh)
                         where withdrawn_at is null do nothing
                   returning annotation_id""",
                [
                    row.district_id,
                    row.store_id,
                    row.kind,
                    row.from_day,
                    row.to_day,
                    row.text_en,
                    row.text_zh,
                    entered_by,
                ],
            ).fetchone()
            if number is not None:
                entered.append(int(number))
    return entered


def withdraw(c: Database, annotation_id: int, withdrawn_by: str, reason: str) -> None:
    """Withdraw an annotation: it is shown nowhere any more, and stays with who withdrew it and why.

    Raises
    ------
    UnknownAnnotationError
        If there is none of this number, or it is withdrawn already.
    """
    with c.transaction():
        done = c.execute(
            """update annotations set withdrawn_by = %s, withdrawn_at = clock_timestamp(), withdrawn_reason = %s
                where annotation_id = %s and withdrawn_at is null""",
            [withdrawn_by, reason, annotation_id],
        )
        if done.rowcount:
            return
        known = c.execute("select withdrawn_by from annotations where annotation_id = %s", [annotation_id]).fetchone()
    if known is None:
        msg = f"there is no annotation {annotation_id}: 'smartstore-ingest annotations list' shows the numbers"
        raise UnknownAnnotationError(msg)
    msg = f"annotation {annotation_id} was withdrawn already, by {known[0]}"
    raise UnknownAnnotationError(msg)


def every_annotation(c: Database) -> list[Annotation]:
    """Return all annotations, those withdrawn included, by their first day."""
    with c.cursor(row_factory=class_row(Annotation)) as cursor:
        return cursor.execute("select * from annotations order by from_day, annotation_id").fetchall()


def annotations_between(
    c: Database, store_ids: Sequence[str], district_id: str, on_from: date, on_to: date
) -> list[Annotation]:
    """Return what is in force of these stores and of their district on local days in [on_from, on_to), by day."""
    with c.cursor(row_factory=class_row(Annotation)) as cursor:
        return cursor.execute(
            """select * from annotations
                where withdrawn_at is null and (store_id = any(%s) or district_id = %s)
                  and from_day < %s and to_day > %s
                order by from_day, annotation_id""",
            [list(store_ids), district_id, on_to, on_from],
        ).fetchall()


def places(c: Database) -> tuple[frozenset[str], frozenset[str]]:
    """Return the ids of all stores and of all districts that any version of the registry ever had."""
    with c.cursor(row_factory=scalar_row) as cursor:
        stores = cursor.execute("select distinct store_id from stores").fetchall()
        districts = cursor.execute("select distinct district_id from districts").fetchall()
    return frozenset(stores), frozenset(districts)
