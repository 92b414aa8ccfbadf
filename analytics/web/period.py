"""The window of a page: whole local days, first and last included, with the windows before and after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from analytics.window_text import AskedWindow
from analytics.windows import Window


@dataclass(frozen=True, slots=True)
class Period:
    """The days that a page shows, in the calendar of its store or district."""

    first_day: date
    last_day: date
    today: date
    window: Window

    @classmethod
    def of(cls, asked: AskedWindow, time_zone: str, day_start: time, now: datetime) -> Period:
        """Place whole days in a calendar.

        Raises
        ------
        analytics.window_text.WindowRefusedError
            The days are in the wrong order, in the future or too many.
        """
        window = asked.at(time_zone, day_start, now)
        first, last = asked.days
        return cls(first, last, now.astimezone(ZoneInfo(time_zone)).date(), window)

    @property
    def day_after(self) -> date:
        """The day after the last, which is the end of the same window in the API."""
        return self.last_day + timedelta(days=1)

    @property
    def query(self) -> str:
        """The query of an address that shows these days."""
        return _query(self.first_day, self.last_day)

    @property
    def earlier(self) -> str:
        """The query of an address that shows as many days before."""
        length = self.last_day - self.first_day + timedelta(days=1)
        return _query(self.first_day - length, self.last_day - length)

    @property
    def later(self) -> str | None:
        """The query of an address that shows as many days after, None where they would lie in the future."""
        length = self.last_day - self.first_day + timedelta(days=1)
        return (
            _query(self.first_day + length, self.last_day + length) if self.first_day + length <= self.today else None
        )


def asked_days(first_day: date | None, last_day: date | None) -> AskedWindow | None:
    """Return the days that a form asked for, None where it asked for none; one day alone is both."""
    first, last = first_day or last_day, last_day or first_day
    return None if first is None or last is None else AskedWindow.of_days(first, last)


def _query(first: date, last: date) -> str:
    return urlencode({"first_day": first.isoformat(), "last_day": last.isoformat()})
