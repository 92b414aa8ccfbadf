"""Dated annotations as answers show them: those of a store and of its district that touch one of two windows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from analytics.comparison.answer import AnnotationNote
from analytics.windows import Window
from analytics.wording.texts import both
from ingest.store.annotations import Annotation, annotations_between
from ingest.store.connection import Database


def annotations_of(
    c: Database, store_ids: Sequence[str], district_id: str, windows: Sequence[Window]
) -> tuple[AnnotationNote, ...]:
    """Return the annotations of stores and their district that touch one of the windows, each once, by day."""
    found: dict[int, Annotation] = {}
    for window in windows:
        until = window.last_date + timedelta(days=1)
        touching = annotations_between(c, store_ids, district_id, window.first_date, until)
        found |= {each.annotation_id: each for each in touching}
    return tuple(_note(each) for each in sorted(found.values(), key=lambda each: (each.from_day, each.annotation_id)))


def _note(each: Annotation) -> AnnotationNote:
    return AnnotationNote(
        annotation_id=each.annotation_id,
        store_id=each.store_id or None,
        district_id=each.district_id or None,
        kind=each.kind,
        kind_name=both(f"annotation_kind.{each.kind}"),
        from_day=each.from_day,
        to_day=each.to_day,
        text_en=each.text_en,
        text_zh=each.text_zh,
        entered_by=each.entered_by,
        entered_at=each.entered_at,
    )
