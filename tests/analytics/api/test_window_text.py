"""Windows as they are asked for: which instants they mean, and which are refused with which code."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.default_window import business_day, last_whole_day
from analytics.window_text import MOST_DAYS, AskedWindow, WindowRefusedError
from analytics.windows import local_instant

NOW = datetime(2026, 3, 10, tzinfo=UTC)
MIDNIGHT = time()


def _window(start: str, end: str, zone: str = "Asia/Shanghai", day_start: time = MIDNIGHT) -> tuple[datetime, datetime]:
    window = AskedWindow.read(start, end).at(zone, day_start, NOW)
    assert window.time_zone == zone
    return window.start, window.end


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-03-02", "2026-03-03", ("2026-03-01T16:00Z", "2026-03-02T16:00Z")),
        ("2026-03-02T09:00:00+08:00", "2026-03-02T10:00:00Z", ("2026-03-02T01:00Z", "2026-03-02T10:00Z")),
        ("2026-03-02T09:00:00 08:00", "2026-03-03", ("2026-03-02T01:00Z", "2026-03-02T16:00Z")),
        (" 2026-03-02 ", "2026-03-02T20:00:00-0500", ("2026-03-01T16:00Z", "2026-03-03T01:00Z")),
        ("2026-03-09", "2027-01-01", ("2026-03-08T16:00Z", "2026-12-31T16:00Z")),
    ],
)
def test_a_window_means_these_instants(start: str, end: str, expected: tuple[str, str]) -> None:
    assert _window(start, end) == tuple(datetime.fromisoformat(text) for text in expected)


def test_a_bare_date_is_the_start_of_the_business_day() -> None:
    start, end = _window("2005-10-29", "2005-10-31", "America/Los_Angeles", time(5))
    assert (start, end) == (datetime(2005, 10, 29, 12, tzinfo=UTC), datetime(2005, 10, 31, 13, tzinfo=UTC))


def test_a_day_start_that_a_clock_change_skips_is_the_hour_that_exists() -> None:
    start, _ = _window("2005-04-03", "2005-04-04", "America/Los_Angeles", time(2, 30))
    assert start == datetime(2005, 4, 3, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        ("2026-03-02T09:00:00", "2026-03-03", "window_naive"),
        ("2026-03-02", "2026-03-03 09:00", "window_naive"),
        ("yesterday", "2026-03-03", "window_unreadable"),
        ("2026-02-30", "2026-03-03", "window_unreadable"),
        ("", "2026-03-03", "window_unreadable"),
        ("0001-01-01", "2026-03-03", "window_unreadable"),
        ("2026-03-02", "9999-12-31T23:59:59-12:00", "window_unreadable"),
        ("2026-03-02", "2026-03-02", "window_empty"),
        ("2026-03-03", "2026-03-02", "window_empty"),
        ("2026-03-10T00:00:00Z", "2026-03-11", "window_in_the_future"),
        ("2030-01-01", "2030-01-02", "window_in_the_future"),
        ("2024-01-01", "2026-03-02", "window_too_long"),
    ],
)
def test_a_window_that_cannot_be_answered_is_refused_by_its_code(start: str, end: str, code: str) -> None:
    with pytest.raises(WindowRefusedError) as refused:
        _window(start, end)
    assert refused.value.code == code


@pytest.mark.parametrize(("days", "refused"), [(MOST_DAYS, False), (MOST_DAYS + 1, True)])
def test_the_longest_window_is_whole_local_days_also_across_a_clock_change(days: int, refused: bool) -> None:
    first = date(2005, 1, 1)
    asked = AskedWindow.of_days(first, first + timedelta(days=days - 1))
    if refused:
        with pytest.raises(WindowRefusedError, match="window_too_long"):
            asked.at("America/Los_Angeles", MIDNIGHT, NOW)
    else:
        asked.at("America/Los_Angeles", MIDNIGHT, NOW)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_read_or_refused(start: str, end: str) -> None:
    with suppress(WindowRefusedError):
        AskedWindow.read(start, end).at("Asia/Shanghai", MIDNIGHT, NOW)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(["Asia/Shanghai", "America/Los_Angeles", "Australia/Lord_Howe", "UTC"]),
    st.times(),
)
def test_an_instant_lies_in_its_business_day(naive: datetime, zone: str, day_start: time) -> None:
    at = naive.replace(tzinfo=UTC)
    window = AskedWindow.of_days(day := business_day(at, zone, day_start), day).at(zone, day_start, at + timedelta(1))
    assert window.start <= at < window.end


@pytest.mark.parametrize(
    ("first", "last", "day"),
    [
        ("2026-03-01T00:00Z", "2026-03-03T09:00Z", date(2026, 3, 2)),
        ("2026-03-01T00:00Z", "2026-03-02T23:55Z", date(2026, 3, 2)),
        ("2026-03-01T00:00Z", "2026-03-03T00:00Z", date(2026, 3, 2)),
        ("2026-03-02T08:00Z", "2026-03-03T09:00Z", date(2026, 3, 3)),
        ("2026-03-02T08:00Z", "2026-03-02T12:00Z", date(2026, 3, 2)),
        ("2026-03-02T00:30Z", "2026-03-03T12:00Z", date(2026, 3, 2)),
    ],
)
def test_the_day_shown_first_is_the_last_whole_one(first: str, last: str, day: date) -> None:
    span = datetime.fromisoformat(first), datetime.fromisoformat(last)
    assert last_whole_day(*span, "UTC", MIDNIGHT) == day


def test_days_of_a_form_become_the_window_up_to_the_day_after() -> None:
    asked = AskedWindow.of_days(date(2026, 3, 2), date(2026, 3, 8))
    window = asked.at("Asia/Shanghai", MIDNIGHT, NOW)
    assert window.end == local_instant(date(2026, 3, 9), MIDNIGHT, window.zone)
    assert asked.days == (date(2026, 3, 2), date(2026, 3, 8))
