from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import InvalidWindow
from analytics.windows import (
    HOUR_US,
    Window,
    from_us,
    like_period_before,
    local_days,
    local_hours,
    local_instant,
    opening_spans,
    to_us,
    utc_offset_us,
)

ZONES = ["Asia/Shanghai", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Zurich"]
instants = st.datetimes(datetime(2004, 1, 1), datetime(2027, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))
lengths = st.integers(1, 20 * 86_400).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start = draw(instants)
    return Window(start, start + draw(lengths), draw(st.sampled_from(ZONES)))


@given(windows())
@settings(max_examples=60, deadline=None)
def test_local_days_cover_the_window_and_begin_at_the_local_day(window: Window) -> None:
    days = local_days(window, time(4, 30))
    assert days.bounds_us[0] <= window.start_us < days.bounds_us[1]
    assert days.bounds_us[-2] < window.end_us <= days.bounds_us[-1]
    assert len(days.dates) == days.bounds_us.size - 1
    for day, bound in zip(days.dates, days.bounds_us.tolist(), strict=False):
        assert bound == to_us(datetime.combine(day, time(4, 30), tzinfo=window.zone).astimezone(UTC))
    assert all(later - earlier == timedelta(days=1) for earlier, later in zip(days.dates, days.dates[1:], strict=False))


@pytest.mark.parametrize(("day", "hours"), [(date(2005, 10, 30), 25), (date(2006, 4, 2), 23), (date(2006, 4, 3), 24)])
def test_a_local_day_has_its_own_number_of_hours(day: date, hours: int) -> None:
    zone = ZoneInfo("America/Los_Angeles")
    start, end = (local_instant(d, time(), zone) for d in (day, day + timedelta(days=1)))
    window = Window(start, end, zone.key)
    assert np.diff(local_days(window).bounds_us).tolist() == [hours * HOUR_US]
    found = local_hours(window)
    assert found.hour.size == hours
    assert (found.end_us - found.start_us == HOUR_US).all()
    expected = [from_us(at, zone).hour for at in range(window.start_us, window.end_us, HOUR_US)]
    assert found.hour.tolist() == expected


@given(windows())
@settings(max_examples=60, deadline=None)
def test_local_hours_tile_the_window_and_begin_on_the_hour(window: Window) -> None:
    hours = local_hours(window)
    assert hours.start_us[0] <= window.start_us < hours.end_us[0]
    assert hours.start_us[-1] < window.end_us <= hours.end_us[-1]
    assert (hours.start_us[1:] == hours.end_us[:-1]).all()
    for start, hour in zip(hours.start_us.tolist(), hours.hour.tolist(), strict=True):
        local = from_us(start, window.zone)
        assert (local.hour, local.minute, local.second) == (hour, 0, 0)


@given(windows())
@settings(max_examples=60, deadline=None)
def test_offsets_equal_the_zone_databases(window: Window) -> None:
    grid = np.linspace(window.start_us, window.end_us, 50).astype(np.int64)
    expected = [from_us(at, window.zone).utcoffset() for at in grid.tolist()]
    found = utc_offset_us(grid, window.time_zone).tolist()
    assert [timedelta(microseconds=at) for at in found] == expected


@given(windows())
@settings(max_examples=60, deadline=None)
def test_the_like_period_is_before_and_on_the_same_weekday_and_wall_time(window: Window) -> None:
    before = like_period_before(window)
    assert before.end <= window.start or before.end - window.start <= timedelta(hours=1)  # a repeated hour at the seam
    start, now = before.start.replace(tzinfo=None), window.start.astimezone(window.zone).replace(tzinfo=None)
    assert (now - start) % timedelta(weeks=1) == timedelta()
    assert timedelta() < now - start <= window.end - window.start + timedelta(weeks=1, hours=1)


def test_the_like_period_of_a_week_with_25_hours_in_a_day_is_one_week_before() -> None:
    zone = ZoneInfo("America/Los_Angeles")
    window = Window(datetime(2005, 10, 28, tzinfo=zone), datetime(2005, 11, 4, tzinfo=zone), zone.key)
    before = like_period_before(window)
    assert (before.start, before.end) == (datetime(2005, 10, 21, tzinfo=zone), datetime(2005, 10, 28, tzinfo=zone))
    assert window.end.astimezone(UTC) - window.start.astimezone(UTC) == timedelta(hours=169)
    assert before.end.astimezone(UTC) - before.start.astimezone(UTC) == timedelta(hours=168)


@given(windows(), st.times(), st.times())
@settings(max_examples=60, deadline=None)
def test_opening_hours_equal_a_check_of_instants(window: Window, opens: time, closes: time) -> None:
    opens, closes = opens.replace(microsecond=0), closes.replace(microsecond=0)
    spans = opening_spans(window, opens, closes)
    for at in np.linspace(window.start_us, window.end_us - 1, 40).astype(np.int64).tolist():
        local = from_us(at, window.zone)
        if abs((local + timedelta(hours=3)).utcoffset() - (local - timedelta(hours=27)).utcoffset()):  # type: ignore[operator]
            continue  # around a change of the clock, wall times are not compared by themselves
        clock = local.time()
        open_now = opens <= clock < closes if opens < closes else clock >= opens or clock < closes
        assert bool(spans.contains([at])[0]) == open_now


@pytest.mark.parametrize(
    ("start", "end", "zone"),
    [
        (datetime(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC), "Asia/Shanghai"),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), "Asia/Shanghai"),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), "Asia/Atlantis"),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), "../etc/passwd"),
    ],
)
def test_impossible_windows_are_refused(start: datetime, end: datetime, zone: str) -> None:
    with pytest.raises(InvalidWindow):
        Window(start, end, zone)
