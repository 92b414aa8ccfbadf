"""The completeness ledger as plain text tables, for terminals and logs."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.completeness_answer import BatchCounts, By, CompletenessAnswer, LedgerRow, ReadingCounts
from analytics.rendering import table
from analytics.wording import formats, texts
from analytics.wording.language import Language

_NOTHING = "–"


def render_completeness(answer: CompletenessAnswer, language: Language | str = Language.EN) -> str:
    """Return the answer as text: readings by row, then batches where they are of its rows, each with the total."""
    chosen = Language(language)
    blocks = [_heading(answer, chosen), *_part(answer, "heading_readings", ReadingCounts, chosen)]
    if answer.total.batches is not None:
        blocks += _part(answer, "heading_batches", BatchCounts, chosen)
    if answer.without_expectation:
        blocks.append(texts.say("completeness.without_expectation", chosen, count=answer.without_expectation))
    return "\n\n".join(blocks) + "\n"


def _heading(answer: CompletenessAnswer, language: Language) -> str:
    window = f"{formats.window(answer.window, language)} · {answer.window.time_zone}"
    version = texts.say("table.registry", language, version=answer.registry_version)
    name = f"{texts.of(answer.name, language)} ({answer.store_id or answer.district_id})"
    return f"{name}\n{window} · {version}"


def _part(
    answer: CompletenessAnswer, title: str, counts: type[ReadingCounts] | type[BatchCounts], language: Language
) -> list[str]:
    names = list(counts.model_fields)
    rows = [row for row in answer.rows if counts is ReadingCounts or row.batches is not None]
    lines = [
        [_label(row, answer.by, language), *_figures(row.readings if counts is ReadingCounts else row.batches, names)]
        for row in rows
    ]
    total = answer.total.readings if counts is ReadingCounts else answer.total.batches
    lines.append([texts.say("completeness.total", language), *_figures(total, names)])
    header = [texts.say(f"completeness.{answer.by}", language)]
    header += [texts.say(f"completeness.{name}", language) for name in names]
    return [texts.say(f"completeness.{title}", language) + "\n" + table(header, lines)]


def _figures(counts: ReadingCounts | BatchCounts | None, names: Sequence[str]) -> list[str]:
    return [_figure(name, getattr(counts, name)) for name in names]


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return _NOTHING
    return formats.percent(value) if name == "ratio" else f"{value:,}"


def _label(row: LedgerRow, by: By, language: Language) -> str:
    if by in {By.DAY, By.HOUR} and row.start is not None:
        return row.start.isoformat(sep=" ", timespec="minutes")
    named = {By.STORE: row.store_id, By.AGENT: row.agent_id, By.DEVICE: row.device_id}
    return named.get(by) or texts.say("completeness.total", language)
