"""A store's local day in microseconds since the epoch, cut into slots of five minutes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from edge.simulator.site import StorePlan

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 3600 * SECOND_US
SLOT_S = 300
SLOT_US = SLOT_S * SECOND_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LocalDay:
    """One local day of a store, half-open, with its opening hours."""

    date: date
    start_us: int
    end_us: int
    opens_us: int
    closes_us: int

    @property
    def slots(self) -> int:
        """Number of slots of five minutes: 288 on a day of 24 hours."""
        return (self.end_us - self.start_us) // SLOT_US

    def slot_of(self, t_us: int) -> int:
        """Return the slot that holds an instant, the first or the last one where it lies outside the day."""
        return min(max((t_us - self.start_us) // SLOT_US, 0), self.slots - 1)

    def open_within(self, start_us: int, end_us: int) -> tuple[int, int]:
        """Return the part of the window in opening hours; its end is not after its start where there is none."""
        return max(start_us, self.opens_us), min(end_us, self.closes_us)


def local_day(store: StorePlan, day: date) -> LocalDay:
    """Return a day of a store."""
    zone = ZoneInfo(store.time_zone)

    def instant(on: date, at: time) -> int:
        return (datetime.combine(on, at, tzinfo=zone) - _EPOCH) // timedelta(microseconds=1)

    return LocalDay(
        date=day,
        start_us=instant(day, time()),
        end_us=instant(day + timedelta(days=1), time()),
        opens_us=instant(day, store.opens_at),
        closes_us=instant(day, store.closes_at),
    )


def date_at(store: StorePlan, t_us: int) -> date:
    """Return the local date of an instant."""
    return (_EPOCH + timedelta(microseconds=t_us)).astimezone(ZoneInfo(store.time_zone)).date()


def days_touching(store: StorePlan, start_us: int, end_us: int) -> Iterator[LocalDay]:
    """Yield, in order, the local days that share time with the half-open window."""
    day = local_day(store, date_at(store, start_us))
    while day.start_us < end_us:
        yield day
        day = local_day(store, day.date + timedelta(days=1))
