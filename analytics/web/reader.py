"""What templates may say: texts, numbers and dates in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from analytics.facilities import AREA_NAMES
from analytics.results import (
    AreaAnswer,
    Completeness,
    Coverage,
    DistrictAnswer,
    DistrictSum,
    FacilitiesAnswer,
    Facility,
    Gap,
    LimitCheck,
    Result,
    Status,
    Text,
    TimeWindow,
)
from analytics.wording import details, formats, phrases, texts
from analytics.wording.language import Language
from edge.wire.series import Origin
from ingest.registry.formats import FORMATS
from ingest.store.registry import DistrictFact, StoreFact


class ToDo(NamedTuple):
    """Something to do in one area of one store."""

    store: FacilitiesAnswer
    area: AreaAnswer
    step: Text


class Reader:
    """The words of one language; templates call nothing else."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def t(self, key: str, **values: object) -> str:
        """Return a text of the catalogue."""
        return texts.say(key, self.language, **values)

    def t_in(self, language: Language, key: str) -> str:
        """Return a text in a given language."""
        return texts.say(key, language)

    def either(self, key: str, otherwise: str) -> str:
        """Return a text of the catalogue, or the word itself where a vocabulary has grown."""
        return texts.either(key, otherwise, self.language)

    def text(self, text: Text) -> str:
        """Return the reader's side of a text."""
        return texts.of(text, self.language)

    def name(self, fact: StoreFact | DistrictFact) -> str:
        """Return the name of a store or district."""
        return fact.name_zh if self.language is Language.ZH else fact.name_en

    def store_format(self, code: str) -> str:
        """Return the name of a retail format."""
        known = FORMATS.get(code)
        if known is None:
            return code
        return known.name_zh if self.language is Language.ZH else known.name_en.capitalize()

    def value(self, result: Result) -> str | None:
        """Return a result's value with its unit, None where there is no number."""
        return phrases.value(result, self.language)

    def amount(self, value: float, unit: str) -> str:
        """Return a value with its unit."""
        return formats.quantity(value, unit, self.language)

    def unit(self, unit: str) -> str:
        """Return the name of a unit."""
        return formats.unit_name(unit, self.language)

    def coverage(self, points: Coverage) -> str | None:
        """Return the points instrumented of those that exist."""
        return phrases.coverage(points, self.language)

    def received(self, completeness: Completeness) -> str:
        """Return the readings received of those expected."""
        return phrases.received(completeness, self.language)

    def limits(self, area: AreaAnswer) -> list[str]:
        """Return the limits that an area's metrics apply, named."""
        return [self.pair("page.limit", self.limit(check)) for result in area.results for check in result.limits]

    def limit(self, check: LimitCheck) -> str:
        """Return a limit with its scheme and status."""
        return phrases.limit(check, self.language)

    def origins(self, of: tuple[Origin, ...]) -> str:
        """Return origins as one phrase."""
        return phrases.origins(of, self.language)

    def not_evidence(self, evidence: bool, of: tuple[Origin, ...]) -> str | None:
        """Return why an answer is no evidence."""
        return phrases.not_evidence(evidence, of, self.language)

    def gap_kind(self, of: Gap) -> str:
        """Return why readings are missing."""
        return phrases.gap_kind(of, self.language)

    def window(self, of: TimeWindow) -> str:
        """Return a window in words."""
        return formats.window(of, self.language)

    def instant(self, at: datetime, time_zone: str) -> str:
        """Return a local date and time."""
        return formats.instant(at, time_zone, self.language)

    def number(self, value: float) -> str:
        """Return a number with grouped thousands."""
        return formats.number(value)

    def area(self, area_m2: float) -> str:
        """Return a floor area in whole square metres, without the unit."""
        return formats.number(area_m2, 0)

    def percent(self, ratio: float) -> str:
        """Return a ratio as per cent."""
        return formats.percent(ratio)

    def round_percent(self, ratio: float) -> str:
        """Return a ratio that somebody chose, such as a floor, as per cent."""
        return formats.round_percent(ratio)

    def details(self, result: Result) -> list[tuple[str, str]]:
        """Return the further figures of a result, named."""
        return details.named(result, self.language)

    def areas(self, answer: FacilitiesAnswer) -> Iterator[AreaAnswer | None]:
        """Return a store's areas in the order of a matrix's columns."""
        by_facility = {area.facility: area for area in answer.areas}
        return (by_facility.get(facility) for facility in Facility)

    def headline(self, area: AreaAnswer) -> Result | None:
        """Return the result that speaks for an area: its first one with a number."""
        return next((result for result in area.results if result.value is not None), None)

    def to_do(self, answers: tuple[FacilitiesAnswer, ...]) -> list[ToDo]:
        """Return what needs doing, store by store; a facility that a store doesn't have is no work to do."""
        return [
            ToDo(answer, area, area.next_step)
            for answer in answers
            for area in answer.areas
            if area.next_step is not None and area.status is not Status.NOT_INSTALLED
        ]

    def facility(self, facility: Facility) -> str:
        """Return the name of an area."""
        return self.text(AREA_NAMES[facility])

    def facilities(self) -> tuple[Facility, ...]:
        """Return the areas in their order."""
        return tuple(Facility)

    def floor(self, area: AreaAnswer) -> float | None:
        """Return the highest completeness that a metric of the area needs, None where none needs any."""
        return max((result.completeness.floor for result in area.results if result.completeness), default=None)

    def shows_figures(self, area: AreaAnswer, in_detail: bool) -> bool:
        """Return whether an area's metrics are listed: where it has a number, in detail also where it has none."""
        instrumented = area.status in (Status.MEASURED, Status.INSUFFICIENT)
        return bool(area.results) and instrumented and (in_detail or self.headline(area) is not None)

    def notes(self, result: Result) -> list[str]:
        """Return what belongs beside a value: when it happened, its interval, its limits, its change."""
        lines = [
            details.occasion(result, self.language),
            phrases.interval(result, self.language),
            phrases.miscounted(result, self.language),
            *(self.pair("page.limit", self.limit(check)) for check in result.limits),
            phrases.change(result, self.language),
        ]
        return [line for line in lines if line]

    def pair(self, key: str, value: str) -> str:
        """Return a named value in one line."""
        return self.t("phrase.pair", name=self.t(key), value=value)

    def quantity_name(self, quantity: str) -> str:
        """Return the name of a quantity."""
        return phrases.quantity_name(quantity, self.language)

    def all_origins(self, answer: DistrictAnswer) -> tuple[Origin, ...]:
        """Return the origins of all readings behind a district's answer."""
        return tuple(sorted({origin for store in answer.stores for origin in store.origins}))

    def store_names(self, answer: DistrictAnswer, store_ids: tuple[str, ...]) -> str:
        """Return the names of stores as one phrase."""
        names = {store.store_id: self.text(store.name) for store in answer.stores}
        return self.t("phrase.separator").join(names.get(store_id, store_id) for store_id in store_ids)

    def sum_bounds(self, of: DistrictSum) -> str | None:
        """Return the bounds of a district's sum, None where there are none."""
        bounds = phrases.bounds(of.interval, of.value, of.unit, self.language)
        return None if bounds is None else self.t("page.sum_true", bounds=bounds)

    def rest(self, answer: DistrictAnswer, of: DistrictSum) -> str | None:
        """Return the estimate of what a district's sum leaves out, None where there is none."""
        names = {store.store_id: self.text(store.name) for store in answer.stores}
        return None if of.rest is None else phrases.rest(of.rest, of.unit, names, self.language)
