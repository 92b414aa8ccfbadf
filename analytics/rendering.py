"""The facilities answer of a store as a plain text table, for terminals and logs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from analytics.api.models import CatalogueEntry
from analytics.facilities import AREA_NAMES
from analytics.results import AreaAnswer, FacilitiesAnswer, Result, Status
from analytics.wording import details, formats, phrases, texts
from analytics.wording.language import Language

_NOTHING = "–"
_GAPS_SHOWN = 6
_COLUMNS = (
    "table.area",
    "table.state",
    "table.metric",
    "table.value",
    "table.interval",
    "table.points",
    "table.complete",
)


def render_answer(answer: FacilitiesAnswer, language: Language | str = Language.EN) -> str:
    """Return the answer as text: a table of areas and metrics, then limits, changes and what to do."""
    chosen = Language(language)
    blocks = [
        _heading(answer, chosen),
        table(_header(chosen), [row for area in answer.areas for row in _area_rows(area, chosen)]),
        _listing("table.occasions", _occasions(answer, chosen), chosen),
        _listing("table.gaps", _gaps(answer, chosen), chosen),
        _listing("table.limits", _limits(answer, chosen), chosen),
        _listing("table.changes", _changes(answer, chosen), chosen),
        _listing("table.next_steps", _next_steps(answer, chosen), chosen),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def render_catalogue(metrics: Iterable[CatalogueEntry], language: Language | str = Language.EN) -> str:
    """Return the catalogue as text, a block a metric."""
    chosen = Language(language)
    return "\n".join(_catalogue_block(metric, chosen) for metric in metrics)


def _catalogue_block(metric: CatalogueEntry, language: Language) -> str:
    lines = {
        "table.area": texts.of(AREA_NAMES[metric.facility], language),
        "table.unit": formats.unit_name(metric.unit, language),
        "table.formula": f"{metric.formula} (v{metric.formula_version})",
        "table.edge_cases": metric.edge_cases,
        "table.source": metric.source,
        "table.floor": formats.round_percent(metric.completeness_floor),
    }
    listed = [
        "  " + texts.say("phrase.pair", language, name=texts.say(key, language), value=value)
        for key, value in lines.items()
    ]
    return "\n".join([f"{metric.metric} – {texts.of(metric.name, language)}", *listed]) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return columns aligned by the width at which a terminal shows them (Chinese characters take two cells)."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(_cells(line[column]) for line in lines) for column in range(len(header))]
    rule = "  ".join("─" * width for width in widths)
    drawn = ["  ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join(line.rstrip() for line in (drawn[0], rule, *drawn[1:]))


def _heading(answer: FacilitiesAnswer, language: Language) -> str:
    window = f"{formats.window(answer.window, language)} · {answer.window.time_zone}"
    version = texts.say("table.registry", language, version=answer.registry_version)
    lines = [f"{texts.of(answer.name, language)} ({answer.store_id})", f"{window} · {version}"]
    if why := phrases.not_evidence(answer.evidence, answer.origins, language):
        lines.append(texts.say("phrase.pair", language, name=texts.say("evidence.not_evidence", language), value=why))
    if answer.note:
        lines.append(texts.of(answer.note, language))
    return "\n".join(lines)


def _header(language: Language) -> list[str]:
    return [texts.say(key, language) for key in _COLUMNS]


def _area_rows(area: AreaAnswer, language: Language) -> list[list[str]]:
    """Return one row a metric; an area in which nothing is instrumented has one row that says so."""
    name = texts.of(area.name, language)
    if area.status in (Status.NOT_INSTALLED, Status.DECLARED) or not area.results:
        points = f"{area.coverage.points_instrumented}/{area.coverage.points_exist}"
        return [[name, phrases.state(area.status, language), _NOTHING, _NOTHING, _NOTHING, points, _NOTHING]]
    first, *others = (_metric_cells(result, language) for result in area.results)
    return [[name, *first], *(["", *cells] for cells in others)]


def _metric_cells(result: Result, language: Language) -> list[str]:
    complete = _NOTHING if result.completeness is None else formats.percent(result.completeness.ratio)
    return [
        phrases.state(result.status, language),
        texts.of(result.name, language),
        phrases.value(result, language) or _NOTHING,
        phrases.interval(result, language) or _NOTHING,
        f"{result.coverage.points_instrumented}/{result.coverage.points_exist}",
        complete,
    ]


def _occasions(answer: FacilitiesAnswer, language: Language) -> Iterable[str]:
    for result in _results(answer):
        if text := details.occasion(result, language):
            yield _pair(result, text, language)


def _gaps(answer: FacilitiesAnswer, language: Language) -> Iterable[str]:
    """Return the longest gaps of each area, each once, however many of its metrics stand on the series."""
    for area in answer.areas:
        known = [result.completeness for result in area.results if result.completeness is not None]
        distinct = {gap: None for completeness in known for gap in completeness.gaps}
        longest = sorted(distinct, key=lambda gap: (gap.start - gap.end, gap.start, gap.device, gap.quantity))
        for gap in longest[:_GAPS_SHOWN]:
            yield phrases.gap(gap, answer.window.time_zone, language)
        if more := len(longest) - len(longest[:_GAPS_SHOWN]):
            yield texts.say("phrase.gaps_more", language, count=more)


def _limits(answer: FacilitiesAnswer, language: Language) -> Iterable[str]:
    for result in _results(answer):
        if result.status in (Status.NOT_INSTALLED, Status.DECLARED):
            continue
        for check in result.limits:
            yield _pair(result, f"{phrases.limit(check, language)} [{check.source}]", language)


def _changes(answer: FacilitiesAnswer, language: Language) -> Iterable[str]:
    for result in _results(answer):
        if text := phrases.change(result, language):
            yield _pair(result, text, language)


def _next_steps(answer: FacilitiesAnswer, language: Language) -> Iterable[str]:
    for area in answer.areas:
        if area.next_step and area.status is not Status.NOT_INSTALLED:
            name, step = texts.of(area.name, language), texts.of(area.next_step, language)
            yield texts.say("phrase.pair", language, name=name, value=step)


def _results(answer: FacilitiesAnswer) -> Iterable[Result]:
    return (result for area in answer.areas for result in area.results)


def _pair(result: Result, text: str, language: Language) -> str:
    return texts.say("phrase.pair", language, name=texts.of(result.name, language), value=text)


def _listing(title: str, lines: Iterable[str], language: Language) -> str:
    listed = [f"  {line}" for line in lines]
    return "\n".join([texts.say(title, language), *listed]) if listed else ""


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _cells(text))
