"""A district's sums as a plain text table, for terminals and logs."""

from __future__ import annotations

from analytics.rendering import table
from analytics.results import DistrictAnswer, DistrictSum
from analytics.wording import formats, phrases, texts
from analytics.wording.language import Language

_NOTHING = "–"
_COLUMNS = ("table.metric", "table.sum", "table.interval", "table.stores_in_sum", "table.left_out")


def render_district(answer: DistrictAnswer, language: Language) -> str:
    """Return a district's sums as text: a table, then what is estimated apart."""
    names = {store.store_id: texts.of(store.name, language) for store in answer.stores}
    heading = [
        f"{texts.of(answer.name, language)} ({answer.district_id})",
        f"{formats.window(answer.window, language)} · {answer.window.time_zone} · "
        + texts.say("table.registry", language, version=answer.registry_version),
    ]
    origins = tuple(sorted({origin for store in answer.stores for origin in store.origins}))
    if why := phrases.not_evidence(answer.evidence, origins, language):
        heading.append(texts.say("phrase.pair", language, name=texts.say("evidence.not_evidence", language), value=why))
    header = [texts.say(key, language) for key in _COLUMNS]
    drawn = table(header, [_row(each, names, language) for each in answer.sums])
    notes = [
        texts.say("phrase.pair", language, name=texts.of(each.name, language), value=text)
        for each in answer.sums
        for text in _notes(each, names, language)
    ]
    return "\n\n".join(block for block in ("\n".join(heading), drawn, "\n".join(notes)) if block) + "\n"


def _row(of: DistrictSum, names: dict[str, str], language: Language) -> list[str]:
    every = len(of.stores_included) + len(of.stores_excluded)
    left_out = texts.say("phrase.separator", language).join(names.get(s, s) for s in of.stores_excluded)
    return [
        texts.of(of.name, language),
        _NOTHING if of.value is None else formats.quantity(of.value, of.unit, language),
        phrases.bounds(of.interval, of.value, of.unit, language) or _NOTHING,
        f"{len(of.stores_included)}/{every}",
        left_out or _NOTHING,
    ]


def _notes(of: DistrictSum, names: dict[str, str], language: Language) -> list[str]:
    estimated = [] if of.rest is None else [phrases.rest(of.rest, of.unit, names, language)]
    return estimated if of.note is None else [*estimated, texts.of(of.note, language)]
