"""Cabinets that cycle around their mean and are driven up by defrosts and doors left open, and probes in them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import HOUR_US, MINUTE_US, SECOND_US, LocalDay
from edge.simulator.observation import Observation, sampled
from edge.simulator.site import Cabinet, Device, StorePlan

CHILLED_KIND, FROZEN_KIND = "chilled_cabinet", "frozen_cabinet"
_CYCLE_C, _CYCLE_US = 0.4, 45 * MINUTE_US
_EXCURSION_US = 110 * MINUTE_US
"""A defrost and the recovery from it."""
_TRUTH_STEP_US = 10 * SECOND_US
HOLD_US = 30 * MINUTE_US
"""A stretch out of band is an excursion from this length on."""
_KINETIC_K, _ZERO_C = 83_144.0 / 8.314472, 273.15
_BIAS_SHARE, _NOISE_SHARE = 0.25, 0.2
"""Parts of the declared accuracy that a probe's bias of the day and its noise take; rounding to 0.1 has the rest."""


@dataclass(frozen=True, slots=True)
class CabinetDay:
    """True temperature of one cabinet over a day, in closed form."""

    cabinet: Cabinet
    frozen: bool
    phase: float
    begins_us: tuple[int, ...]
    """Starts of the excursions, none of which reaches over midnight."""

    def at(self, t_us: int) -> float:
        """Return the temperature in degC at an instant of the day."""
        value = self.cabinet.mean_c + _CYCLE_C * math.sin(2 * math.pi * (t_us / _CYCLE_US + self.phase))
        for begin_us in self.begins_us:
            if begin_us < t_us < begin_us + _EXCURSION_US:
                share = (t_us - begin_us) / _EXCURSION_US
                value += self.cabinet.excursion_c * (1 - math.cos(2 * math.pi * share)) / 2
        return value

    def in_band(self, celsius: float) -> bool:
        """Return whether a temperature is within (0, 8] degC, or for frozen goods at most -18 (GB/T 24616-2019)."""
        return celsius <= -18.0 if self.frozen else 0.0 < celsius <= 8.0

    def in_band_us(self, start_us: int, end_us: int) -> float:
        """Return for how long a window's temperature is in band: crossings are linear within steps of 10 s."""
        edges = (-18.0,) if self.frozen else (0.0, 8.0)
        total, t_us, value = 0.0, start_us, self.at(start_us)
        while t_us < end_us:
            next_us = min(t_us + _TRUTH_STEP_US, end_us)
            next_value = self.at(next_us)
            total += (next_us - t_us) * self._share_in_band(value, next_value, edges)
            t_us, value = next_us, next_value
        return total

    def _share_in_band(self, a: float, b: float, edges: tuple[float, ...]) -> float:
        for edge in edges:
            if (a <= edge) != (b <= edge):
                share_before = (edge - a) / (b - a)
                return share_before if self.in_band(a) else 1.0 - share_before
        return 1.0 if self.in_band(a) else 0.0


def cabinet_day(store: StorePlan, day: LocalDay, cabinet: Cabinet) -> CabinetDay:
    """Return the truth of a cabinet on a day."""
    always = keyed_random(store.seed, store.store_id, "cold_chain", cabinet.point_id)
    rng = keyed_random(store.seed, store.store_id, "cold_chain", cabinet.point_id, day.date)
    kind = next(point.kind for point in store.points_of("cold_chain") if point.point_id == cabinet.point_id)
    stretch_us = (day.end_us - day.start_us - HOUR_US) // max(cabinet.excursions_per_day, 1)
    begins = tuple(
        day.start_us + HOUR_US // 2 + i * stretch_us + round(rng.random() * (stretch_us - _EXCURSION_US))
        for i in range(cabinet.excursions_per_day)
    )
    return CabinetDay(cabinet, kind == FROZEN_KIND, always.random(), begins)


def true_in_band_us(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[float, int]:
    """Return (cabinet-time in band, cabinet-time) in the part of a window within a day."""
    low, high = max(start_us, day.start_us), min(end_us, day.end_us)
    truths = [cabinet_day(store, day, cabinet) for cabinet in store.habits.cabinets]
    return math.fsum(truth.in_band_us(low, high) for truth in truths), len(truths) * (high - low)


def true_excursions_us(store: StorePlan, days: Sequence[LocalDay], start_us: int, end_us: int) -> list[int]:
    """Return for how long each stretch out of band lasted that was an excursion, over all cabinets, to ten seconds."""
    found: list[int] = []
    for cabinet in store.habits.cabinets:
        out_us = 0
        for truth, t_us in _looks(store, days, cabinet, (start_us, end_us)):
            if truth.in_band(truth.at(t_us)):
                found += [out_us] if out_us >= HOLD_US else []
                out_us = 0
            else:
                out_us += _TRUTH_STEP_US
        found += [out_us] if out_us >= HOLD_US else []
    return found


def true_kinetic_c(store: StorePlan, days: Sequence[LocalDay], window_us: tuple[int, int], kind: str) -> float:
    """Return the mean kinetic temperature in degC of the warmest cabinet of a kind (USP <1079.2>), NaN without one."""
    warmest = math.nan
    kinds = {point.point_id: point.kind for point in store.points_of("cold_chain")}
    for cabinet in store.habits.cabinets:
        if kinds[cabinet.point_id] == kind:
            rates = [
                math.exp(-_KINETIC_K / (truth.at(t_us + _TRUTH_STEP_US // 2) + _ZERO_C))
                for truth, t_us in _looks(store, days, cabinet, window_us)
            ]
            kinetic = -_KINETIC_K / math.log(math.fsum(rates) / len(rates)) - _ZERO_C
            warmest = kinetic if math.isnan(warmest) else max(kinetic, warmest)
    return warmest


def _looks(
    store: StorePlan, days: Sequence[LocalDay], cabinet: Cabinet, window_us: tuple[int, int]
) -> Iterator[tuple[CabinetDay, int]]:
    for day in days:
        truth = cabinet_day(store, day, cabinet)
        low, high = max(window_us[0], day.start_us), min(window_us[1], day.end_us)
        yield from ((truth, t_us) for t_us in range(low, high, _TRUTH_STEP_US))


def observe(store: StorePlan, day: LocalDay) -> Iterator[Observation]:
    """Yield what the probes measure once a minute."""
    cabinets = {cabinet.point_id: cabinet for cabinet in store.habits.cabinets}
    minutes = range(day.start_us, day.end_us, MINUTE_US)
    for device in store.devices_of("cold_chain"):
        for observed in device.observed:
            truth = cabinet_day(store, day, cabinets[observed.point_id])
            yield sampled(observed.series, minutes, _measured(store, day, device, truth))


def _measured(store: StorePlan, day: LocalDay, device: Device, truth: CabinetDay) -> array[float]:
    accuracy = device.accuracy or 0.0
    rng = keyed_random(store.seed, store.store_id, "cold_chain", f"{device.device_id}/probe", day.date)
    bias, noise, chance = _BIAS_SHARE * accuracy * rng.uniform(-1.0, 1.0), 2 * _NOISE_SHARE * accuracy, rng.random
    minutes = range(day.start_us, day.end_us, MINUTE_US)
    return array("d", (round(truth.at(t_us) + bias + noise * (chance() - 0.5), 1) for t_us in minutes))
