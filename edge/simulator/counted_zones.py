"""Zones of the sales floor in which people linger, and the sensor above that counts them and times their stays."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import MINUTE_US, SECOND_US, SLOT_US, LocalDay, local_day
from edge.simulator.observation import Observation, sampled
from edge.simulator.site import CountedZone, StorePlan
from edge.simulator.traffic import crossings

_LATEST_US = 10 * MINUTE_US
_SHORTEST_US = 10 * SECOND_US


@lru_cache(maxsize=4)
def stays(store: StorePlan, day: date, zone: CountedZone) -> tuple[tuple[int, int], ...]:
    """Return the truth of a zone: when each of its visitors comes and goes; all are gone ten minutes after closing."""
    rng = keyed_random(store.seed, store.store_id, "traffic", zone.point_id, day)
    last_us = local_day(store, day).closes_us + _LATEST_US
    made = []
    for came_us in crossings(store, day).came_us:
        if rng.random() >= zone.visitor_share:
            continue
        begins_us = came_us + round(rng.uniform(1, 25) * MINUTE_US)
        length_us = _SHORTEST_US + round(zone.stay_min * MINUTE_US * math.exp(0.5 * rng.gauss(0.0, 1.0)))
        if begins_us < last_us:
            made.append((begins_us, min(begins_us + length_us, last_us)))
    return tuple(made)


def true_heat(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> float:
    """Return person-minutes per m² over all counted zones in opening hours within a window."""
    low, high = day.open_within(start_us, end_us)
    areas = {zone.zone_id: zone.area_m2 for zone in store.zones}
    points = {point.point_id: point for point in store.points}
    zones = store.habits.counted_zones
    spent_us = sum(
        max(0, min(left_us, high) - max(came_us, low))
        for zone in zones
        for came_us, left_us in stays(store, day.date, zone)
    )
    return spent_us / MINUTE_US / math.fsum(areas[points[zone.point_id].zone_id] for zone in zones)


def true_stay_min(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[float, int]:
    """Return (minutes of all stays, stays) of those that ended in opening hours within a window."""
    low, high = day.open_within(start_us, end_us)
    lengths = [
        left_us - came_us
        for zone in store.habits.counted_zones
        for came_us, left_us in stays(store, day.date, zone)
        if low <= left_us < high
    ]
    return math.fsum(lengths) / MINUTE_US, len(lengths)


def observe(store: StorePlan, day: LocalDay) -> Iterator[Observation]:
    """Yield how many are in each zone, once a minute, and the mean stay of those who left in five; 0: nobody."""
    zones = {zone.point_id: zone for zone in store.habits.counted_zones}
    for _, observed in store.observed_at("counted_zone"):
        made = stays(store, day.date, zones[observed.point_id])
        if observed.series.quantity == "occupancy":
            came, left = (sorted(stay[column] for stay in made) for column in (0, 1))
            minutes = range(day.start_us, day.end_us, MINUTE_US)
            present = (bisect_right(came, t_us) - bisect_right(left, t_us) for t_us in minutes)
            yield sampled(observed.series, minutes, array("d", present))
        else:
            slots = range(day.start_us, day.end_us, SLOT_US)
            yield sampled(observed.series, slots, _means_of_slots_before(day, made))


def _means_of_slots_before(day: LocalDay, made: tuple[tuple[int, int], ...]) -> array[float]:
    """Return the mean stay in s of those who left in the slot before each slot."""
    total_us, number = [0] * day.slots, [0] * day.slots
    for came_us, left_us in made:
        slot = (left_us - day.start_us) // SLOT_US + 1
        if slot < day.slots:
            total_us[slot] += left_us - came_us
            number[slot] += 1
    return array("d", (t / n / SECOND_US if n else 0.0 for t, n in zip(total_us, number, strict=True)))
