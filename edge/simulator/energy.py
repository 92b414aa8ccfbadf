"""Circuits whose power follows the opening hours, and meters that show their registers.

A register at a local midnight is a closed form of the date, so that any day stands alone and none has to be summed.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import accumulate

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import SECOND_US, SLOT_US, LocalDay, local_day
from edge.simulator.observation import Observation, registers
from edge.simulator.site import Circuit, StorePlan

FIRST_DAY = date(2020, 1, 1)
"""The day at whose start the registers were about zero."""
RESOLUTION_KWH = 0.01
MAIN = "main"
"""Role of a meter that measures all circuits; a sub meter's role is the name of its circuit."""

_OF_WEEKDAY = (0.97, 0.96, 0.96, 0.98, 1.02, 1.06, 1.05)
"""Energy of Monday to Sunday against the mean day; sums to 7."""


@dataclass(frozen=True, slots=True)
class CircuitDay:
    """Register of one circuit over a day: exact at the slots' edges, and linear between them (constant power)."""

    day: LocalDay
    at_edges_kwh: array[float]

    def register_kwh(self, t_us: int) -> float:
        """Return the true register at an instant of the day, both its edges included."""
        slot = self.day.slot_of(t_us)
        share = (t_us - self.day.start_us - slot * SLOT_US) / SLOT_US
        return self.at_edges_kwh[slot] + share * (self.at_edges_kwh[slot + 1] - self.at_edges_kwh[slot])

    def power_kw(self, t_us: int) -> float:
        """Return the true power at an instant."""
        slot = self.day.slot_of(t_us)
        return (self.at_edges_kwh[slot + 1] - self.at_edges_kwh[slot]) * 3600 * SECOND_US / SLOT_US


@lru_cache(maxsize=8)
def circuit_day(store: StorePlan, circuit: Circuit, day: date) -> CircuitDay:
    """Return the truth of a circuit on a day."""
    hours = local_day(store, day)
    rng = keyed_random(store.seed, store.store_id, "energy", circuit.name, day)
    weights = [
        (circuit.open_to_closed if hours.opens_us <= edge_us < hours.closes_us else 1.0) * (0.9 + 0.2 * rng.random())
        for edge_us in range(hours.start_us, hours.end_us, SLOT_US)
    ]
    before_kwh = midnight_register_kwh(store, circuit, day)
    used_kwh = midnight_register_kwh(store, circuit, date.fromordinal(day.toordinal() + 1)) - before_kwh
    total = math.fsum(weights)
    shares = accumulate(weights[:-1], initial=0.0)
    edges = array("d", (before_kwh + used_kwh * share / total for share in shares))
    edges.append(before_kwh + used_kwh)
    return CircuitDay(hours, edges)


def midnight_register_kwh(store: StorePlan, circuit: Circuit, day: date) -> float:
    """Return the register at a local day's start: full weeks, days of the week begun, and a draw of that midnight."""
    weeks, days = divmod((day - FIRST_DAY).days, 7)
    first = FIRST_DAY.weekday()
    mean_days = 7 * weeks + math.fsum(_OF_WEEKDAY[(first + i) % 7] for i in range(days))
    wobble = keyed_random(store.seed, store.store_id, "energy", f"{circuit.name}/midnight", day).random()
    return circuit.kwh_per_day * (mean_days + 0.1 * wobble)


def true_energy_kwh(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> float:
    """Return the energy of all circuits, what the main meter measures, in the part of a window within a day."""
    low, high = max(start_us, day.start_us), min(end_us, day.end_us)
    truths = [circuit_day(store, circuit, day.date) for circuit in store.habits.circuits]
    return math.fsum(truth.register_kwh(high) - truth.register_kwh(low) for truth in truths)


def sub_metered(store: StorePlan) -> list[Circuit]:
    """Return the circuits that have a sub meter."""
    roles = {observed.role for device in store.devices_of("energy") for observed in device.observed}
    return [circuit for circuit in store.habits.circuits if circuit.name in roles]


def true_circuits_kwh(
    store: StorePlan, day: LocalDay, spans_us: list[tuple[int, int]], circuits: tuple[Circuit, ...]
) -> float:
    """Return the energy of some circuits over spans of time, as far as they lie within a day."""
    cut = [(max(start_us, day.start_us), min(end_us, day.end_us)) for start_us, end_us in spans_us]
    truths = [circuit_day(store, circuit, day.date) for circuit in circuits]
    return math.fsum(
        truth.register_kwh(end_us) - truth.register_kwh(start_us)
        for truth in truths
        for start_us, end_us in cut
        if start_us < end_us
    )


def observe(store: StorePlan, day: LocalDay, *, opening: bool) -> Iterator[Observation]:
    """Yield the registers at the end of each quarter of an hour, cut to 0.01 kWh; at midnight too where ``opening``.

    The register at the end of a day is read in its last slot, so that a day's energy is known when the day is over;
    ``opening`` is for a day before which none is played, whose first register nothing else delivers.
    """
    for device in store.devices_of("energy"):
        for observed in device.observed:
            circuits = [c for c in store.habits.circuits if observed.role in {MAIN, c.name}]
            truths = [circuit_day(store, circuit, day.date) for circuit in circuits]
            period_us = round((observed.series.period_s or 900) * SECOND_US)
            times = range(day.start_us + (0 if opening else period_us), day.end_us + 1, period_us)
            shown = (_cut(math.fsum(truth.register_kwh(t_us) for truth in truths)) for t_us in times)
            yield registers(observed.series, times, array("d", shown))


def _cut(register_kwh: float) -> float:
    return math.floor(register_kwh / RESOLUTION_KWH) / round(1 / RESOLUTION_KWH)
