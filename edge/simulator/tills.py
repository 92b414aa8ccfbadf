"""Visitors who buy: the queue in which they wait, the tills that serve them in their turn, and what both report.

A buyer joins the queue a quarter of an hour before leaving the store, and is served by the first till that is free: a
queue of several servers, first come first served, whose service takes a while that nobody knows before.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from heapq import heapreplace
from typing import NamedTuple

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import MINUTE_US, SECOND_US, LocalDay, local_day
from edge.simulator.observation import Observation, counted, sampled
from edge.simulator.site import StorePlan
from edge.simulator.traffic import crossings

_BEFORE_LEAVING_US = 15 * MINUTE_US
_QUICKEST_SERVICE_US = 15 * SECOND_US


class Purchase(NamedTuple):
    """One purchase: when the buyer joined the queue, left it for a till, had paid, and at which till."""

    joined_us: int
    called_us: int
    paid_us: int
    till: int


@lru_cache(maxsize=2)
def purchases(store: StorePlan, day: date) -> tuple[Purchase, ...]:
    """Return the truth of a day in the order of the queue; it begins and ends without anybody waiting."""
    habits = store.habits.tills
    if habits is None:
        return ()
    rng = keyed_random(store.seed, store.store_id, "traffic", "tills", day)
    opens_us = local_day(store, day).opens_us
    leaving = [t for t in crossings(store, day).left_us if rng.random() < habits.buying_share]
    free = [(opens_us, till) for till in range(habits.tills)]
    made = []
    for leaves_us in leaving:
        joined_us = max(leaves_us - _BEFORE_LEAVING_US, opens_us)
        free_us, till = free[0]
        called_us = max(joined_us, free_us)
        mean_us = habits.service_s * SECOND_US - _QUICKEST_SERVICE_US
        paid_us = called_us + _QUICKEST_SERVICE_US + round(rng.expovariate(1 / mean_us))
        heapreplace(free, (paid_us, till))
        made.append(Purchase(joined_us, called_us, paid_us, till))
    return tuple(made)


def true_receipts(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> int:
    """Return the receipts within a window."""
    return sum(start_us <= purchase.paid_us < end_us for purchase in purchases(store, day.date))


def true_wait_us(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (time that buyers waited, buyers) of those who paid within a window."""
    waits = [p.called_us - p.joined_us for p in purchases(store, day.date) if start_us <= p.paid_us < end_us]
    return sum(waits), len(waits)


def true_queue_us(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (person-time in the queue, time) in opening hours within a window."""
    low, high = day.open_within(start_us, end_us)
    if high <= low:
        return 0, 0
    waiting = (min(p.called_us, high) - max(p.joined_us, low) for p in purchases(store, day.date))
    return sum(max(0, each) for each in waiting), high - low


def observe(store: StorePlan, day: LocalDay) -> Iterator[Observation]:
    """Yield the receipts of each till, and how many wait, once a minute; both exact."""
    made = purchases(store, day.date)
    for number, (_, observed) in enumerate(store.observed_at("till")):
        yield counted(observed.series, day, [p.paid_us for p in made if p.till == number])
    joined, called = ([p[column] for p in made] for column in (0, 1))
    minutes = range(day.start_us, day.end_us, MINUTE_US)
    for _, observed in store.observed_at("queue_zone"):
        waiting = (bisect_right(joined, t_us) - bisect_right(called, t_us) for t_us in minutes)
        yield sampled(observed.series, minutes, array("d", waiting))
