"""Slots that are alike: the same slot of the store's own clock on days of the same type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analytics.metrics.spans import Float64, Int64
from analytics.windows import DAY_US, SATURDAY, utc_offset_us


@dataclass(frozen=True, slots=True, eq=False)
class LocalSlots:
    """Where instants lie on the local clock: int64 arrays of one length.

    ``day`` counts local days since 1970-01-01, ``weekday`` is 0 on Monday, ``slot`` is 0 from local midnight on.
    """

    day: Int64
    weekday: Int64
    slot: Int64

    @property
    def weekend(self) -> Int64:
        """The day type where no calendar is at hand: 1 on Saturday and Sunday, else 0."""
        return (self.weekday >= SATURDAY).astype(np.int64)


def local_slots(start_us: Int64, slot_us: int, time_zone: str) -> LocalSlots:
    """Return day, weekday and slot of instants on the local clock.

    Parameters
    ----------
    start_us
        Starts of slots, int64 µs since 1970 (UTC).
    slot_us
        Length of a slot in µs; divides a day.
    time_zone
        IANA zone.

    Returns
    -------
    LocalSlots
        A repeated hour has the slots of the first one, so that it is compared with its like.

    Examples
    --------
    >>> there = local_slots(np.array([0, 1_800_000_000]), 1_800_000_000, "Asia/Shanghai")
    >>> there.day.tolist(), there.weekday.tolist(), there.slot.tolist()
    ([0, 0], [3, 3], [16, 17])
    """
    local = start_us + utc_offset_us(start_us, time_zone)
    day = local // DAY_US
    return LocalSlots(day, (day + 3) % 7, local % DAY_US // slot_us)


def like_groups(day_type: Int64, slots: LocalSlots, slot_us: int) -> Int64:
    """Return the group of each slot: equal where day type and slot of the day are.

    Examples
    --------
    >>> there = local_slots(np.array([0, 86_400_000_000]), 1_800_000_000, "UTC")
    >>> like_groups(there.weekday, there, 1_800_000_000).tolist()
    [144, 192]
    """
    return day_type * (DAY_US // slot_us) + slots.slot


def members(group: Int64) -> Iterator[Int64]:
    """Yield the places of each group's members, ascending.

    Examples
    --------
    >>> [places.tolist() for places in members(np.array([7, 3, 7]))]
    [[1], [0, 2]]
    """
    order = np.argsort(group, kind="stable")
    if order.size:
        yield from np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def counted(value: Float64) -> Float64:
    """Return the values with NaN in place of what is no count: negative, infinite or not a number.

    Examples
    --------
    >>> counted(np.array([2.0, -1.0, np.inf])).tolist()
    [2.0, nan, nan]
    """
    return np.where(np.isfinite(value) & (value >= 0), value, np.nan)
