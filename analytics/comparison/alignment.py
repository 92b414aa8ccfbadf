"""Which window another is compared with: by like period, by dates, ISO weeks or holidays of a year, around a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from analytics.day_types import CalendarNotCoveredError, Holiday, day_of_holiday
from analytics.window_text import AskedWindow, WindowRefusedError
from analytics.windows import Window, like_period_before, shifted

HOLIDAY_REACH = timedelta(days=20)
"""How far a window may be from a holiday to be aligned by it unasked."""
_YEARS = range(1970, 9000)


class Against(StrEnum):
    """By what a window is aligned with the one that it is compared with."""

    LIKE_PERIOD = "like_period"
    """Back by the fewest whole weeks."""
    SAME_DATES = "same_dates"
    """The same local dates of another year."""
    ISO_WEEKS = "iso_weeks"
    """The same ISO week and weekday of another year."""
    HOLIDAY = "holiday"
    """As many days from a holiday of another year."""
    BEFORE_AND_AFTER = "before_and_after"
    """As long after a day as before it."""
    WINDOW = "window"
    """A window that the question names."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """What a comparison is to be made against; ``base_year`` None: the year before.

    ``holiday`` None: the one in or near the window. ``at`` is the day that parts before from after, ``window`` the
    other window of ``Against.WINDOW``.
    """

    against: Against = Against.LIKE_PERIOD
    base_year: int | None = None
    holiday: Holiday | None = None
    at: date | None = None
    window: AskedWindow | None = None


@dataclass(frozen=True, slots=True)
class Aligned:
    """Two windows to compare, and the holiday that they are aligned by, if any."""

    now: Window
    before: Window
    holiday: Holiday | None = None


def align(window: Window, alignment: Alignment, day_start: time = time()) -> Aligned:
    """Return the window and the one that it is compared with.

    Raises
    ------
    WindowRefusedError
        If the question lacks what its alignment needs, or the other year has no counterpart; the code says which.

    Examples
    --------
    >>> w = Window(datetime(2026, 2, 16, 16, tzinfo=UTC), datetime(2026, 2, 23, 16, tzinfo=UTC), "Asia/Shanghai")
    >>> align(w, Alignment(Against.HOLIDAY)).before.first_date.isoformat()  # the Spring Festival of 2025
    '2025-01-29'
    """
    if alignment.base_year is not None and alignment.base_year not in _YEARS:
        raise WindowRefusedError("window_unreadable", name="base_year", text=str(alignment.base_year))
    match alignment.against:
        case Against.LIKE_PERIOD:
            return Aligned(window, like_period_before(window))
        case Against.SAME_DATES:
            return Aligned(window, _same_dates(window, alignment.base_year))
        case Against.ISO_WEEKS:
            return Aligned(window, _iso_weeks(window, alignment.base_year))
        case Against.HOLIDAY:
            return _by_holiday(window, alignment)
        case Against.BEFORE_AND_AFTER:
            if alignment.at is None:
                raise WindowRefusedError("comparison_needs", against=alignment.against, name="at")
            return _before_and_after(window, alignment.at)
        case Against.WINDOW:
            if alignment.window is None:
                raise WindowRefusedError("comparison_needs", against=alignment.against, name="against_from, against_to")
            return Aligned(window, alignment.window.at(window.time_zone, day_start, datetime.now(UTC)))


def _same_dates(window: Window, base_year: int | None) -> Window:
    """Return the same dates; the 29th of February is the 28th of a year without it, so that no day is lost between."""
    first, last = window.first_date, window.last_date
    by = (first.year - 1 if base_year is None else base_year) - first.year
    start, end = (at.astimezone(window.zone).replace(tzinfo=None) for at in (window.start, window.end))
    start += _in_year(first, first.year + by) - first
    end += _in_year(last, last.year + by) - last
    return Window(start.replace(tzinfo=window.zone), end.replace(tzinfo=window.zone), window.time_zone)


def _in_year(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def _iso_weeks(window: Window, base_year: int | None) -> Window:
    year, week, weekday = window.first_date.isocalendar()
    wanted = year - 1 if base_year is None else base_year
    try:
        first = date.fromisocalendar(wanted, week, weekday)
    except ValueError as error:
        raise WindowRefusedError("comparison_no_iso_week", week=str(week), year=str(wanted)) from error
    return shifted(window, (first - window.first_date).days)


def _by_holiday(window: Window, alignment: Alignment) -> Aligned:
    try:
        holiday, now = _nearest(window, alignment.holiday)
        wanted = now.year - 1 if alignment.base_year is None else alignment.base_year
        before = day_of_holiday(holiday, wanted)
    except CalendarNotCoveredError as error:
        first, last = map(str, error.covered)
        raise WindowRefusedError("comparison_holiday_unknown", year=str(error.year), first=first, last=last) from error
    return Aligned(window, shifted(window, (before - now).days), holiday)


def _nearest(window: Window, wanted: Holiday | None) -> tuple[Holiday, date]:
    """Return the holiday asked for on its day nearest to the window, or else the only one in or near the window."""
    years = range(window.first_date.year - 1, window.last_date.year + 2)
    if wanted is not None:
        days = [day for year in years if (day := _known_day(wanted, year)) is not None]
        if not days:
            day_of_holiday(wanted, window.first_date.year)  # says which years are known
        return wanted, min(days, key=lambda day: _distance(day, window))
    found = [(holiday, day) for holiday in Holiday for year in years if (day := _known_day(holiday, year)) is not None]
    within = [each for each in found if _distance(each[1], window) == timedelta()]
    if len(within) == 1:
        return within[0]
    near = sorted((_distance(day, window), day, holiday) for holiday, day in found)
    if within or not near or near[0][0] > HOLIDAY_REACH:
        names = ", ".join(holiday for holiday, _ in within) or "-"
        raise WindowRefusedError("comparison_which_holiday", found=names, known=", ".join(Holiday))
    return near[0][2], near[0][1]


def _known_day(holiday: Holiday, year: int) -> date | None:
    try:
        return day_of_holiday(holiday, year)
    except CalendarNotCoveredError:
        return None


def _distance(day: date, window: Window) -> timedelta:
    return max(window.first_date - day, day - window.last_date, timedelta())


def _before_and_after(window: Window, at: date) -> Aligned:
    """Return as many days on either side of a day's start, whole weeks if there is room for one."""
    start, end = (each.astimezone(window.zone).replace(tzinfo=None) for each in (window.start, window.end))
    parting = datetime.combine(at, start.time())
    days = min((parting - start).days, (end - parting).days)
    if days < 1:
        shown = {"at": at.isoformat(), "start": start.isoformat(), "end": end.isoformat()}
        raise WindowRefusedError("comparison_day_outside", **shown)
    length = timedelta(days=days - days % 7 if days >= 7 else days)
    first, middle, last = (each.replace(tzinfo=window.zone) for each in (parting - length, parting, parting + length))
    return Aligned(Window(middle, last, window.time_zone), Window(first, middle, window.time_zone))
