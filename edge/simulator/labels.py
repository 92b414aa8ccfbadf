"""Requests to shelf labels, each with its outcome and latency, and the gateway that counts them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import HOUR_US, MINUTE_US, SECOND_US, LocalDay, local_day
from edge.simulator.observation import Observation, counted, sampled
from edge.simulator.site import StorePlan
from edge.wire.series import Series

LONGEST_ANSWER_US = 10 * MINUTE_US
_MORNING_SHARE = 0.6
LATENCY = "label_update_latency"


class LabelRequest(NamedTuple):
    """One request: when it was made, how it ended (``confirmed``, ``failed``, ``unanswered``), when (None: never)."""

    requested_us: int
    outcome: str
    answered_us: int | None


@lru_cache(maxsize=2)
def requests(store: StorePlan, day: date) -> tuple[LabelRequest, ...]:
    """Return the truth of a day: most requests before opening, the rest over the day, all answered before midnight."""
    habits = store.habits.labels
    if habits is None:
        return ()
    rng = keyed_random(store.seed, store.store_id, "labels", "requests", day)
    hours = local_day(store, day)
    made: list[LabelRequest] = []
    for _ in range(round(habits.requests_per_day * (0.8 + 0.4 * rng.random()))):
        if rng.random() < _MORNING_SHARE:
            at_us = hours.opens_us - 2 * HOUR_US + round(rng.random() * HOUR_US)
        else:
            at_us = hours.opens_us + round(rng.random() * (hours.closes_us - hours.opens_us))
        chance, latency = rng.random(), rng.expovariate(1 / 25)
        if chance < habits.unanswered_share:
            made.append(LabelRequest(at_us, "unanswered", None))
            continue
        outcome = "failed" if chance < habits.unanswered_share + habits.failed_share else "confirmed"
        wait_us = 3 * MINUTE_US if outcome == "failed" else round((3 + latency) * SECOND_US)
        made.append(LabelRequest(at_us, outcome, at_us + min(wait_us, LONGEST_ANSWER_US)))
    return tuple(made)


def true_updates(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (requests that were confirmed, requests) of those made within a window."""
    made = [request for request in requests(store, day.date) if start_us <= request.requested_us < end_us]
    return sum(request.outcome == "confirmed" for request in made), len(made)


def observe(store: StorePlan, day: LocalDay) -> Iterator[Observation]:
    """Yield the gateway's exact counts: requests when they are made, outcomes when they come."""
    made = requests(store, day.date)
    events = {
        "label_updates_requested": [request.requested_us for request in made],
        "label_updates_confirmed": _answered(made, "confirmed"),
        "label_updates_failed": _answered(made, "failed"),
    }
    for device in store.devices_of("labels"):
        for observed in device.observed:
            if observed.series.quantity == LATENCY:
                yield _latencies(observed.series, made)
            else:
                yield counted(observed.series, day, events[observed.series.quantity])


def true_latencies_s(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> list[float]:
    """Return how long each update requested within a window took, inf where it was never confirmed."""
    made = [request for request in requests(store, day.date) if start_us <= request.requested_us < end_us]
    return [_latency_s(request) if request.outcome == "confirmed" else math.inf for request in made]


def is_timed(store: StorePlan) -> bool:
    """Tell whether a gateway says how long updates take."""
    return any(o.series.quantity == LATENCY for device in store.devices_of("labels") for o in device.observed)


def _latencies(series: Series, made: tuple[LabelRequest, ...]) -> Observation:
    """Return the latency of each confirmed update, at its confirmation; the last of those of one instant."""
    by_time = dict(sorted((r.answered_us or 0, _latency_s(r)) for r in made if r.outcome == "confirmed"))
    return sampled(series, array("q", by_time), array("d", by_time.values()))


def _latency_s(request: LabelRequest) -> float:
    return ((request.answered_us or request.requested_us) - request.requested_us) / SECOND_US


def _answered(made: tuple[LabelRequest, ...], outcome: str) -> list[int]:
    return [r.answered_us for r in made if r.outcome == outcome and r.answered_us is not None]
