"""Screens that go off now and then and play one item after another while they are on, and players that say so."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import SECOND_US, LocalDay
from edge.simulator.observation import Observation, counted, sampled
from edge.simulator.site import ObservedSeries, ScreenHabits, StorePlan
from edge.simulator.spells_off import Spell, is_in, length_within, spells_off


def off(store: StorePlan, day: LocalDay, point_id: str) -> list[Spell]:
    """Return the truth of a screen's day: the spells of its opening hours in which it is off."""
    rng = keyed_random(store.seed, store.store_id, "screens", f"{point_id}/off", day.date)
    return spells_off(day.opens_us, day.closes_us, _habits(store).failures_per_day, rng)


def plays(store: StorePlan, day: LocalDay, point_id: str) -> list[int]:
    """Return when a screen begins to play an item: one after another in opening hours while it is on."""
    every_us = round(_habits(store).play_s * SECOND_US)
    silent = off(store, day, point_id)
    return [t_us for t_us in range(day.opens_us, day.closes_us, every_us) if not is_in(silent, t_us)]


def true_online_us(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (screen-time online, screen-time) in opening hours within a window."""
    low, high = day.open_within(start_us, end_us)
    if high <= low:
        return 0, 0
    observed = _of(store, "screen_online")
    dark = sum(length_within(off(store, day, each.point_id), low, high) for each in observed)
    return len(observed) * (high - low) - dark, len(observed) * (high - low)


def true_plays(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> int:
    """Return the plays of all screens in a window."""
    begun = (t for each in _of(store, "screen_plays") for t in plays(store, day, each.point_id))
    return sum(start_us <= t_us < end_us for t_us in begun)


def observe(store: StorePlan, day: LocalDay) -> Iterator[Observation]:
    """Yield what the players report: every five minutes whether the screen is on, and their counts of plays."""
    for each in _of(store, "screen_online"):
        silent = off(store, day, each.point_id)
        looks = range(day.start_us, day.end_us, round((each.series.period_s or 300) * SECOND_US))
        yield sampled(each.series, looks, array("d", (not is_in(silent, t_us) for t_us in looks)))
    for each in _of(store, "screen_plays"):
        yield counted(each.series, day, plays(store, day, each.point_id))


def _of(store: StorePlan, quantity: str) -> list[ObservedSeries]:
    return [o for device in store.devices_of("screens") for o in device.observed if o.series.quantity == quantity]


def _habits(store: StorePlan) -> ScreenHabits:
    if store.habits.screens is None:
        msg = f"{store.store_id} has no screens"
        raise ValueError(msg)
    return store.habits.screens
