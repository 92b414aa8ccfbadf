"""Self-checkouts that run in opening hours, have a fault now and then, and scan the baskets of those who pay there."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import MINUTE_US, SECOND_US, LocalDay
from edge.simulator.observation import Observation, counted, sampled
from edge.simulator.site import CheckoutHabits, ObservedSeries, StorePlan
from edge.simulator.spells_off import Spell, is_in, length_within, spells_off

_ON_BEFORE_US = 20 * MINUTE_US
_SCAN_US = 3 * SECOND_US


class Basket(NamedTuple):
    """What somebody pays for: when, and when each item was scanned before that."""

    paid_us: int
    scanned_us: tuple[int, ...]


def faults(store: StorePlan, day: LocalDay, point_id: str) -> list[Spell]:
    """Return the spells of opening hours in which a machine has a fault."""
    rng = keyed_random(store.seed, store.store_id, "checkout", f"{point_id}/faults", day.date)
    return spells_off(day.opens_us, day.closes_us, _habits(store).faults_per_day, rng)


def running(day: LocalDay) -> Spell:
    """Return when the machines run: from before opening until after closing."""
    return day.opens_us - _ON_BEFORE_US, day.closes_us + _ON_BEFORE_US


def baskets(store: StorePlan, day: LocalDay, point_id: str) -> list[Basket]:
    """Return what is paid at a machine on a day, while it has no fault."""
    rng = keyed_random(store.seed, store.store_id, "checkout", f"{point_id}/baskets", day.date)
    habits, broken = _habits(store), faults(store, day, point_id)
    found = []
    for _ in range(round(habits.baskets_per_day * (0.8 + 0.4 * rng.random()))):
        at_us = day.opens_us + MINUTE_US + round(rng.random() * (day.closes_us - day.opens_us - 2 * MINUTE_US))
        items = 1 + int(rng.expovariate(1 / (habits.items_per_basket - 0.5)))
        if not is_in(broken, at_us):
            found.append(Basket(at_us, tuple(at_us - min(n * _SCAN_US, MINUTE_US) for n in range(1, items + 1))))
    return found


def true_serving_us(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (machine-time running without fault, machine-time) in opening hours within a window."""
    low, high = day.open_within(start_us, end_us)
    if high <= low:
        return 0, 0
    machines = _of(store, "equipment_fault")
    broken = sum(length_within(faults(store, day, each.point_id), low, high) for each in machines)
    return len(machines) * (high - low) - broken, len(machines) * (high - low)


def true_transactions(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> int:
    """Return the baskets paid at all machines in a window."""
    return sum(start_us <= basket.paid_us < end_us for basket in _all(store, day))


def true_items(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (items scanned, baskets paid) at all machines in a window."""
    scanned = sum(start_us <= t_us < end_us for basket in _all(store, day) for t_us in basket.scanned_us)
    return scanned, true_transactions(store, day, start_us, end_us)


def observe(store: StorePlan, day: LocalDay) -> Iterator[Observation]:
    """Yield the machines' states, looked at every five minutes, and their counts of transactions and items."""
    for device in store.devices_of("checkout"):
        for each in device.observed:
            yield _observed(store, day, each)


def _observed(store: StorePlan, day: LocalDay, each: ObservedSeries) -> Observation:
    quantity = each.series.quantity
    if quantity in {"equipment_running", "equipment_fault"}:
        on = [running(day)] if quantity == "equipment_running" else faults(store, day, each.point_id)
        looks = range(day.start_us, day.end_us, round((each.series.period_s or 300) * SECOND_US))
        return sampled(each.series, looks, array("d", (is_in(on, t_us) for t_us in looks)))
    paid = baskets(store, day, each.point_id)
    if quantity == "transactions":
        return counted(each.series, day, [basket.paid_us for basket in paid])
    return counted(each.series, day, [t_us for basket in paid for t_us in basket.scanned_us])


def _all(store: StorePlan, day: LocalDay) -> Iterator[Basket]:
    for each in _of(store, "transactions"):
        yield from baskets(store, day, each.point_id)


def _of(store: StorePlan, quantity: str) -> list[ObservedSeries]:
    return [o for device in store.devices_of("checkout") for o in device.observed if o.series.quantity == quantity]


def _habits(store: StorePlan) -> CheckoutHabits:
    if store.habits.checkout is None:
        msg = f"{store.store_id} has no self-checkouts"
        raise ValueError(msg)
    return store.habits.checkout
