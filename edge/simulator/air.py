"""Air of zones that visitors breathe in and fans renew, and sensors with a bounded error.

Carbon dioxide is a mass balance of well-mixed air, dC/dt = (C_eq - C) / tau with C_eq = C_out + G n / Q and
tau = V / Q, where n people give off G each, and Q is the outdoor air; it is solved exactly within each minute.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import HOUR_US, MINUTE_US, LocalDay
from edge.simulator.observation import Observation, sampled
from edge.simulator.site import AirZone, Device, ObservedSeries, StorePlan
from edge.simulator.traffic import crossings
from edge.wire.series import Series

LIMIT_PPM = 1500.0
"""GB 37488-2019, shops: 0.15 %, as a mean of one hour."""
INDOOR_LIMIT_PPM = 1000.0
"""GB/T 18883-2022, dwellings and offices: 0.10 %, as a mean of one hour."""
OUTDOOR_PPM = 420.0
_LITRES_PER_H_PERSON = 18.0
_PURGE = 4.0
"""Outdoor air in closed hours against opening hours: fans clear the store after closing."""
_BIAS_SHARE, _NOISE_SHARE = 0.5, 0.3
"""Parts of the declared accuracy that a sensor's bias of the day and its noise take; rounding has the rest."""
_RESOLUTION_DIGITS = {"carbon_dioxide": 0, "temperature": 1, "relative_humidity": 1}
_ERROR = {"temperature": 0.3, "relative_humidity": 3.0}
"""Error bounds of the sensor's side quantities; the device's declared accuracy is that of carbon dioxide."""


@dataclass(frozen=True, slots=True)
class CarbonDioxide:
    """True concentration in one zone: ``node_ppm`` at each minute, ``target_ppm`` and ``rate`` (1/min) within it."""

    day: LocalDay
    node_ppm: array[float]
    target_ppm: array[float]
    rate: array[float]

    def at(self, t_us: int) -> float:
        """Return the concentration in ppm at an instant of the day."""
        minute, rest_us = divmod(t_us - self.day.start_us, MINUTE_US)
        fade = math.exp(-self.rate[minute] * rest_us / MINUTE_US)
        return self.target_ppm[minute] + (self.node_ppm[minute] - self.target_ppm[minute]) * fade

    def hour_mean(self, start_us: int) -> float:
        """Return the exact mean over the hour that begins at a whole minute."""
        first = (start_us - self.day.start_us) // MINUTE_US
        return math.fsum(self._minute_mean(minute) for minute in range(first, first + 60)) / 60

    def _minute_mean(self, minute: int) -> float:
        target, rate = self.target_ppm[minute], self.rate[minute]
        return target + (self.node_ppm[minute] - target) * -math.expm1(-rate) / rate


def carbon_dioxide(store: StorePlan, day: LocalDay, zone: AirZone) -> CarbonDioxide:
    """Return the truth of a zone on a day, which begins with outdoor air."""
    visits = crossings(store, day.date)
    nodes, targets, rates = array("d"), array("d"), array("d")
    ppm = OUTDOOR_PPM
    for t_us in range(day.start_us, day.end_us, MINUTE_US):
        is_open = day.opens_us <= t_us < day.closes_us
        outdoor_air = zone.outdoor_air_m3_per_h * (1.0 if is_open else _PURGE)
        people = visits.inside(t_us) * zone.visitor_share + (zone.staff if is_open else 0)
        target = OUTDOOR_PPM + people * _LITRES_PER_H_PERSON * 1000 / outdoor_air
        rate = outdoor_air / zone.volume_m3 / 60
        nodes.append(ppm)
        targets.append(target)
        rates.append(rate)
        ppm = target + (ppm - target) * math.exp(-rate)
    return CarbonDioxide(day, nodes, targets, rates)


def true_hours(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (zone-hours whose mean is within the limit, zone-hours): whole clock hours in opening hours and window."""
    return _hours_within(store, day, (start_us, end_us), LIMIT_PPM)


def true_indoor_hours(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return the same for the stricter limit of indoor air."""
    return _hours_within(store, day, (start_us, end_us), INDOOR_LIMIT_PPM)


def _hours_within(store: StorePlan, day: LocalDay, window_us: tuple[int, int], limit_ppm: float) -> tuple[int, int]:
    start_us, end_us = window_us
    low, high = day.open_within(start_us, end_us)
    begins = [t for t in range(day.start_us, day.end_us, HOUR_US) if low <= t and t + HOUR_US <= high]
    within = 0
    for zone in store.habits.air_zones if begins else ():
        truth = carbon_dioxide(store, day, zone)
        within += sum(truth.hour_mean(begin) <= limit_ppm for begin in begins)
    return within, len(begins) * len(store.habits.air_zones)


def observe(store: StorePlan, day: LocalDay) -> Iterator[Observation]:
    """Yield what the sensors measure once a minute."""
    zones = {zone.point_id: zone for zone in store.habits.air_zones}
    minutes = range(day.start_us, day.end_us, MINUTE_US)
    for device in store.devices_of("air"):
        for observed in device.observed:
            true = _true_values(store, day, zones[observed.point_id], observed.series)
            yield sampled(observed.series, minutes, _measured(store, day, device, observed, true))


def _true_values(store: StorePlan, day: LocalDay, zone: AirZone, series: Series) -> array[float]:
    if series.quantity == "carbon_dioxide":
        return carbon_dioxide(store, day, zone).node_ppm
    level, swing = (23.5, 1.5) if series.quantity == "temperature" else (52.0, -6.0)
    minutes = (day.end_us - day.start_us) // MINUTE_US
    return array("d", (level + swing * math.sin(2 * math.pi * (m / minutes - 0.4)) for m in range(minutes)))


def _measured(
    store: StorePlan, day: LocalDay, device: Device, observed: ObservedSeries, true: array[float]
) -> array[float]:
    quantity = observed.series.quantity
    accuracy = _ERROR.get(quantity, device.accuracy or 0.0)
    rng = keyed_random(store.seed, store.store_id, "air", f"{device.device_id}/{quantity}", day.date)
    bias = _BIAS_SHARE * accuracy * rng.uniform(-1.0, 1.0)
    noise, digits, chance = 2 * _NOISE_SHARE * accuracy, _RESOLUTION_DIGITS[quantity], rng.random
    return array("d", (round(value + bias + noise * (chance() - 0.5), digits) for value in true))
