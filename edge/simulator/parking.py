"""Bays that cars take and leave, and sensors that report each change and, every hour, that they are alive."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import HOUR_US, MINUTE_US, SECOND_US, LocalDay
from edge.simulator.observation import Observation, sampled
from edge.simulator.site import ObservedSeries, StorePlan

_BEFORE_OPENING_US = HOUR_US // 2
_AFTER_CLOSING_US = HOUR_US // 2
_SHORTEST_US = MINUTE_US


def changes(store: StorePlan, day: LocalDay, bay: ObservedSeries) -> list[int]:
    """Return the truth of a bay: ascending instants, a car comes at the first, leaves at the second, and so on.

    Every bay is empty at midnight.
    """
    habits = store.habits.parking
    if habits is None:
        msg = f"{store.store_id} has no parking"
        raise ValueError(msg)
    rng = keyed_random(store.seed, store.store_id, "parking", bay.point_id, day.date)
    last_us = day.closes_us + _AFTER_CLOSING_US
    t_us = day.opens_us - _BEFORE_OPENING_US
    found: list[int] = []
    while True:
        arrives_us = t_us + _SHORTEST_US + round(rng.expovariate(1 / habits.vacant_min) * MINUTE_US)
        t_us = arrives_us + _SHORTEST_US + round(rng.expovariate(1 / habits.stay_min) * MINUTE_US)
        if arrives_us >= day.closes_us:
            return found
        found += [arrives_us, min(t_us, last_us)]


def bays(store: StorePlan) -> list[ObservedSeries]:
    """Return the observed bays of a store."""
    return [observed for device in store.devices_of("parking") for observed in device.observed]


def true_occupied_us(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (occupied bay-time, bay-time) in the part of a window within a day."""
    low, high = max(start_us, day.start_us), min(end_us, day.end_us)
    occupied = 0
    for bay in bays(store):
        turns = changes(store, day, bay)
        stays = zip(turns[::2], turns[1::2], strict=True)
        occupied += sum(max(min(leaves, high) - max(arrives, low), 0) for arrives, leaves in stays)
    return occupied, len(bays(store)) * (high - low)


def true_arrivals(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> int:
    """Return the cars that came to all bays in the part of a window within a day."""
    return sum(start_us <= t_us < end_us for bay in bays(store) for t_us in changes(store, day, bay)[::2])


def true_turnover(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[float, float]:
    """Return (cars that came, bay-days) in the part of a window within a day."""
    low, high = max(start_us, day.start_us), min(end_us, day.end_us)
    return true_arrivals(store, day, start_us, end_us), len(bays(store)) * (high - low) / (24 * HOUR_US)


def true_stay_min(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[float, int]:
    """Return (minutes for which bays were occupied, cars that came) in the part of a window within a day."""
    occupied_us = true_occupied_us(store, day, start_us, end_us)[0]
    return occupied_us / MINUTE_US, true_arrivals(store, day, start_us, end_us)


def observe(store: StorePlan, day: LocalDay) -> Iterator[Observation]:
    """Yield the bays' states: at each change, and as a heartbeat from the day's start."""
    for bay in bays(store):
        turns = changes(store, day, bay)
        beat_us = round((bay.series.period_s or 3600) * SECOND_US)
        beats = range(day.start_us, day.end_us, beat_us)
        times = array("q", sorted({*turns, *beats}))
        states = array("d", (bisect_right(turns, t_us) % 2 for t_us in times))
        yield sampled(bay.series, times, states)
