"""Windows and the store's own calendar: local days of 23, 24 or 25 hours, clock hours, opening hours, like periods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike

from analytics.errors import InvalidWindow
from analytics.metrics.spans import Int64, Spans

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
SATURDAY = 5
"""The first day of the weekend, counted from Monday as 0."""
_MICROSECOND = timedelta(microseconds=1)
_QUARTER_US = HOUR_US // 4


def to_us(instant: datetime) -> int:
    """Return whole microseconds since 1970-01-01T00:00Z of an aware instant (exact)."""
    return (instant - EPOCH) // _MICROSECOND


def from_us(instant_us: int, zone: ZoneInfo) -> datetime:
    """Return an instant in a zone."""
    return (EPOCH + timedelta(microseconds=instant_us)).astimezone(zone)


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open window [start, end) of aware instants, and the IANA zone in which its local days are counted.

    Raises
    ------
    InvalidWindow
        If an instant has no zone, the end isn't after the start, or the zone doesn't exist.
    """

    start: datetime
    end: datetime
    time_zone: str

    def __post_init__(self) -> None:
        if self.start.utcoffset() is None or self.end.utcoffset() is None:
            msg = "start and end of a window need a zone, for example 2026-03-01T00:00:00+08:00"
            raise InvalidWindow(msg)
        if self.end <= self.start:
            msg = f"the window's end {self.end.isoformat()} is not after its start {self.start.isoformat()}"
            raise InvalidWindow(msg)
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            msg = f"{self.time_zone!r} is not a time zone of the IANA database, such as Asia/Shanghai"
            raise InvalidWindow(msg) from error

    @property
    def zone(self) -> ZoneInfo:
        """The zone of its local days."""
        return ZoneInfo(self.time_zone)

    @property
    def start_us(self) -> int:
        """Start in µs since 1970 (UTC)."""
        return to_us(self.start)

    @property
    def end_us(self) -> int:
        """End in µs since 1970 (UTC)."""
        return to_us(self.end)

    @property
    def spans(self) -> Spans:
        """The window as a set of time."""
        return Spans.of([(self.start_us, self.end_us)])

    @property
    def first_date(self) -> date:
        """Local date of the start."""
        return self.start.astimezone(self.zone).date()

    @property
    def last_date(self) -> date:
        """Local date of the last microsecond."""
        return (self.end.astimezone(UTC) - _MICROSECOND).astimezone(self.zone).date()


def local_instant(on: date, at: time, zone: ZoneInfo) -> datetime:
    """Return a local wall time as an instant; the first of a repeated hour, the shifted one of a skipped hour."""
    return datetime.combine(on, at, tzinfo=zone).astimezone(UTC)


