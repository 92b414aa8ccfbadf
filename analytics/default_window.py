"""What to show when nobody says: the latest whole business day with data."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from analytics.window_text import AskedWindow
from analytics.windows import local_instant
from ingest.store import registry
from ingest.store.data_span import data_span

_ALMOST = timedelta(hours=1)
"""A day counts as whole when its data begin and end within this time of its own bounds."""
_EVER = (date(1900, 1, 1), date(9999, 12, 31))


def latest_day(
    c: Connection[Any], store_ids: Iterable[str], time_zone: str, day_start: time, now: datetime
) -> AskedWindow | None:
    """Return the latest whole business day for which the stores' agents have committed readings, None without any.

    Where no day is whole (yet), it is the day of the latest reading.
    """
    agents = {device.agent_id for store_id in store_ids for device in registry.devices(c, store_id, *_EVER)}
    span = data_span(c, sorted(agents))
    if span is None:
        return None
    day = last_whole_day(span[0], min(span[1], now), time_zone, day_start)
    return AskedWindow.of_days(day, day)


def last_whole_day(first: datetime, last: datetime, time_zone: str, day_start: time) -> date:
    """Return the local date of the last business day that lies within [first, last], give or take an hour.

    Examples
    --------
    >>> from datetime import UTC
    >>> last_whole_day(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, 9, tzinfo=UTC), "UTC", time())
    datetime.date(2026, 3, 2)
    """
    zone, day = ZoneInfo(time_zone), business_day(last, time_zone, day_start)
    if last >= local_instant(day + timedelta(days=1), day_start, zone) - _ALMOST:
        return day
    before = day - timedelta(days=1)
    return before if first <= local_instant(before, day_start, zone) + _ALMOST else day


def business_day(at: datetime, time_zone: str, day_start: time) -> date:
    """Return the local date of the business day to which an instant belongs."""
    zone = ZoneInfo(time_zone)
    day = at.astimezone(zone).date()
    return day if local_instant(day, day_start, zone) <= at else day - timedelta(days=1)
