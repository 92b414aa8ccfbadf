"""Day types against the announcements, and the day of each moving holiday against moon and announced days off."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import radians, sin

import pytest

from analytics.day_types import (
    CalendarNotCoveredError,
    DayType,
    Holiday,
    count_days,
    covered_years,
    day_of,
    day_of_holiday,
    holiday_name,
)

# Announced make-up workdays, devices_metrics.md section 2.8.
MAKE_UP = {
    2025: ["01-26", "02-08", "04-27", "09-28", "10-11"],
    2026: ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"],
}
LUNAR_DAY = {Holiday.SPRING_FESTIVAL: 1, Holiday.DRAGON_BOAT_FESTIVAL: 5, Holiday.MID_AUTUMN_FESTIVAL: 15}


def year_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]


@pytest.mark.parametrize("year", MAKE_UP)
def test_the_make_up_workdays_are_those_announced(year: int) -> None:
    found = [day for day in map(day_of, year_of(year)) if day.day_type is DayType.MAKE_UP_WORKDAY]
    assert [f"{day.date:%m-%d}" for day in found] == MAKE_UP[year]
    assert all(day.date.weekday() >= 5 and day.holiday is not None for day in found)


def test_a_day_off_a_weekend_and_a_workday_are_told_apart() -> None:
    assert day_of(date(2025, 10, 6)).holiday == holiday_name(Holiday.MID_AUTUMN_FESTIVAL)
    assert day_of(date(2026, 2, 21)).day_type is DayType.HOLIDAY  # a Saturday within the Spring Festival
    assert day_of(date(2026, 3, 7)).day_type is DayType.WEEKEND
    assert day_of(date(2026, 3, 9)).day_type is DayType.WORKDAY
    assert count_days("Asia/Shanghai", year_of(2025)) == {
        DayType.WORKDAY: 243,
        DayType.WEEKEND: 89,
        DayType.HOLIDAY: 28,
        DayType.MAKE_UP_WORKDAY: 5,
    }


def test_the_calendar_is_that_of_mainland_china() -> None:
    assert count_days("America/Los_Angeles", year_of(2025)) == {DayType.UNKNOWN: 365}
    assert count_days("Asia/Hong_Kong", year_of(2025)) == {DayType.UNKNOWN: 365}


def test_a_year_that_is_not_covered_is_unknown_and_says_which_are() -> None:
    first, last = covered_years()
    assert (first, last >= 2026) == (2004, True)
    for year in (first - 1, last + 1):
        assert set(count_days("Asia/Shanghai", year_of(year))) == {DayType.UNKNOWN}
    with pytest.raises(CalendarNotCoveredError, match=r"holidays of 2003 are not known: those of 2004 to 20\d\d are"):
        day_of_holiday(Holiday.SPRING_FESTIVAL, 2003)


@pytest.mark.parametrize("holiday", Holiday)
def test_the_day_of_a_holiday_is_one_of_its_days_off(holiday: Holiday) -> None:
    """Where two coincide, the days off bear the name of one of them: Mid-autumn was on 1 October in 2020."""
    for year in range(2008, 2027):
        day = day_of(day_of_holiday(holiday, year))
        assert day.day_type in {DayType.HOLIDAY, DayType.WEEKEND}, year
        if (holiday, year) != (Holiday.MID_AUTUMN_FESTIVAL, 2020) and day.day_type is DayType.HOLIDAY:
            assert day.holiday == holiday_name(holiday), year


@pytest.mark.parametrize("holiday", LUNAR_DAY)
def test_a_lunar_holiday_is_so_many_days_after_a_new_moon_in_beijing(holiday: Holiday) -> None:
    for year in range(2004, 2027):
        first = day_of_holiday(holiday, year) - timedelta(days=LUNAR_DAY[holiday] - 1)
        assert first == (nearest_new_moon(first) + timedelta(hours=8)).date(), year


def nearest_new_moon(day: date) -> datetime:
    """Return the new moon nearest to a day in UTC, to some minutes (Meeus, Astronomical Algorithms, chapter 49)."""
    k = round((day.toordinal() - date(2000, 1, 6).toordinal()) / 29.530588861)
    t = k / 1236.85
    jde = 2451550.09766 + 29.530588861 * k + 0.00015437 * t * t
    e = 1 - 0.002516 * t
    sun = radians(2.5534 + 29.1053567 * k)
    moon = radians(201.5643 + 385.81693528 * k + 0.0107582 * t * t)
    f = radians(160.7108 + 390.67050284 * k - 0.0016118 * t * t)
    node = radians(124.7746 - 1.56375588 * k)
    jde += -0.40720 * sin(moon) + 0.17241 * e * sin(sun) + 0.01608 * sin(2 * moon) + 0.01039 * sin(2 * f)
    jde += 0.00739 * e * sin(moon - sun) - 0.00514 * e * sin(moon + sun) + 0.00208 * e * e * sin(2 * sun)
    jde += -0.00111 * sin(moon - 2 * f) - 0.00057 * sin(moon + 2 * f) + 0.00056 * e * sin(2 * moon + sun)
    jde += -0.00042 * sin(3 * moon) + 0.00042 * e * sin(sun + 2 * f) + 0.00038 * e * sin(sun - 2 * f)
    jde += -0.00024 * e * sin(2 * moon - sun) - 0.00017 * sin(node)
    return datetime(2000, 1, 1, 12, tzinfo=UTC) + timedelta(days=jde - 2451545.0, seconds=-69)