def like_period_before(window: Window) -> Window:
    """Return the window shifted back by the fewest whole weeks that keep it from overlapping itself, in local time.

    A day is compared with the same weekday of the week before; a week with a summer-time change in it with a week.

    Examples
    --------
    >>> w = Window(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC), "Asia/Shanghai")
    >>> like_period_before(w).start.isoformat()
    '2026-02-23T08:00:00+08:00'
    """
    start = window.start.astimezone(window.zone).replace(tzinfo=None)
    end = window.end.astimezone(window.zone).replace(tzinfo=None)
    # A window within one repeated hour has no local length; it still goes back one week.
    return shifted(window, -7 * max(1, -((start - end) // timedelta(weeks=1))))


def shifted(window: Window, days: int) -> Window:
    """Return the window so many local days later (negative: earlier), from and to the same times of day.

    Examples
    --------
    >>> w = Window(datetime(2026, 3, 7, 5, tzinfo=UTC), datetime(2026, 3, 8, 5, tzinfo=UTC), "America/New_York")
    >>> (shifted(w, 1).end_us - shifted(w, 1).start_us) // HOUR_US
    23
    """
    zone, by = window.zone, timedelta(days=days)
    start, end = (each.astimezone(zone).replace(tzinfo=None) + by for each in (window.start, window.end))
    moved_start, moved_end = start.replace(tzinfo=zone), end.replace(tzinfo=zone)
    if moved_end.astimezone(UTC) <= moved_start.astimezone(UTC):
        moved_end = moved_start.astimezone(UTC) + (window.end - window.start)
    return Window(moved_start, moved_end, window.time_zone)


@dataclass(frozen=True, slots=True, eq=False)
class LocalDays:
    """Business days that touch a window: ``bounds_us`` (n + 1 instants, µs) and the local date on which each begins."""

    dates: tuple[date, ...]
    bounds_us: Int64


def local_days(window: Window, business_day_start: time = time()) -> LocalDays:
    """Return the business days that touch the window, whole, also where it begins or ends within one.

    Examples
    --------
    >>> w = Window(datetime(2005, 10, 30, 7, tzinfo=UTC), datetime(2005, 10, 31, 8, tzinfo=UTC), "America/Los_Angeles")
    >>> days = local_days(w)
    >>> [d.isoformat() for d in days.dates], (np.diff(days.bounds_us) // HOUR_US).tolist()
    (['2005-10-30'], [25])
    """
    zone = window.zone
    day, dates, bounds = window.first_date - timedelta(days=1), [], []
    while True:
        bound = to_us(local_instant(day, business_day_start, zone))
        dates.append(day)
        bounds.append(bound)
        if bound >= window.end_us:
            break
        day += timedelta(days=1)
    first = max(i for i, bound in enumerate(bounds) if bound <= window.start_us)
    return LocalDays(tuple(dates[first:-1]), np.array(bounds[first:], dtype=np.int64))


def opening_spans(window: Window, opens_at: time, closes_at: time) -> Spans:
    """Return the opening hours within the window; closing at or before opening means past midnight (equal: 24 h)."""
    zone, spans = window.zone, []
    day = window.first_date - timedelta(days=1)
    overnight = timedelta(days=1 if closes_at <= opens_at else 0)
    while day <= window.last_date:
        spans.append(
            (to_us(local_instant(day, opens_at, zone)), to_us(local_instant(day + overnight, closes_at, zone)))
        )
        day += timedelta(days=1)
    return Spans.of(spans).intersect(window.spans)


@dataclass(frozen=True, slots=True, eq=False)
class LocalHours:
    """Clock hours that touch a window, whole: bounds in µs, and the hour of the local day (0 to 23).

    A repeated hour occurs twice, a skipped one not at all.
    """

    start_us: Int64
    end_us: Int64
    hour: Int64


def local_hours(window: Window) -> LocalHours:
    """Return the local clock hours that touch the window; a change by half an hour lengthens the hour it falls in."""
    # Every offset in use is a multiple of a quarter of an hour, so no full hour escapes the grid.
    first = window.start_us // _QUARTER_US * _QUARTER_US - 2 * HOUR_US
    grid = np.arange(first, window.end_us + 2 * HOUR_US, _QUARTER_US, dtype=np.int64)
    local = grid + utc_offset_us(grid, window.time_zone)
    bounds = np.flatnonzero(local % HOUR_US == 0)
    start, end, hour = grid[bounds[:-1]], grid[bounds[1:]], local[bounds[:-1]] // HOUR_US % 24
    touching = (end > window.start_us) & (start < window.end_us)
    return LocalHours(start[touching], end[touching], hour[touching])


def utc_offset_us(instant_us: ArrayLike, time_zone: str) -> Int64:
    """Return the zone's offset from UTC at each instant, in µs; vectorised, exact to the second of a change."""
    instants = np.asarray(instant_us, dtype=np.int64)
    if instants.size == 0:
        return np.zeros(0, dtype=np.int64)
    changes, offsets = _offset_segments(time_zone, int(instants.min()) // DAY_US, int(instants.max()) // DAY_US + 1)
    return offsets[np.searchsorted(changes, instants, side="right")]


@lru_cache(maxsize=256)
def _offset_segments(time_zone: str, first_day: int, last_day: int) -> tuple[Int64, Int64]:
    zone = ZoneInfo(time_zone)

    def offset_at(instant_us: int) -> int:
        offset = from_us(instant_us, zone).utcoffset()
        return 0 if offset is None else offset // _MICROSECOND

    changes: list[int] = []
    offsets = [offset_at(first_day * DAY_US)]
    for day in range(first_day, last_day):
        low, high = day * DAY_US, (day + 1) * DAY_US
        if offset_at(high) == offsets[-1]:
            continue
        while high - low > 1_000_000:
            middle = (low + high) // 2 // 1_000_000 * 1_000_000
            low, high = (middle, high) if offset_at(middle) == offsets[-1] else (low, middle)
        changes.append(high)
        offsets.append(offset_at(high))
    return np.array(changes, dtype=np.int64), np.array(offsets, dtype=np.int64)
