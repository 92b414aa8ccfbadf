"""The further figures of a result, named and formatted: whatever a metric adds, it can be shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from analytics.results import Result
from analytics.wording import formats
from analytics.wording.language import Language
from analytics.wording.texts import either, say

_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_INSTANT = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}.*(Z|[+-]\d{2}:\d{2})$")


def named(result: Result, language: Language) -> list[tuple[str, str]]:
    """Return each further figure with its name; figures made of several are written as JSON."""
    return [
        (either(f"detail.{name}", name.replace("_", " "), language), _shown(value, result, language))
        for name, value in result.detail.items()
    ]


def occasion(result: Result, language: Language) -> str | None:
    """Return when what the value tells of happened: the busiest day, the peak hour, the slot of a peak."""
    detail: Mapping[str, Any] = result.detail
    if isinstance(on := detail.get("date"), str):
        return formats.day(date.fromisoformat(on), language, weekday=True)
    for start, end in (("start", "end"), ("slot_start", "slot_end")):
        if isinstance(detail.get(start), str) and isinstance(detail.get(end), str):
            began = formats.instant(datetime.fromisoformat(detail[start]), result.window.time_zone, language)
            ended = formats.instant(datetime.fromisoformat(detail[end]), result.window.time_zone, language)
            return say("phrase.slot", language, start=began, end=ended.split()[-1])
    return None


def _shown(value: Any, result: Result, language: Language) -> str:
    if isinstance(value, str):
        return _text(value, result.window.time_zone, language)
    if value is None:
        return say("detail.none", language)
    if isinstance(value, bool):
        return say("page.yes" if value else "page.no", language)
    if isinstance(value, int):
        return formats.number(value)
    return f"{value:,.6g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _text(value: str, time_zone: str, language: Language) -> str:
    if _DATE.match(value):
        return formats.day(date.fromisoformat(value), language, weekday=True)
    if _INSTANT.match(value):
        return formats.instant(datetime.fromisoformat(value), time_zone, language)
    return either(f"detail_value.{value}", value, language)
