"""People who pass a store's front, those among them who come in, and the counter on the pavement that misses some."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import HOUR_US, LocalDay, local_day
from edge.simulator.observation import Observation, counted
from edge.simulator.site import StorePlan
from edge.simulator.traffic import crossings, missed_share

_BEFORE_OPENING_US = 2 * HOUR_US
_AFTER_CLOSING_US = HOUR_US


@lru_cache(maxsize=2)
def passages(store: StorePlan, day: date) -> array[int]:
    """Return the truth of a day: instants at which somebody passes, ascending; whoever comes in has passed as well."""
    habits = store.habits.passers
    if habits is None:
        return array("q")
    rng = keyed_random(store.seed, store.store_id, "traffic", "passers", day)
    hours, came = local_day(store, day), crossings(store, day).came_us
    first_us, last_us = hours.opens_us - _BEFORE_OPENING_US, hours.closes_us + _AFTER_CLOSING_US
    others = round(len(came) * habits.passing_by_per_visitor * (0.9 + 0.2 * rng.random()))
    return array("q", sorted([*came, *(round(rng.uniform(first_us, last_us)) for _ in range(others))]))


def true_capture(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (people who came in, people who passed) in opening hours within a window."""
    low, high = day.open_within(start_us, end_us)
    if high <= low:
        return 0, 0
    came, passed = (
        bisect_left(times, high) - bisect_left(times, low)
        for times in (crossings(store, day.date).came_us, passages(store, day.date))
    )
    return came, passed


def observe(store: StorePlan, day: LocalDay) -> Iterator[Observation]:
    """Yield what the counter on the pavement counts: each passage is missed with its probability, none is invented."""
    for device, observed in store.observed_at("pavement_line"):
        missed = missed_share(store, device)
        rng = keyed_random(store.seed, store.store_id, "traffic", device.device_id, day.date)
        yield counted(observed.series, day, [t for t in passages(store, day.date) if rng.random() >= missed])
