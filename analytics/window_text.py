"""Windows as people and programs write them: store-local dates, or times with a zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from analytics.errors import InvalidWindow
from analytics.windows import Window, local_instant

MOST_DAYS = 400
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
# A plus sign that wasn't percent-encoded in a query arrives as a space; after a full time nothing else can be meant.
_LOST_PLUS = re.compile(r"^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?) (\d{2}:?\d{2})$")

Bound = date | datetime
BoundT = TypeVar("BoundT", date, datetime)


class WindowRefusedError(InvalidWindow):
    """A window that can't be answered; ``code`` names the problem, ``values`` fill its text in."""

    def __init__(self, code: str, **values: str) -> None:
        self.code = code
        self.values = values
        super().__init__(f"{code}: {', '.join(f'{name}={value}' for name, value in values.items())}")


@dataclass(frozen=True, slots=True)
class AskedWindow:
    """A half-open window as it was asked for: a bare date is the start of that business day, wherever the store is."""

    start: Bound
    end: Bound

    @classmethod
    def read(cls, start: str, end: str) -> AskedWindow:
        """Read both bounds.

        Raises
        ------
        WindowRefusedError
            ``window_unreadable`` or ``window_naive``, naming the bound.
        """
        return cls(_bound("from", start), _bound("to", end))

    @classmethod
    def of_days(cls, first: date, last: date) -> AskedWindow:
        """Return the window of whole local days from the first to the last, both included."""
        return cls(_in_range("first_day", first), _in_range("last_day", last) + timedelta(days=1))

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day, for looking facts up before the zone is known."""
        first = _date(self.start)
        last = _date(self.end) if isinstance(self.end, datetime) else self.end - timedelta(days=1)
        return first, max(first, last)

    def at(self, time_zone: str, day_start: time, now: datetime) -> Window:
        """Return the window in the zone and by the business day of a store or district.

        Raises
        ------
        WindowRefusedError
            ``window_empty``, ``window_in_the_future`` or ``window_too_long``.
        """
        start, end = (_instant(bound, time_zone, day_start) for bound in (self.start, self.end))
        shown = {"start": start.isoformat(), "end": end.isoformat()}
        if end <= start:
            raise WindowRefusedError("window_empty", **shown)
        if start >= now:
            raise WindowRefusedError(
                "window_in_the_future", start=shown["start"], now=now.isoformat(timespec="seconds")
            )
        if end - start > timedelta(
            days=MOST_DAYS, hours=1
        ):  # 400 local days may hold a 25-hour day more than a 23-hour
            days = f"{(end - start) / timedelta(days=1):.1f}"
            raise WindowRefusedError("window_too_long", days=days, most=str(MOST_DAYS))
        return Window(start, end, time_zone)


def _bound(name: str, text: str) -> Bound:
    stripped = _LOST_PLUS.sub(r"\1+\2", text.strip())
    try:
        if _DATE.match(stripped):
            return _in_range(name, date.fromisoformat(stripped))
        at = datetime.fromisoformat(stripped)
    except ValueError as error:
        raise WindowRefusedError("window_unreadable", name=name, text=text) from error
    if at.tzinfo is None:
        raise WindowRefusedError("window_naive", name=name, text=text)
    return _in_range(name, at)


def _in_range(name: str, bound: BoundT) -> BoundT:
    """Refuse years at the ends of the calendar, where the arithmetic of days and zones runs out."""
    if not 1970 <= bound.year <= 9000:
        raise WindowRefusedError("window_unreadable", name=name, text=bound.isoformat())
    return bound


def _date(bound: Bound) -> date:
    return bound.astimezone(UTC).date() if isinstance(bound, datetime) else bound


def _instant(bound: Bound, time_zone: str, day_start: time) -> datetime:
    if isinstance(bound, datetime):
        return bound.astimezone(ZoneInfo(time_zone))
    return local_instant(bound, day_start, ZoneInfo(time_zone)).astimezone(ZoneInfo(time_zone))
