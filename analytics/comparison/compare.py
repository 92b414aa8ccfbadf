"""One metric over two windows, of a store and of a district's stores: measured, compared, and what to know of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import time

from analytics.annotations import annotations_of
from analytics.catalogue.all_metrics import METRICS
from analytics.catalogue.metric import Metric
from analytics.comparison.alignment import Aligned, Alignment, align
from analytics.comparison.answer import (
    Comparison,
    DaysIn,
    Difference,
    DistrictComparison,
    LikeForLike,
    Side,
    SumComparison,
)
from analytics.comparison.difference import difference_of
from analytics.comparison.like_for_like import in_both
from analytics.comparison.ranking import rank
from analytics.day_types import CHINA, DayType, count_days, covered_years, holiday_name
from analytics.errors import UnknownMetric, UnknownStore
from analytics.evaluate import NO_RATIO, measure_facts
from analytics.evaluation import time_window
from analytics.facilities import district_in
from analytics.facts import Facts, gather, store_in
from analytics.results import Result, Text
from analytics.windows import HOUR_US, Window, local_days, opening_spans
from analytics.wording.language import Language
from analytics.wording.texts import say
from edge.wire.series import Origin
from ingest.store import registry
from ingest.store.connection import Database


@dataclass(frozen=True, slots=True)
class ComparisonQuestion:
    """A metric, what to compare against, and whether only like is to be compared with like."""

    metric: str
    alignment: Alignment
    like_for_like: bool = False

    @property
    def record(self) -> Metric:
        """The metric of the catalogue; UnknownMetric where it has none of this name."""
        if self.metric not in METRICS:
            raise UnknownMetric(self.metric)
        record: Metric = METRICS[self.metric]
        return record


def compare_store(c: Database, store_id: str, window: Window, question: ComparisonQuestion) -> Comparison:
    """Return a metric of a store over a window and over the one that it is compared with.

    Raises
    ------
    UnknownMetric, UnknownStore
        If the catalogue, or the registry in this window, has no such entry.
    WindowRefusedError
        If there is no window to compare with; the code says why.
    """
    version = registry.current_version(c)
    aligned = align(window, question.alignment, store_in(c, store_id, window, version).business_day_start)
    return _compare(c, store_id, aligned, question, version)


def compare_district(c: Database, district_id: str, window: Window, question: ComparisonQuestion) -> DistrictComparison:
    """Return a metric of a district's stores over two windows, their measured sums, and which may stand above which.

    Raises
    ------
    UnknownMetric, UnknownDistrict, WindowRefusedError
        As for a store.
    """
    version = registry.current_version(c)
    metric = question.record
    district, stores = district_in(c, district_id, window, version)
    aligned = align(window, question.alignment, time())
    answers = tuple(_compare(c, store.store_id, aligned, question, version) for store in stores)
    return DistrictComparison(
        district_id=district_id,
        name=Text(en=district.name_en, zh=district.name_zh),
        metric=metric.name,
        metric_name=Text(en=metric.name_en, zh=metric.name_zh),
        unit=metric.unit,
        against=question.alignment.against,
        holiday=None if aligned.holiday is None else holiday_name(aligned.holiday),
        now=time_window(aligned.now),
        before=time_window(aligned.before),
        stores=answers,
        sum=_sum(answers) if metric.summable else None,
        ranking=rank([(each.store_id, each.now.result) for each in answers]),
        registry_version=version,
        evidence=bool(answers) and not district.simulated and all(each.evidence for each in answers),
    )


def _compare(c: Database, store_id: str, aligned: Aligned, question: ComparisonQuestion, version: int) -> Comparison:
    metric = question.record
    now = gather(c, store_in(c, store_id, aligned.now, version), aligned.now, version)
    before = facts_before(c, store_id, aligned.before, version)
    told: LikeForLike | None = None
    if question.like_for_like and before is not None:
        now, before, told = in_both(metric, now, before)
    after = _side(c, metric, now)
    prior = None if before is None else _side(c, metric, before)
    sides = [after] if prior is None else [after, prior]
    store = now.store
    return Comparison(
        store_id=store_id,
        name=Text(en=store.name_en, zh=store.name_zh),
        district_id=store.district_id,
        metric=metric.name,
        metric_name=Text(en=metric.name_en, zh=metric.name_zh),
        unit=metric.unit,
        against=question.alignment.against,
        holiday=None if aligned.holiday is None else holiday_name(aligned.holiday),
        now=after,
        before=prior,
        change=Difference(difference=None, ratio=None) if prior is None else difference_of(after.result, prior.result),
        like_for_like=told,
        notes=tuple(notes_on([side.days for side in sides])),
        annotations=annotations_of(c, [store_id], store.district_id, [aligned.now, aligned.before]),
        registry_version=version,
        evidence=not store.simulated and all(side.result.origins == (Origin.MEASURED,) for side in sides),
    )


def facts_before(c: Database, store_id: str, window: Window, version: int) -> Facts | None:
    """Return the facts of a store over an earlier window, None where the registry has no such store then."""
    try:
        return gather(c, store_in(c, store_id, window, version), window, version)
    except UnknownStore:
        return None


def _side(c: Database, metric: Metric, facts: Facts) -> Side:
    result = measure_facts(c, [metric], facts).results[metric.name]
    return Side(days=days_in(facts), result=result)


def days_in(facts: Facts) -> DaysIn:
    """Return the days of a window by type, and its opening hours."""
    dates = local_days(facts.window, facts.store.business_day_start).dates
    opening = opening_spans(facts.window, facts.store.opens_at, facts.store.closes_at)
    return DaysIn(
        window=time_window(facts.window),
        days=len(dates),
        day_types=count_days(facts.window.time_zone, dates),
        opening_h=opening.total_us / HOUR_US,
    )


def notes_on(sides: Sequence[DaysIn]) -> Iterator[Text]:
    """Yield what to know before two windows are read side by side."""
    if len(sides) < 2:
        yield _said("comparison.no_store_then")
        return
    now, before = sides
    if now.days != before.days:
        yield _said("comparison.days_differ", now=now.days, before=before.days)
    if DayType.UNKNOWN in {*now.day_types, *before.day_types}:
        first, last = covered_years()
        elsewhere = now.window.time_zone not in CHINA
        key = "comparison.calendar_elsewhere" if elsewhere else "comparison.calendar_unknown"
        yield _said(key, first=first, last=last)
    elif now.day_types != before.day_types:
        yield _said("comparison.day_types_differ")
    if now.days == before.days and now.opening_h != before.opening_h:
        yield _said("comparison.hours_differ")


def _said(key: str, **values: object) -> Text:
    return Text(en=say(key, Language.EN, **values), zh=say(key, Language.ZH, **values))


def _sum(answers: Sequence[Comparison]) -> SumComparison:
    """Return the sums over the stores that have both values: like for like among stores."""
    pairs = {each.store_id: pair for each in answers if (pair := _values(each)) is not None}
    excluded = tuple(each.store_id for each in answers if each.store_id not in pairs)
    if not pairs:
        return SumComparison(
            now=None, before=None, difference=None, ratio=None, stores_included=(), stores_excluded=excluded
        )
    now, before = (sum(side) for side in zip(*pairs.values(), strict=True))
    has_ratio = before != 0 and answers[0].unit not in NO_RATIO
    return SumComparison(
        now=now,
        before=before,
        difference=now - before,
        ratio=(now - before) / before if has_ratio else None,
        stores_included=tuple(pairs),
        stores_excluded=excluded,
    )


def _values(each: Comparison) -> tuple[int | float, int | float] | None:
    results: list[Result] = [side.result for side in (each.now, each.before) if side is not None]
    values = [result.value for result in results if result.value is not None]
    return (values[0], values[1]) if len(values) == 2 else None
