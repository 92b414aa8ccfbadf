"""Visitors who come in parties, stay a while and leave, and door counters that miss some of their crossings."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import accumulate
from random import Random

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import HOUR_US, MINUTE_US, SECOND_US, LocalDay, local_day
from edge.simulator.observation import Observation, counted
from edge.simulator.site import Device, Door, StorePlan

AUDITED_CROSSINGS = 2_000
"""Crossings that were counted by hand beside each counter, per direction."""

_PARTY_SIZES = (1, 1, 1, 1, 2, 2, 3)
_LAST_LEAVE_US = 12 * MINUTE_US
_SAME_DOOR_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Crossings:
    """Instants of the true crossings of a day, ascending, by door; an internal door has its own."""

    entries: dict[str, array[int]]
    exits: dict[str, array[int]]
    came_us: array[int]
    """Entries through all perimeter doors."""
    left_us: array[int]

    def inside(self, t_us: int) -> int:
        """Return the number of visitors inside at an instant."""
        return bisect_right(self.came_us, t_us) - bisect_right(self.left_us, t_us)


@lru_cache(maxsize=2)
def crossings(store: StorePlan, day: date) -> Crossings:
    """Return the truth of a day: nobody is inside at its start or its end."""
    hours = local_day(store, day)
    rng = keyed_random(store.seed, store.store_id, "traffic", "visitors", day)
    entries: defaultdict[str, list[int]] = defaultdict(list)
    exits: defaultdict[str, list[int]] = defaultdict(list)
    perimeter = [door for door in store.doors if door.perimeter]
    shares = list(accumulate(door.share for door in perimeter))
    for arrival_us in _arrivals(store, hours, rng):
        way_in, way_out = _doors(perimeter, shares, rng)
        leaves_us = min(arrival_us + _stay_us(store, rng), hours.closes_us + round(rng.random() * _LAST_LEAVE_US))
        for member in range(rng.choice(_PARTY_SIZES)):
            step_us = member * SECOND_US + round(rng.random() * SECOND_US)
            entries[way_in].append(arrival_us + step_us)
            exits[way_out].append(max(leaves_us, arrival_us + 30 * SECOND_US) + step_us)
    came, left = (array("q", sorted(t for ts in side.values() for t in ts)) for side in (entries, exits))
    for door in store.doors:
        if not door.perimeter:
            entries[door.door_id] = _passing(came, door, rng, 1)
            exits[door.door_id] = _passing(left, door, rng, -1)
    return Crossings(_sorted(store, entries), _sorted(store, exits), came, left)


def true_counts(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return true entries and exits through the perimeter doors in a half-open window, as far as it lies in a day."""
    truth = crossings(store, day.date)
    came, left = (bisect_left(times, end_us) - bisect_left(times, start_us) for times in (truth.came_us, truth.left_us))
    return came, left


def true_person_us(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (person-time inside, time) in opening hours within a window."""
    low, high = day.open_within(start_us, end_us)
    if high <= low:
        return 0, 0
    truth = crossings(store, day.date)
    came, left = (sum(high - min(max(t, low), high) for t in times) for times in (truth.came_us, truth.left_us))
    return came - left, high - low


def true_stay_us(store: StorePlan, day: LocalDay) -> tuple[int, int]:
    """Return (time that the visitors of a whole day spent inside, visitors)."""
    truth = crossings(store, day.date)
    return sum(truth.left_us) - sum(truth.came_us), len(truth.came_us)


def missed_share(store: StorePlan, device: Device) -> float:
    """Return the share of crossings that a counter misses, between 2 % and 4 %, a trait of the device."""
    return 0.02 + 0.02 * keyed_random(store.seed, store.store_id, "traffic", f"{device.device_id}/missed").random()


def observe(store: StorePlan, day: LocalDay) -> Iterator[Observation]:
    """Yield what the counters count: each true crossing is missed with the counter's probability, none is invented."""
    truth = crossings(store, day.date)
    door_of = {point.point_id: point.door_id for point in store.points_of("traffic")}
    for device, observed in store.observed_at("door_line"):
        missed, quantity = missed_share(store, device), observed.series.quantity
        rng = keyed_random(store.seed, store.store_id, "traffic", f"{device.device_id}/{quantity}", day.date)
        side = truth.entries if quantity == "entries" else truth.exits
        seen = [t_us for t_us in side[door_of[observed.point_id]] if rng.random() >= missed]
        yield counted(observed.series, day, seen)


def audit(store: StorePlan, device: Device, quantity: str) -> int:
    """Return how many of the audited crossings the counter saw: the same sensor, watched by a person."""
    rng = keyed_random(store.seed, store.store_id, "traffic", f"{device.device_id}/{quantity}/audit")
    missed = missed_share(store, device)
    return sum(rng.random() >= missed for _ in range(AUDITED_CROSSINGS))


def _arrivals(store: StorePlan, day: LocalDay, rng: Random) -> Iterator[int]:
    habits = store.habits.traffic
    weekend = 1.3 if day.date.weekday() >= 5 else 1.0
    visitors = habits.visitors_per_day * weekend * (0.9 + 0.2 * rng.random())
    parties = round(visitors * len(_PARTY_SIZES) / sum(_PARTY_SIZES))
    opening_hours = range((day.closes_us - day.opens_us) // HOUR_US)
    weights = list(accumulate(_weight(day, hour, habits.peak_hours) for hour in opening_hours))
    for hour in rng.choices(opening_hours, cum_weights=weights, k=parties):
        yield day.opens_us + hour * HOUR_US + round(rng.random() * (HOUR_US - 5 * SECOND_US))


def _weight(day: LocalDay, opening_hour: int, peaks: tuple[float, float]) -> float:
    hour_of_day = (day.opens_us - day.start_us) / HOUR_US + opening_hour + 0.5
    morning, evening = (math.exp(-(((hour_of_day - peak) / 1.5) ** 2)) for peak in peaks)
    return 1.0 + 2.0 * morning + 3.0 * evening


def _doors(perimeter: list[Door], shares: list[float], rng: Random) -> tuple[str, str]:
    way_in = rng.choices(perimeter, cum_weights=shares)[0]
    way_out = way_in if rng.random() < _SAME_DOOR_SHARE else rng.choices(perimeter, cum_weights=shares)[0]
    return way_in.door_id, way_out.door_id


def _stay_us(store: StorePlan, rng: Random) -> int:
    return round(store.habits.traffic.stay_min * MINUTE_US * math.exp(0.6 * rng.gauss(0.0, 1.0)))


def _passing(times: array[int], door: Door, rng: Random, direction: int) -> list[int]:
    """Let a share of the visitors pass an internal door, within ten seconds after (1) or before (-1) these instants."""
    return [t + direction * round(rng.random() * 10 * SECOND_US) for t in times if rng.random() < door.share]


def _sorted(store: StorePlan, side: defaultdict[str, list[int]]) -> dict[str, array[int]]:
    return {door.door_id: array("q", sorted(side[door.door_id])) for door in store.doors}


def true_arrivals(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> int:
    """Return the people who came in within a window."""
    came = crossings(store, day.date).came_us
    return bisect_left(came, end_us) - bisect_left(came, start_us)
