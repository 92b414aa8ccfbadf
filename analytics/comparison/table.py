"""Comparisons as plain text, for terminals and logs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analytics.comparison.answer import (
    AnnotationNote,
    Bounded,
    Comparison,
    DaysIn,
    DistrictComparison,
    LikeForLike,
    Side,
)
from analytics.rendering import table
from analytics.results import Interval, Text
from analytics.wording import formats, phrases, texts
from analytics.wording.language import Language

_NOTHING = "–"


def render_comparison(answer: Comparison, language: Language | str = Language.EN) -> str:
    """Return a store's comparison as text: both sides, the difference, then what to know and what was left out."""
    chosen = Language(language)
    name = f"{texts.of(answer.name, chosen)} ({answer.store_id}) · {texts.of(answer.metric_name, chosen)}"
    how = aligned_by(answer.against, answer.holiday, chosen)
    sides = [("comparison.now", answer.now), *([("comparison.before", answer.before)] if answer.before else [])]
    rows = [[texts.say(key, chosen), *_side(side, chosen)] for key, side in sides]
    header = ["", *(texts.say(key, chosen) for key in _HEADER)]
    return blocks(
        f"{name}\n{how} · {texts.say('table.registry', chosen, version=answer.registry_version)}",
        table(header, rows),
        _change(answer, chosen),
        listing("comparison.notes", (texts.of(note, chosen) for note in answer.notes), chosen),
        _left_out(answer.like_for_like, chosen),
        listing("comparison.annotations", annotation_lines(answer.annotations, chosen), chosen),
    )


_HEADER = (
    "comparison.window",
    "comparison.days",
    "comparison.day_types",
    "table.state",
    "table.value",
    "table.interval",
    "table.points",
    "table.complete",
)


def _side(side: Side, language: Language) -> list[str]:
    result = side.result
    complete = _NOTHING if result.completeness is None else formats.percent(result.completeness.ratio)
    return [
        *days(side.days, language),
        phrases.state(result.status, language),
        phrases.value(result, language) or _NOTHING,
        phrases.interval(result, language) or _NOTHING,
        f"{result.coverage.points_instrumented}/{result.coverage.points_exist}",
        complete,
    ]


def days(of: DaysIn, language: Language) -> list[str]:
    """Return the window, the number of its days, and these by type."""
    separator = texts.say("phrase.separator", language)
    kinds = separator.join(f"{texts.say(f'day_type.{kind}', language)} {n}" for kind, n in of.day_types.items())
    return [formats.window(of.window, language), str(of.days), kinds]


def _change(answer: Comparison, language: Language) -> str:
    change = answer.change
    if change.difference is None:
        return texts.say("comparison.none", language)
    lines = [_bounded("comparison.difference", change.difference, difference_unit(answer.unit), language)]
    if change.ratio is not None:
        lines.append(_bounded("comparison.ratio", change.ratio, "ratio", language))
    return "\n".join(lines)


def _bounded(key: str, of: Bounded, unit: str, language: Language) -> str:
    shown = signed(of.value, unit, language)
    if of.interval is not None:
        shown += f" · {_bounds(of.interval, unit, language)}"
    return texts.say("phrase.pair", language, name=texts.say(key, language), value=shown)


def _bounds(interval: Interval, unit: str, language: Language) -> str:
    low, high = (signed(end, unit, language) for end in (interval.low, interval.high))
    if interval.level is None:
        return texts.say("phrase.bounds", language, low=low, high=high)
    level = formats.round_percent(round(interval.level, 4))
    return texts.say("phrase.confidence", language, low=low, high=high, level=level)


def difference_unit(unit: str) -> str:
    """Return the unit of a difference: nobody should take one of two ratios for a relative change."""
    return "points" if unit == "ratio" else unit


def signed(value: float, unit: str, language: Language) -> str:
    """Return a difference with its sign; of unit ``points``, of two ratios, in percentage points."""
    if unit == "points":
        plus = "+" if value > 0 else ""
        return texts.say("phrase.percentage_points", language, points=plus + formats.number(value * 100, 1))
    if unit == "count":
        value = round(value)
    return f"+{formats.quantity(value, unit, language)}" if value > 0 else formats.quantity(value, unit, language)


def _left_out(told: LikeForLike | None, language: Language) -> str:
    if told is None:
        return ""
    if not told.series and not told.closed_then_or_now_h:
        return texts.say("comparison.nothing_left_out", language)
    lines = [
        texts.say(
            "comparison.left_out_line",
            language,
            device=each.device,
            quantity=phrases.quantity_name(each.quantity, language),
            door=each.door or each.point,
            reason=texts.say(f"left_out_reason.{each.reason}", language),
        )
        for each in told.series
    ]
    parts = [listing("comparison.left_out", lines, language)]
    if told.closed_then_or_now_h:
        hours = formats.number(told.closed_then_or_now_h)
        parts.append(texts.say("comparison.closed_hours", language, hours=hours))
    return "\n".join(part for part in parts if part)


