"""Which window another is compared with, checked against calendars by hand and for any window."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analytics.comparison.alignment import Against, Alignment, align
from analytics.day_types import DayType, Holiday, day_of, day_of_holiday
from analytics.window_text import AskedWindow, WindowRefusedError
from analytics.windows import Window


def days(first: str, last: str, zone: str = "Asia/Shanghai") -> Window:
    start, end = (datetime.combine(date.fromisoformat(day), time(), tzinfo=ZoneInfo(zone)) for day in (first, last))
    return Window(start, end + timedelta(days=1), zone)


def shown(window: Window) -> tuple[str, str]:
    return window.first_date.isoformat(), window.last_date.isoformat()


@pytest.mark.parametrize(
    ("first", "last", "alignment", "expected"),
    [
        ("2026-03-02", "2026-03-08", Alignment(), ("2026-02-23", "2026-03-01")),
        ("2026-03-01", "2026-03-31", Alignment(Against.SAME_DATES), ("2025-03-01", "2025-03-31")),
        ("2026-03-01", "2026-03-31", Alignment(Against.SAME_DATES, base_year=2019), ("2019-03-01", "2019-03-31")),
        ("2024-02-01", "2024-02-29", Alignment(Against.SAME_DATES), ("2023-02-01", "2023-02-28")),
        ("2024-02-29", "2024-02-29", Alignment(Against.SAME_DATES), ("2023-02-28", "2023-02-28")),
        ("2025-02-01", "2025-02-28", Alignment(Against.SAME_DATES), ("2024-02-01", "2024-02-28")),
        ("2025-12-20", "2026-01-10", Alignment(Against.SAME_DATES), ("2024-12-20", "2025-01-10")),
        ("2026-03-02", "2026-03-08", Alignment(Against.ISO_WEEKS), ("2025-03-03", "2025-03-09")),  # week 10
        ("2025-12-29", "2026-01-04", Alignment(Against.ISO_WEEKS), ("2024-12-30", "2025-01-05")),  # week 1 of 2026
        ("2026-02-15", "2026-02-23", Alignment(Against.HOLIDAY), ("2025-01-27", "2025-02-04")),
        ("2026-02-15", "2026-02-23", Alignment(Against.HOLIDAY, base_year=2024), ("2024-02-08", "2024-02-16")),
        ("2026-03-01", "2026-03-07", Alignment(Against.HOLIDAY), ("2025-02-10", "2025-02-16")),  # 12 days after it
        ("2025-10-01", "2025-10-08", Alignment(Against.HOLIDAY, holiday=Holiday.MID_AUTUMN_FESTIVAL),
         ("2024-09-12", "2024-09-19")),
        ("2026-01-01", "2026-01-31", Alignment(Against.BEFORE_AND_AFTER, at=date(2026, 1, 16)),
         ("2026-01-02", "2026-01-15")),
        ("2026-01-01", "2026-01-31", Alignment(Against.BEFORE_AND_AFTER, at=date(2026, 1, 4)),
         ("2026-01-01", "2026-01-03")),
        ("2026-01-05", "2026-01-06",
         Alignment(Against.WINDOW, window=AskedWindow.read("2025-07-01", "2025-07-03")), ("2025-07-01", "2025-07-02")),
    ],
)  # fmt: skip
def test_the_other_window_is_that_of_the_calendar(
    first: str, last: str, alignment: Alignment, expected: tuple[str, str]
) -> None:
    assert shown(align(days(first, last), alignment).before) == expected


def test_before_and_after_are_equally_long_and_meet_at_the_day() -> None:
    aligned = align(days("2026-01-01", "2026-01-31"), Alignment(Against.BEFORE_AND_AFTER, at=date(2026, 1, 16)))
    assert shown(aligned.now) == ("2026-01-16", "2026-01-29")
    assert aligned.before.end_us == aligned.now.start_us


def test_a_year_aligned_by_the_spring_festival_has_it_on_the_same_place_of_the_window() -> None:
    aligned = align(days("2025-01-20", "2025-02-12"), Alignment(Against.HOLIDAY, holiday=Holiday.SPRING_FESTIVAL))
    assert aligned.holiday is Holiday.SPRING_FESTIVAL
    place = [(day_of_holiday(Holiday.SPRING_FESTIVAL, w.first_date.year) - w.first_date).days
             for w in (aligned.now, aligned.before)]  # fmt: skip
    assert place == [9, 9]
    by_date = align(days("2025-01-20", "2025-02-12"), Alignment(Against.SAME_DATES)).before
    off = [sum(day_of(w.first_date + timedelta(days=n)).day_type is DayType.HOLIDAY for n in range(24))
           for w in (aligned.before, by_date)]  # fmt: skip
    assert off == [8, 3]  # by date, most of the festival of 2024 (10 to 17 February) would be missed


@pytest.mark.parametrize(
    ("first", "last", "alignment", "code", "told"),
    [
        ("2020-12-28", "2021-01-03", Alignment(Against.ISO_WEEKS), "comparison_no_iso_week", "53"),
        ("2004-01-20", "2004-01-28", Alignment(Against.HOLIDAY), "comparison_holiday_unknown", "2003"),
        ("2030-02-01", "2030-02-05", Alignment(Against.HOLIDAY, holiday=Holiday.SPRING_FESTIVAL),
         "comparison_holiday_unknown", "2026"),
        ("2025-09-28", "2025-10-08", Alignment(Against.HOLIDAY), "comparison_which_holiday", "mid_autumn_festival"),
        ("2025-08-01", "2025-08-02", Alignment(Against.HOLIDAY), "comparison_which_holiday", "national_day"),
        ("2026-01-05", "2026-01-06", Alignment(Against.BEFORE_AND_AFTER), "comparison_needs", "at"),
        ("2026-01-05", "2026-01-06", Alignment(Against.WINDOW), "comparison_needs", "against_from"),
        ("2026-01-05", "2026-01-06", Alignment(Against.BEFORE_AND_AFTER, at=date(2026, 1, 5)),
         "comparison_day_outside", "2026-01-05"),
        ("2026-01-05", "2026-01-06", Alignment(Against.SAME_DATES, base_year=0), "window_unreadable", "base_year"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_refused_with_the_reason(
    first: str, last: str, alignment: Alignment, code: str, told: str
) -> None:
    with pytest.raises(WindowRefusedError) as refused:
        align(days(first, last), alignment)
    assert refused.value.code == code
    assert any(told in value for value in refused.value.values.values())


@given(
    start=st.datetimes(datetime(2005, 1, 1), datetime(2025, 12, 1)),
    hours=st.integers(1, 24 * 400),
    zone=st.sampled_from(["Asia/Shanghai", "Australia/Lord_Howe", "America/St_Johns"]),
    against=st.sampled_from([Against.LIKE_PERIOD, Against.SAME_DATES, Against.ISO_WEEKS]),
)
def test_any_window_has_an_earlier_counterpart_at_the_same_times_of_day(
    start: datetime, hours: int, zone: str, against: Against
) -> None:
    begin = start.replace(tzinfo=ZoneInfo(zone))
    end = datetime.fromtimestamp(begin.timestamp() + hours * 3600, ZoneInfo(zone))
    assume(end.timestamp() > begin.timestamp())
    window = Window(begin, end, zone)
    try:
        before = align(window, Alignment(against)).before
    except WindowRefusedError:
        assume(against is not Against.ISO_WEEKS)  # a week 53 that the other year lacks
        raise
    assert before.start_us < window.start_us
    if against is Against.LIKE_PERIOD:
        assert before.end_us <= window.start_us + 3_600_000_000  # but for an hour that the clock shows twice
    assert before.start.astimezone(before.zone).time() == window.start.astimezone(window.zone).time()
