"""What the change of a footfall between two windows consists of, for a store or for a district's stores together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import time

from analytics.annotations import annotations_of
from analytics.catalogue.all_metrics import METRICS
from analytics.catalogue.metric import Metric
from analytics.comparison.alignment import Aligned, Alignment, align
from analytics.comparison.compare import days_in, facts_before, notes_on
from analytics.day_types import DayType, count_days, holiday_name
from analytics.errors import UnknownMetric
from analytics.explain.answer import CounterParts, ExplainedSide, Explanation, Part, PartKind, StoreParts
from analytics.explain.day_totals import day_totals, per_day, rate_change
from analytics.explain.parts import Parts, split
from analytics.explain.reading import DIRECTIONS, CountedWindow, Counter, read_window
from analytics.facilities import district_in
from analytics.facts import Facts, gather, store_in
from analytics.results import Text
from analytics.windows import Window, local_days
from analytics.wording.texts import both
from edge.wire.series import Origin
from ingest.store import registry
from ingest.store.connection import Database


def explain_store(c: Database, store_id: str, window: Window, metric: str, alignment: Alignment) -> Explanation:
    """Return what the change of a store's footfall to a window consists of.

    Raises
    ------
    UnknownMetric, UnknownStore
        If the metric is no footfall, or the registry has no such store in this window.
    WindowRefusedError
        If there is no window to compare with; the code says why.
    """
    version = registry.current_version(c)
    store = store_in(c, store_id, window, version)
    aligned = align(window, alignment, store.business_day_start)
    asked = _Asked(_record(metric), alignment, aligned, version)
    place = _Place(store_id, store.district_id, Text(en=store.name_en, zh=store.name_zh))
    return _explanation(c, place, [store_id], asked)


def explain_district(c: Database, district_id: str, window: Window, metric: str, alignment: Alignment) -> Explanation:
    """Return what the change of the footfall of a district's stores consists of, store by store; raises likewise."""
    version = registry.current_version(c)
    district, stores = district_in(c, district_id, window, version)
    asked = _Asked(_record(metric), alignment, align(window, alignment, time()), version)
    place = _Place(None, district_id, Text(en=district.name_en, zh=district.name_zh))
    return _explanation(c, place, [store.store_id for store in stores], asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The metric, the windows and the version of the registry that a question comes to."""

    metric: Metric
    alignment: Alignment
    aligned: Aligned
    version: int


@dataclass(frozen=True, slots=True)
class _Place:
    """The store (None: the whole district) whose change is explained."""

    store_id: str | None
    district_id: str
    name: Text


def _record(metric: str) -> Metric:
    if metric not in DIRECTIONS:
        raise UnknownMetric(metric)
    record: Metric = METRICS[metric]
    return record


def _explanation(c: Database, place: _Place, store_ids: Sequence[str], asked: _Asked) -> Explanation:
    stores = [_store(c, store_id, asked) for store_id in store_ids]
    holiday = asked.aligned.holiday
    return Explanation(
        store_id=place.store_id,
        district_id=place.district_id,
        name=place.name,
        metric=asked.metric.name,
        metric_name=Text(en=asked.metric.name_en, zh=asked.metric.name_zh),
        against=asked.alignment.against,
        holiday=None if holiday is None else holiday_name(holiday),
        change=sum(store.change for store in stores),
        parts=_together(store.parts for store in stores),
        stores=tuple(stores),
        annotations=annotations_of(c, store_ids, place.district_id, [asked.aligned.now, asked.aligned.before]),
        method=both("explain.method"),
        registry_version=asked.version,
        evidence=bool(stores) and all(store.evidence for store in stores),
    )


def _store(c: Database, store_id: str, asked: _Asked) -> StoreParts:
    aligned, version = asked.aligned, asked.version
    facts = gather(c, store_in(c, store_id, aligned.now, version), aligned.now, version)
    earlier = facts_before(c, store_id, aligned.before, version)
    weekdays_only = _calendar_unknown([facts] if earlier is None else [facts, earlier])
    now = read_window(c, asked.metric, facts, weekdays_only)
    before = None if earlier is None else read_window(c, asked.metric, earlier, weekdays_only)
    order = sorted({*now.counters, *(before.counters if before else ())})
    prior = before or replace(now, counters={})  # a store that was not there: no counter is registered in it
    parts = split(now.for_counters(order), prior.for_counters(order))
    sides = [side for side in (now, before) if side is not None]
    return StoreParts(
        store_id=store_id,
        name=Text(en=facts.store.name_en, zh=facts.store.name_zh),
        now=_side(now),
        before=None if before is None else _side(before),
        change=parts.total,
        days=None if before is None else rate_change(day_totals(now), day_totals(before)),
        parts=_parts(parts),
        counters=tuple(_counter(row, counter, parts, now, prior) for row, counter in enumerate(order)),
        notes=tuple(notes_on([days_in(side.facts) for side in sides])),
        evidence=not facts.store.simulated and all(side.result.origins == (Origin.MEASURED,) for side in sides),
    )


def _calendar_unknown(of: Iterable[Facts]) -> bool:
    return any(DayType.UNKNOWN in count_days(facts.window.time_zone, local_days(facts.window).dates) for facts in of)


def _side(window: CountedWindow) -> ExplainedSide:
    return ExplainedSide(
        days=days_in(window.facts),
        counted=sum(int(rows["count"].sum()) for rows in window.counters.values()),
        per_day=per_day(day_totals(window)),
        coverage=window.result.coverage,
        completeness=window.result.completeness,
    )


def _parts(parts: Parts) -> tuple[Part, ...]:
    return tuple(_part(kind, int(getattr(parts, kind).sum())) for kind in PartKind)


def _part(kind: PartKind, count: int) -> Part:
    return Part(part=kind, name=both(f"explain_part.{kind}"), count=count)


def _together(parts: Iterable[Sequence[Part]]) -> tuple[Part, ...]:
    total = dict.fromkeys(PartKind, 0)
    for of_store in parts:
        for part in of_store:
            total[part.part] += part.count
    return tuple(_part(kind, count) for kind, count in total.items())


def _counter(row: int, counter: Counter, parts: Parts, now: CountedWindow, before: CountedWindow) -> CounterParts:
    device, channel, point = counter
    doors = {p.point_id: p.door_id for window in (before, now) for p in window.facts.points}
    counted = [int(w.counters[counter]["count"].sum()) if counter in w.counters else 0 for w in (now, before)]
    return CounterParts(
        device=device,
        channel=channel,
        point=point,
        door=doors.get(point),
        counted_now=counted[0],
        counted_before=counted[1],
        parts={kind: int(getattr(parts, kind)[row].sum()) for kind in PartKind},
        hourly=tuple(parts.hourly[row].tolist()),
    )
