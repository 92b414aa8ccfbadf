"""Day types of mainland China: workday, weekend, holiday, make-up workday; and the day of each holiday by year."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path

from analytics.results import Text
from analytics.windows import SATURDAY

_MOVING = Path(__file__).with_name("holiday_dates.toml")
CHINA = frozenset(
    {"Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Chungking", "Asia/Harbin", "Asia/Kashgar", "PRC"}
)
"""Time zones of mainland China, whose calendar this is; Hong Kong and Macau have holidays of their own."""
_FIXED = {"new_years_day": (1, 1), "labour_day": (5, 1), "national_day": (10, 1)}


class DayType(StrEnum):
    """What kind of day it is for those who work by the announced calendar."""

    WORKDAY = "workday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    """A day off of a public holiday, those moved there from elsewhere included."""
    MAKE_UP_WORKDAY = "make_up_workday"
    """A Saturday or Sunday on which people work for a day off moved to a holiday."""
    UNKNOWN = "unknown"
    """A day of a year whose calendar is not announced or not known to the installed library, or of another country."""


class Holiday(StrEnum):
    """A public holiday that recurs every year."""

    NEW_YEARS_DAY = "new_years_day"
    SPRING_FESTIVAL = "spring_festival"
    TOMB_SWEEPING_DAY = "tomb_sweeping_day"
    LABOUR_DAY = "labour_day"
    DRAGON_BOAT_FESTIVAL = "dragon_boat_festival"
    MID_AUTUMN_FESTIVAL = "mid_autumn_festival"
    NATIONAL_DAY = "national_day"


@dataclass(frozen=True, slots=True)
class Day:
    """A local day: its type, and of a holiday or a make-up workday the name of the holiday."""

    date: date
    day_type: DayType
    holiday: Text | None = None


class CalendarNotCoveredError(LookupError):
    """A year whose holidays are not known; the message names the years that are."""

    def __init__(self, year: int, covered: tuple[int, int]) -> None:
        self.year = year
        self.covered = covered
        super().__init__(
            f"the holidays of {year} are not known: those of {covered[0]} to {covered[1]} are. The State Council "
            "announces a year's late in the year before; a newer chinesecalendar brings them"
        )


@cache
def covered_years() -> tuple[int, int]:
    """Return the first and the last year whose announced calendar is known."""
    holidays = _announced().holidays
    return min(holidays).year, max(holidays).year


def day_of(on: date) -> Day:
    """Return the day's type by the announced calendar; ``UNKNOWN`` in a year that is not covered.

    Source: notices of the State Council on each year's holidays, as read by chinesecalendar.

    Examples
    --------
    >>> day_of(date(2025, 1, 26)).day_type.value, day_of(date(2025, 1, 29)).holiday.zh
    ('make_up_workday', '春节')
    >>> day_of(date(2003, 1, 1)).day_type.value
    'unknown'
    """
    first, last = covered_years()
    if not first <= on.year <= last:
        return Day(on, DayType.UNKNOWN)
    announced = _announced()
    if on in announced.workdays:
        return Day(on, DayType.MAKE_UP_WORKDAY, announced.workdays[on])
    if on in announced.holidays:
        return Day(on, DayType.HOLIDAY, announced.holidays[on])
    return Day(on, DayType.WEEKEND if on.weekday() >= SATURDAY else DayType.WORKDAY)


def day_type_in(time_zone: str, on: date) -> DayType:
    """Return the type of a local day; ``UNKNOWN`` in a zone that is not of mainland China.

    Examples
    --------
    >>> on = date(2026, 2, 17)
    >>> day_type_in("Asia/Shanghai", on).value, day_type_in("America/Los_Angeles", on).value
    ('holiday', 'unknown')
    """
    return day_of(on).day_type if time_zone in CHINA else DayType.UNKNOWN


def count_days(time_zone: str, dates: Iterable[date]) -> dict[DayType, int]:
    """Return how many local days of each type there are, types without a day left out."""
    found = Counter(day_type_in(time_zone, on) for on in dates)
    return {day_type: found[day_type] for day_type in DayType if found[day_type]}


def day_of_holiday(holiday: Holiday, year: int) -> date:
    """Return the day of a holiday: the festival itself, not the first of the days off around it.

    Raises
    ------
    CalendarNotCoveredError
        If it moves and its day in that year is not among those that are known.

    Examples
    --------
    >>> day_of_holiday(Holiday.SPRING_FESTIVAL, 2026).isoformat()
    '2026-02-17'
    """
    if holiday.value in _FIXED:
        return date(year, *_FIXED[holiday.value])
    days = _moving()[holiday]
    if year not in days:
        raise CalendarNotCoveredError(year, (min(days), max(days)))
    return days[year]


def holiday_name(holiday: Holiday) -> Text:
    """Return the name of a holiday in both languages."""
    return _announced().names[holiday.value]


@cache
def _moving() -> Mapping[Holiday, dict[int, date]]:
    document = tomllib.loads(_MOVING.read_text(encoding="utf-8"))
    return {Holiday(code): {day.year: day for day in days} for code, days in document.items()}


@dataclass(frozen=True, slots=True)
class _Announced:
    """Days off and make-up workdays with the name of their holiday, and the names by their codes."""

    holidays: Mapping[date, Text]
    workdays: Mapping[date, Text]
    names: Mapping[str, Text]


@cache
def _announced() -> _Announced:
    # Imported here: reading its tables takes time that no other command should pay. It has no types.
    from chinese_calendar import constants  # type: ignore[import-untyped] # noqa: PLC0415

    names = {known.value: Text(en=known.value, zh=known.chinese) for known in constants.Holiday}
    return _Announced(
        {day: names[name] for day, name in constants.holidays.items()},
        {day: names[name] for day, name in constants.workdays.items()},
        {known.name: names[known.value] for known in constants.Holiday},
    )
