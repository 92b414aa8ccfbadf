"""Examples of comparisons, explained changes and annotations for the OpenAPI document, built from the models."""

from __future__ import annotations

from datetime import UTC, date, datetime

from analytics.api.examples import DISTRICT, RESULT, STORE
from analytics.comparison.alignment import Against
from analytics.comparison.answer import (
    AnnotationList,
    AnnotationNote,
    Bounded,
    Comparison,
    DaysIn,
    DistrictComparison,
    Side,
    SumComparison,
)
from analytics.comparison.difference import difference_of
from analytics.comparison.ranking import rank
from analytics.day_types import DayType
from analytics.explain.answer import CounterParts, ExplainedSide, Explanation, Part, PartKind, StoreParts
from analytics.results import Interval, TimeWindow
from analytics.wording.texts import both

_NOW = RESULT.model_copy(update={"change": None})
_THEN = TimeWindow(
    start=datetime(2026, 2, 22, 16, tzinfo=UTC), end=datetime(2026, 2, 23, 16, tzinfo=UTC), time_zone="Asia/Shanghai"
)
_BEFORE = _NOW.model_copy(
    update={
        "value": 590,
        "interval": Interval(low=566, high=615, level=0.95, method="audited accuracy, Wilson"),
        "window": _THEN,
    }
)
_WORKDAY = {DayType.WORKDAY: 1}
_DAYS_NOW = DaysIn(window=_NOW.window, days=1, day_types=_WORKDAY, opening_h=16.0)
_DAYS_BEFORE = DaysIn(window=_THEN, days=1, day_types={DayType.HOLIDAY: 1}, opening_h=16.0)
_DIFFERENT_DAYS = (both("comparison.day_types_differ"),)
_ANNOTATION = AnnotationNote(
    annotation_id=1,
    store_id="north-gate",
    district_id=None,
    kind="works",
    kind_name=both("annotation_kind.works"),
    from_day=date(2026, 3, 1),
    to_day=date(2026, 3, 6),
    text_en="Pavement before the entrance renewed",
    text_zh="门前人行道翻修",
    entered_by="district office",
    entered_at=datetime(2026, 3, 1, 1, tzinfo=UTC),
)

ANNOTATIONS = AnnotationList(annotations=(_ANNOTATION,))
COMPARISON = Comparison(
    store_id=STORE.store_id,
    name=STORE.name,
    district_id=STORE.district_id,
    metric=_NOW.metric,
    metric_name=_NOW.name,
    unit=_NOW.unit,
    against=Against.LIKE_PERIOD,
    holiday=None,
    now=Side(days=_DAYS_NOW, result=_NOW),
    before=Side(days=_DAYS_BEFORE, result=_BEFORE),
    change=difference_of(_NOW, _BEFORE),
    like_for_like=None,
    notes=_DIFFERENT_DAYS,
    annotations=(_ANNOTATION,),
    registry_version=1,
    evidence=False,
)
DISTRICT_COMPARISON = DistrictComparison(
    district_id=DISTRICT.district_id,
    name=DISTRICT.name,
    metric=_NOW.metric,
    metric_name=_NOW.name,
    unit=_NOW.unit,
    against=Against.LIKE_PERIOD,
    holiday=None,
    now=_NOW.window,
    before=_THEN,
    stores=(COMPARISON,),
    sum=SumComparison(
        now=612, before=590, difference=22, ratio=22 / 590, stores_included=("north-gate",), stores_excluded=()
    ),
    ranking=rank([("north-gate", _NOW)]),
    registry_version=1,
    evidence=False,
)


def _side(days: DaysIn, counted: int) -> ExplainedSide:
    return ExplainedSide(
        days=days,
        counted=counted,
        per_day=Bounded(value=float(counted), interval=None),
        coverage=_NOW.coverage,
        completeness=_NOW.completeness,
    )


_COUNTS = {PartKind.MISSING: -13, PartKind.CALENDAR: 30, PartKind.HOURLY: 5}
_PARTS = tuple(Part(part=kind, name=both(f"explain_part.{kind}"), count=_COUNTS.get(kind, 0)) for kind in PartKind)
_EXPLAINED = StoreParts(
    store_id=STORE.store_id,
    name=STORE.name,
    now=ExplainedSide(
        days=_DAYS_NOW,
        counted=612,
        per_day=Bounded(value=612.0, interval=None),
        coverage=_NOW.coverage,
        completeness=_NOW.completeness,
    ),
    before=ExplainedSide(
        days=_DAYS_BEFORE,
        counted=590,
        per_day=Bounded(value=590.0, interval=None),
        coverage=_NOW.coverage,
        completeness=_NOW.completeness,
    ),
    change=22,
    days=None,
    parts=_PARTS,
    counters=(
        CounterParts(
            device="north-gate-door-1",
            channel="",
            point="north-gate-door-1-line",
            door="north-gate-door-1",
            counted_now=612,
            counted_before=590,
            parts={kind: _COUNTS.get(kind, 0) for kind in PartKind},
            hourly=(0,) * 12 + (5,) + (0,) * 11,
        ),
    ),
    notes=_DIFFERENT_DAYS,
    evidence=False,
)
EXPLANATION = Explanation(
    store_id=STORE.store_id,
    district_id=STORE.district_id,
    name=STORE.name,
    metric=_NOW.metric,
    metric_name=_NOW.name,
    against=Against.LIKE_PERIOD,
    holiday=None,
    change=22,
    parts=_PARTS,
    stores=(_EXPLAINED,),
    annotations=(_ANNOTATION,),
    method=both("explain.method"),
    registry_version=1,
    evidence=False,
)
