"""An explained change as plain text, for terminals and logs."""

from __future__ import annotations

from collections.abc import Iterable

from analytics.comparison.table import aligned_by, annotation_lines, blocks, days, listing, signed
from analytics.explain.answer import ExplainedSide, Explanation, Part, PartKind
from analytics.rendering import table
from analytics.wording import formats, texts
from analytics.wording.language import Language

_NOTHING = "–"
_HOURS_SHOWN = 6


def render_explanation(answer: Explanation, language: Language | str = Language.EN) -> str:
    """Return the parts of the change, by store where there are several, and the hours that changed most by door."""
    chosen = Language(language)
    place = answer.store_id or answer.district_id
    heading = f"{texts.of(answer.name, chosen)} ({place}) · {texts.of(answer.metric_name, chosen)}"
    notes = {note.en: note for store in answer.stores for note in store.notes}
    return blocks(
        f"{heading}\n{aligned_by(answer.against, answer.holiday, chosen)}",
        "\n".join(_windows(answer, chosen)),
        _parts(answer, chosen),
        listing("explain.days", _days(answer, chosen), chosen),
        _stores(answer, chosen) if len(answer.stores) > 1 else "",
        listing("explain.doors", _hours(answer, chosen), chosen),
        listing("comparison.notes", (texts.of(note, chosen) for note in notes.values()), chosen),
        listing("comparison.annotations", annotation_lines(answer.annotations, chosen), chosen),
        texts.of(answer.method, chosen),
    )


def _windows(answer: Explanation, language: Language) -> Iterable[str]:
    if len(answer.stores) == 1:
        store = answer.stores[0]
        for key, side in (("comparison.now", store.now), ("comparison.before", store.before)):
            if side is not None:
                value = texts.say("phrase.separator", language).join(days(side.days, language)[::2])
                yield texts.say("phrase.pair", language, name=texts.say(key, language), value=value)
    for store in answer.stores:
        counted = texts.say(
            "explain.counted",
            language,
            now=formats.number(store.now.counted),
            before=formats.number(store.before.counted) if store.before else _NOTHING,
            now_complete=_complete(store.now),
            before_complete=_complete(store.before),
        )
        yield texts.say("phrase.pair", language, name=store.store_id, value=counted)


def _days(answer: Explanation, language: Language) -> Iterable[str]:
    """Yield for each store whether its days differ by more than days do anyway."""
    for store in answer.stores:
        if store.days is None or store.days.ratio.interval is None:
            continue
        interval = store.days.ratio.interval
        said = texts.say(
            "explain.told_apart" if store.days.told_apart else "explain.not_told_apart",
            language,
            ratio=formats.percent(store.days.ratio.value),
            low=formats.percent(interval.low),
            high=formats.percent(interval.high),
            days=store.days.days_now,
            days_before=store.days.days_before,
        )
        yield texts.say("phrase.pair", language, name=store.store_id, value=said)


def _complete(side: ExplainedSide | None) -> str:
    return _NOTHING if side is None or side.completeness is None else formats.percent(side.completeness.ratio)


def _parts(answer: Explanation, language: Language) -> str:
    rows = [[texts.of(part.name, language), _signed(part, language)] for part in answer.parts]
    rows.append([texts.say("explain.change", language), signed(answer.change, "count", language)])
    return table([texts.say("explain.part", language), texts.say("explain.persons", language)], rows)


def _signed(part: Part, language: Language) -> str:
    return signed(part.count, "count", language)


def _stores(answer: Explanation, language: Language) -> str:
    header = [texts.say("page.store", language), *(texts.say(f"explain_part.{kind}", language) for kind in PartKind)]
    rows = [
        [store.store_id, *(_signed(part, language) for part in store.parts), signed(store.change, "count", language)]
        for store in answer.stores
    ]
    return table([*header, texts.say("explain.change", language)], rows)


def _hours(answer: Explanation, language: Language) -> Iterable[str]:
    """Yield for each counter the hours of the day that changed most, in order of the day."""
    for store in answer.stores:
        for counter in store.counters:
            largest = sorted(range(24), key=lambda hour: -abs(counter.hourly[hour]))[:_HOURS_SHOWN]
            shown = [
                f"{hour:02d}:00 {signed(counter.hourly[hour], 'count', language)}"
                for hour in sorted(largest)
                if counter.hourly[hour]
            ]
            if shown:
                yield texts.say(
                    "explain.hours_shown",
                    language,
                    store=store.store_id,
                    door=counter.door or counter.point,
                    device=counter.device,
                    hours=texts.say("phrase.separator", language).join(shown),
                )
