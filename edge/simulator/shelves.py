"""Shelf positions that sell out and are refilled on the staff's rounds, and shelves that count their units."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import HOUR_US, MINUTE_US, LocalDay
from edge.simulator.observation import Observation, sampled
from edge.simulator.site import ObservedSeries, StorePlan

SHORTEST_SPELL_US = 5 * MINUTE_US
"""Shorter spells without stock are not counted as such."""
_OVERLOOKED_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Stock:
    """True units of one position over a day: ``level[i]`` holds from ``t_us[i]`` until the next change."""

    t_us: Sequence[int]
    level: Sequence[int]

    def at(self, t_us: int) -> int:
        """Return the units on the shelf at an instant of the day."""
        return self.level[bisect_right(self.t_us, t_us) - 1]

    def available_us(self, start_us: int, end_us: int) -> int:
        """Return for how long at least one unit was on the shelf within a window of the day."""
        ends = (*self.t_us[1:], end_us)
        spells = zip(self.t_us, ends, self.level, strict=True)
        return sum(max(min(end, end_us) - max(begin, start_us), 0) for begin, end, level in spells if level)

    def empty_us(self, end_us: int) -> Iterator[tuple[int, int]]:
        """Yield the spells without a unit on the shelf, the last one until ``end_us`` at most."""
        ends = (*self.t_us[1:], end_us)
        return ((begin, end) for begin, end, level in zip(self.t_us, ends, self.level, strict=True) if not level)


def stock(store: StorePlan, day: LocalDay, position: ObservedSeries) -> Stock:
    """Return the truth of one position: full at midnight, sold in opening hours, refilled on rounds that see it."""
    habits = store.habits.shelves
    if habits is None:
        msg = f"{store.store_id} has no shelves"
        raise ValueError(msg)
    rng = keyed_random(store.seed, store.store_id, "shelves", position.point_id, day.date)
    open_us = day.closes_us - day.opens_us
    sold = round(habits.units_sold_per_day * _lot(rng.random()))
    sales = [day.opens_us + round(rng.random() * open_us) for _ in range(sold)]
    rounds = _rounds(day, habits.round_every_h, rng.random())
    filled = [t_us for t_us in rounds if rng.random() >= _OVERLOOKED_SHARE]
    times, levels = [day.start_us], [habits.units_full]
    for t_us, refill in sorted([(t, False) for t in sales] + [(t, True) for t in filled]):
        level = habits.units_full if refill else max(levels[-1] - 1, 0)
        if level != levels[-1] and t_us > times[-1]:
            times.append(t_us)
            levels.append(level)
    return Stock(times, levels)


def positions(store: StorePlan) -> list[ObservedSeries]:
    """Return the observed positions of a store."""
    return [observed for device in store.devices_of("shelves") for observed in device.observed]


def true_available_us(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (position-time with stock, position-time) in opening hours within a window."""
    low, high = day.open_within(start_us, end_us)
    if high <= low:
        return 0, 0
    stocks = [stock(store, day, position) for position in positions(store)]
    return sum(each.available_us(low, high) for each in stocks), len(stocks) * (high - low)


def true_empty_spells(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> int:
    """Return how many spells without stock began in opening hours within a window, and lasted long enough in them."""
    low, high = day.open_within(start_us, end_us)
    if high <= low:
        return 0
    return sum(
        low <= begin and min(end, high) - begin >= SHORTEST_SPELL_US
        for position in positions(store)
        for begin, end in stock(store, day, position).empty_us(day.end_us)
    )


def observe(store: StorePlan, day: LocalDay) -> Iterator[Observation]:
    """Yield what the shelves report: the exact number of units, once a minute."""
    minutes = range(day.start_us, day.end_us, MINUTE_US)
    for position in positions(store):
        truth = stock(store, day, position)
        yield sampled(position.series, minutes, array("d", (truth.at(t_us) for t_us in minutes)))


def _lot(chance: float) -> float:
    """Return how a position's sales differ from the mean on a day: by a factor from 0.6 to 1.4."""
    return 0.6 + 0.8 * chance


def _rounds(day: LocalDay, every_h: float, phase: float) -> range:
    every_us = round(every_h * HOUR_US)
    return range(day.opens_us + round(phase * every_us), day.closes_us, every_us)