def render_district_comparison(answer: DistrictComparison, language: Language | str = Language.EN) -> str:
    """Return a district's comparison as text: its stores, the sums, and which may stand above which."""
    chosen = Language(language)
    heading = f"{texts.of(answer.name, chosen)} ({answer.district_id}) · {texts.of(answer.metric_name, chosen)}"
    windows = f"{formats.window(answer.now, chosen)} ↔ {formats.window(answer.before, chosen)}"
    notes = {note.en: note for store in answer.stores for note in store.notes}
    known = {note.annotation_id: note for store in answer.stores for note in store.annotations}
    return blocks(
        f"{heading}\n{windows}\n{aligned_by(answer.against, answer.holiday, chosen)}",
        table([texts.say(key, chosen) for key in _STORE_HEADER], _store_rows(answer, chosen)),
        _sum(answer, chosen),
        _unranked(answer, chosen),
        listing("comparison.notes", (texts.of(note, chosen) for note in notes.values()), chosen),
        listing("comparison.annotations", annotation_lines(tuple(known.values()), chosen), chosen),
    )


_STORE_HEADER = (
    "page.store",
    "comparison.now",
    "table.interval",
    "comparison.before",
    "comparison.difference",
    "comparison.ratio",
    "comparison.rank",
    "comparison.tied",
)


def _store_rows(answer: DistrictComparison, language: Language) -> list[list[str]]:
    ranked = {each.store_id: each for each in answer.ranking.ranks}
    order = {store_id: number for number, store_id in enumerate(ranked)}
    rows, unit = [], difference_unit(answer.unit)
    for store in sorted(answer.stores, key=lambda each: (order.get(each.store_id, len(order)), each.store_id)):
        own, change = ranked.get(store.store_id), store.change
        rank = _NOTHING if own is None else _range(own.rank_from, own.rank_to)
        rows.append([
            store.store_id,
            phrases.value(store.now.result, language) or phrases.state(store.now.result.status, language),
            phrases.interval(store.now.result, language) or _NOTHING,
            (phrases.value(store.before.result, language) if store.before else None) or _NOTHING,
            _NOTHING if change.difference is None else signed(change.difference.value, unit, language),
            _NOTHING if change.ratio is None else signed(change.ratio.value, "ratio", language),
            rank,
            texts.say("phrase.separator", language).join(own.tied_with) if own else "",
        ])  # fmt: skip
    return rows


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def _sum(answer: DistrictComparison, language: Language) -> str:
    if answer.sum is None or answer.sum.now is None or answer.sum.before is None or answer.sum.difference is None:
        return ""
    separator = texts.say("phrase.separator", language)
    now, before = (formats.quantity(each, answer.unit, language) for each in (answer.sum.now, answer.sum.before))
    stores = separator.join(answer.sum.stores_included)
    change = signed(answer.sum.difference, answer.unit, language)
    if answer.sum.ratio is not None:
        change += f" ({signed(answer.sum.ratio, 'ratio', language)})"
    lines = [f"{texts.say('comparison.sum', language, stores=stores, now=now, before=before)}{separator}{change}"]
    if answer.sum.stores_excluded:
        excluded = separator.join(answer.sum.stores_excluded)
        lines.append(texts.say("comparison.sum_excluded", language, stores=excluded))
    return "\n".join(lines)


def _unranked(answer: DistrictComparison, language: Language) -> str:
    ranking = answer.ranking
    rule = texts.say(
        "phrase.pair", language, name=texts.say("comparison.rule", language), value=texts.of(ranking.rule, language)
    )
    if not ranking.not_ranked:
        return f"{rule} [{ranking.source}]"
    names = texts.say("phrase.separator", language).join(ranking.not_ranked)
    return f"{texts.say('comparison.unranked', language, stores=names)}\n{rule} [{ranking.source}]"


def aligned_by(against: str, holiday: Text | None, language: Language) -> str:
    """Return by what two windows are aligned."""
    named = texts.say(f"against.{against}", language)
    text = named if holiday is None else f"{named} ({texts.of(holiday, language)})"
    return texts.say("comparison.aligned_by", language, against=text)


def annotation_lines(known: Sequence[AnnotationNote], language: Language) -> Iterable[str]:
    """Yield annotations in the reader's language, in the other where they have none."""
    for each in known:
        wanted, other = (each.text_zh, each.text_en) if language is Language.ZH else (each.text_en, each.text_zh)
        yield texts.say(
            "comparison.annotation_line",
            language,
            kind=texts.of(each.kind_name, language),
            first=formats.day(each.from_day, language),
            last=formats.day(each.to_day, language),
            text=wanted or other,
        )


def listing(title: str, lines: Iterable[str], language: Language) -> str:
    """Return lines under their title, nothing where there are none."""
    listed = [f"  {line}" for line in lines]
    return "\n".join([texts.say(title, language), *listed]) if listed else ""


def blocks(*parts: str) -> str:
    """Return the parts that are not empty, a line apart."""
    return "\n\n".join(part for part in parts if part) + "\n"
