"""Numbers, units, dates and windows as a reader of English or Chinese writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from analytics.results import TimeWindow
from analytics.wording.language import Language
from analytics.wording.texts import either, say

_MONTHS = "January February March April May June July August September October November December".split()
_WEEKDAYS = {
    Language.EN: "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
    Language.ZH: "星期一 星期二 星期三 星期四 星期五 星期六 星期日".split(),
}
_MINUS = "\N{MINUS SIGN}"
_DECIMALS = {"kWh": 1, "degC": 1, "percent": 1, "ppm": 0, "kWh/m2": 3, "kWh/visitor": 3}
_FINE = frozenset({"persons"})
"""Units of which ten is already many: less is shown to two decimals."""


def number(value: float, decimals: int | None = None) -> str:
    """Return a number with grouped thousands; integers whole, others with ``decimals`` (default 1) places."""
    places = (0 if isinstance(value, int) else 1) if decimals is None else decimals
    text = f"{abs(value):,.{places}f}"
    negative = value < 0 and any(digit in "123456789" for digit in text)
    return f"{_MINUS}{text}" if negative else text


def percent(ratio: float) -> str:
    """Return a ratio as per cent with one decimal; what isn't all or nothing is never rounded to it."""
    if 0.9995 <= ratio < 1:
        return ">99.9%"
    if 0 < ratio < 0.0005:
        return "<0.1%"
    return f"{number(ratio * 100, 1)}%" if ratio not in (0, 1) else f"{number(int(ratio * 100))}%"


def round_percent(ratio: float) -> str:
    """Return a ratio that somebody chose, such as a confidence level or a floor, as per cent: 95 %, 97.5 %."""
    return f"{ratio * 100:g}%"


def quantity(value: float, unit: str, language: Language) -> str:
    """Return a value with its unit: ratios as per cent, counts bare (the name says of what), hours as a clock."""
    if unit == "ratio":
        return percent(value)
    if unit == "count":
        return number(int(value) if float(value).is_integer() else value)
    if unit == "h" and float(value).is_integer():
        return f"{int(value):02d}:00"
    places = 0 if abs(value) >= 1000 else 2 if unit in _FINE and abs(value) < 10 else _DECIMALS.get(unit, 1)
    return f"{number(float(value), places)}{unit_suffix(unit, language)}"


def limit(value: float, unit: str, language: Language) -> str:
    """Return a limit with its unit, to the digits in which it was laid down."""
    if unit == "ratio":
        return round_percent(value)
    return f"{number(value, 0 if float(value).is_integer() else 1)}{unit_suffix(unit, language)}"


def unit_suffix(unit: str, language: Language) -> str:
    """Return a unit as it follows a number, with its leading space where one is due."""
    return either(f"unit.{unit}", f" {unit}", language)


def unit_name(unit: str, language: Language) -> str:
    """Return a unit as it is named by itself."""
    return either(f"unit_name.{unit}", unit_suffix(unit, language).strip(), language)


def day(on: date, language: Language, *, weekday: bool = False) -> str:
    """Return a date: 2 March 2026, or 2026年3月2日."""
    if language is Language.ZH:
        text = f"{on.year}年{on.month}月{on.day}日"
        return f"{text} {_WEEKDAYS[language][on.weekday()]}" if weekday else text
    text = f"{on.day} {_MONTHS[on.month - 1]} {on.year}"
    return f"{_WEEKDAYS[language][on.weekday()]} {text}" if weekday else text


def instant(at: datetime, time_zone: str, language: Language) -> str:
    """Return a local date and time, to the minute; in an hour that the clock shows twice with its UTC offset."""
    local = at.astimezone(ZoneInfo(time_zone))
    separator = " " if language is Language.ZH else ", "
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{day(local.date(), language)}{separator}{local:%H:%M}{_utc_offset(local) if twice else ''}"


def utc_span(start: datetime, end: datetime) -> str:
    """Return a span in UTC, which no clock change blurs: 2005-10-30 08:30 to 09:30 as the bare ISO times."""
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    until = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    return f"{first:%Y-%m-%d %H:%M}\N{EN DASH}{until} UTC"


def _utc_offset(local: datetime) -> str:
    offset = local.utcoffset() or timedelta()
    minutes = abs(offset) // timedelta(minutes=1)
    sign = _MINUS if offset < timedelta() else "+"
    return f" (UTC{sign}{minutes // 60}{f':{minutes % 60:02d}' if minutes % 60 else ''})"


def window(of: TimeWindow, language: Language) -> str:
    """Return a window: whole local days by their dates, the last one included; others by date and time."""
    start, end = (at.astimezone(ZoneInfo(of.time_zone)) for at in (of.start, of.end))
    if start.time() != end.time() or start.date() >= end.date():
        return say(
            "window.between",
            language,
            start=instant(start, of.time_zone, language),
            end=instant(end, of.time_zone, language),
        )
    last = end.date() - timedelta(days=1)
    dates = _days(start.date(), last, language)
    return dates if f"{start:%H:%M}" == "00:00" else say("window.day_start", language, days=dates, at=f"{start:%H:%M}")


def _days(first: date, last: date, language: Language) -> str:
    if first == last:
        return day(first, language, weekday=True)
    if language is Language.ZH:
        skip = 2 if (first.year, first.month) == (last.year, last.month) else 1 if first.year == last.year else 0
        return f"{day(first, language)}至{_chinese_end(last, skip)}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {day(last, language)}"
    start = f"{first.day} {_MONTHS[first.month - 1]}" if first.year == last.year else day(first, language)
    return f"{start} to {day(last, language)}"


def _chinese_end(last: date, skip: int) -> str:
    return "".join((f"{last.year}年", f"{last.month}月", f"{last.day}日")[skip:])
