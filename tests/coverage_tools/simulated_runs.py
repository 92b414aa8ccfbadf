"""Seeded runs of simulated stores: what the sensors saw, with gaps and false counts added, and the truth behind it.

The truth is the simulator's, taken before any sensor looks; misses and audits are its own, too. It invents no count, so
false counts are added here, to counters and to their audits alike; it keeps devices' failures to whole slots, so
failures in continuous time are made here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from metric_inputs import inputs, observed

from analytics.metrics import availability, energy, peaks, shelves, traffic
from analytics.metrics.doors import Audited, audited, doors
from analytics.metrics.inputs import Audit, Bounds, Inputs, Observed
from analytics.metrics.propagation import occupancy_spread
from analytics.metrics.ratio_intervals import fieller, ratio_of_bounds
from analytics.windows import Window
from edge.simulator import energy as true_energy
from edge.simulator import shelves as true_shelves
from edge.simulator import traffic as true_traffic
from edge.simulator.local_day import LocalDay, local_day
from edge.simulator.plan import store_plan
from edge.simulator.site import StorePlan
from edge.wire.series import Counter, Kind, Reset

FIRST_DAY = date(2026, 5, 4)
SLOT_US = 300_000_000
FALSE_SHARE = 0.015
"""False counts per true crossing, in the runs that have some."""
AUDITS = 12
CONVERSION = 0.35


@dataclass(frozen=True)
class Told:
    """A figure's interval and the truth."""

    name: str
    low: float
    high: float
    true: float

    @property
    def holds(self) -> bool:
        """Whether the interval covers the truth."""
        return self.low <= self.true <= self.high


def told(name: str, bounds: Bounds | None, true: float) -> Told:
    """Return an interval of 95 %; one is always expected."""
    assert bounds is not None, name
    assert bounds.level == 0.95, name
    return Told(name, bounds.low, bounds.high, true)


def window_of(days: list[LocalDay]) -> Window:
    """Return the window of some days."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    first, last = (epoch + timedelta(microseconds=t) for t in (days[0].start_us, days[-1].end_us))
    return Window(first, last, "Asia/Shanghai")


def counts(seed: int, days: int) -> Iterator[Told]:
    """Yield footfall, conversion and intensity of the convenience store over some days with gaps."""
    rng = np.random.default_rng([seed, 1])
    store = store_plan(seed, "sim-store-c")
    played = [local_day(store, FIRST_DAY + timedelta(days=ahead)) for ahead in range(days)]
    false = FALSE_SHARE if seed % 2 else 0.0
    series, audits = _doors(store, played, rng, false, gaps=True)
    true_by_day = np.array([len(true_traffic.crossings(store, day.date).came_us) for day in played])
    true = int(true_by_day.sum())
    made = inputs(window_of(played), [*series, _meter(store, played)], audits=audits)
    entries = traffic.measure_entries(made)
    yield told("footfall", entries.bounds, true)
    assert entries.bounds is not None
    receipts = rng.binomial(true_by_day, np.clip(rng.normal(CONVERSION, 0.03, true_by_day.size), 0.0, 1.0))
    sold = Bounds(float(receipts.sum()), float(receipts.sum()), None, "receipts")
    yield told("conversion of the window", ratio_of_bounds(sold, entries.bounds), receipts.sum() / true)
    going_on = fieller(receipts, true_by_day)
    assert going_on is not None
    yield Told("conversion that goes on, by days", going_on.low, going_on.high, CONVERSION)
    used = energy.measure(made).bounds
    assert used is not None
    kwh = math.fsum(true_energy.true_energy_kwh(store, day, day.start_us, day.end_us) for day in played)
    yield told("intensity, kWh per visitor", ratio_of_bounds(used, entries.bounds), kwh / true)


def occupancy(seed: int) -> Iterator[Told]:
    """Yield occupancy at an instant, and the peak, of the supermarket on one day."""
    rng = np.random.default_rng([seed, 2])
    store = store_plan(seed, "sim-store-a")
    day = local_day(store, FIRST_DAY + timedelta(days=seed % 7))
    series, audits = _doors(store, [day], rng, FALSE_SHARE if seed % 2 else 0.0, gaps=False)
    truth = true_traffic.crossings(store, day.date)
    made = inputs(window_of([day]), series, audits=audits)
    times = np.sort(np.concatenate([truth.came_us, truth.left_us]))
    inside = np.searchsorted(truth.came_us, times, "right") - np.searchsorted(truth.left_us, times, "right")
    yield told("occupancy, peak of the day", peaks.measure_occupancy_peak(made).bounds, int(inside.max()))
    yield _at_an_instant(made, day, truth, rng)


def _at_an_instant(made: Inputs, day: LocalDay, truth: true_traffic.Crossings, rng: np.random.Generator) -> Told:
    """Return the corrected occupancy at the end of some slot in opening hours."""
    end_us = int(day.opens_us + SLOT_US * rng.integers(12, (day.closes_us - day.opens_us) // SLOT_US))
    sides = [_counted_until(made, quantity, end_us) for quantity in ("entries", "exits")]
    (came, of_entries), (left, of_exits) = sides
    spread = occupancy_spread(came, left, (list(of_entries.rates), list(of_exits.rates)), 0.95)
    true = int(np.searchsorted(truth.came_us, end_us) - np.searchsorted(truth.left_us, end_us))
    return Told("occupancy at an instant", float(spread.ends[0][0]), float(spread.ends[1][0]), true)


def _counted_until(made: Inputs, quantity: str, end_us: int) -> tuple[np.ndarray[Any, np.dtype[np.int64]], Audited]:
    counters = doors(made, quantity)
    rates = audited(counters, made.audits, 0.95)
    assert rates is not None
    return np.array([[int(c.slots.within(0, end_us).amount.sum())] for c in counters]), rates


def on_shelf(seed: int) -> Iterator[Told]:
    """Yield on-shelf availability of the supermarket on one day, with shelves that are silent for some hours."""
    rng = np.random.default_rng([seed, 3])
    store = store_plan(seed, "sim-store-a")
    day = local_day(store, FIRST_DAY + timedelta(days=seed % 7))
    series = []
    for seen in true_shelves.observe(store, day):
        t_us, value = np.array(seen.t_us), np.array(seen.value)
        kept = np.ones(t_us.size, dtype=np.bool_)
        if rng.random() < 0.5:
            start = day.opens_us + rng.random() * (day.closes_us - day.opens_us)
            kept = (t_us < start) | (t_us >= start + rng.uniform(0.5, 2.5) * 3.6e9)
        series.append(
            observed(
                "stock_units", t_us[kept], value[kept], device=f"{seen.series.device}-{seen.series.channel}",
                kind=Kind.GAUGE, period_s=60.0,
            )
        )  # fmt: skip
    made = inputs(window_of([day]), series, opens_at=store.opens_at, closes_at=store.closes_at)
    outcome = shelves.measure(inputs(made.window, series, wanted=made.opening))
    available, whole = true_shelves.true_available_us(store, day, day.start_us, day.end_us)
    detail = outcome.detail
    yield Told("availability on the shelf", detail["likely_low"], detail["likely_high"], available / whole)


def devices(seed: int, number: int = 20, hours: float = 24.0) -> Iterator[Told]:
    """Yield device availability: failures in continuous time, looked at every five minutes, with some silence."""
    rng = np.random.default_rng([seed, 4])
    day = local_day(store_plan(1, "sim-store-a"), FIRST_DAY)
    looks = np.arange(day.start_us, day.end_us, SLOT_US)
    series, up_us = [], 0.0
    for device in range(number):
        spells = np.stack([rng.exponential(hours, 40), rng.exponential(2.0, 40)], axis=1).ravel() * 3.6e9
        edges = day.start_us + np.cumsum(spells)  # up first; the last look before the end tells
        begins, ends = np.concatenate([[day.start_us], edges[1::2]]), np.concatenate([edges[::2], [np.inf]])
        up_us += float(np.clip(np.minimum(ends, day.end_us) - np.minimum(begins, day.end_us), 0, None).sum())
        state = (np.searchsorted(edges, looks, "right") % 2 == 0).astype(float)
        kept = np.ones(looks.size, dtype=np.bool_)
        if rng.random() < 0.5:
            start = day.start_us + rng.random() * 22 * 3.6e9
            kept = (looks < start) | (looks >= start + rng.uniform(0.5, 3.0) * 3.6e9)
        series.append(observed("device_online", looks[kept], state[kept], device=f"d{device}", kind=Kind.STATE))
    detail = availability.measure(inputs(window_of([day]), series)).detail
    true = up_us / (number * (day.end_us - day.start_us))
    yield Told("availability of devices", detail["likely_low"], detail["likely_high"], true)


def _doors(
    store: StorePlan, days: list[LocalDay], rng: np.random.Generator, false: float, *, gaps: bool
) -> tuple[list[Observed], list[Audit]]:
    """Return the counters' series over the days, and their audits."""
    silent = _silent(days, rng) if gaps else np.zeros(0, dtype=np.int64)
    seen: dict[tuple[str, str], list[np.ndarray[tuple[int], np.dtype[np.float64]]]] = {}
    starts = np.concatenate([np.arange(day.start_us, day.end_us, SLOT_US) for day in days])
    for day in days:
        for each in true_traffic.observe(store, day):
            seen.setdefault((each.series.device, each.series.quantity), []).append(np.array(each.value))
    series, audits = [], []
    devices_of = {device.device_id: device for device in store.devices_of("traffic")}
    kept = ~np.isin(starts, silent)
    for (device, quantity), parts in sorted(seen.items()):
        value = np.concatenate(parts)
        value = value + rng.poisson(false * value)
        series.append(observed(quantity, starts[kept], value[kept], device=device))
        manual = true_traffic.AUDITED_CROSSINGS
        if not false:
            audits.append(Audit(device, quantity, manual, true_traffic.audit(store, devices_of[device], quantity)))
            continue
        each_time = manual // AUDITS
        missed = true_traffic.missed_share(store, devices_of[device])
        for _ in range(AUDITS):
            caught = rng.binomial(each_time, 1 - missed)
            audits.append(Audit(device, quantity, each_time, int(caught + rng.poisson(false * caught))))
    return series, audits


def _silent(days: list[LocalDay], rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the slots whose counts were lost: some gaps of up to two hours, sometimes a quarter of a day."""
    lengths = [*rng.integers(1, 25, 4), *([72] if rng.random() < 0.25 else [])]
    gaps = [
        days[rng.integers(len(days))].start_us + (int(rng.integers(0, 288 - length)) + np.arange(length)) * SLOT_US
        for length in lengths
    ]
    return np.concatenate(gaps).astype(np.int64)


def _meter(store: StorePlan, days: list[LocalDay]) -> Observed:
    device = next(store.devices_of("energy")).device_id
    seen = [o for n, day in enumerate(days) for o in true_energy.observe(store, day, opening=n == 0)]
    mine = [o for o in seen if o.series.device == device]
    return observed(
        "active_energy", np.concatenate([o.t_us for o in mine]), np.concatenate([o.value for o in mine]),
        device=device, kind=Kind.CUMULATIVE, period_s=900.0, counter=Counter(width_bits=None, reset=Reset.NEVER),
    )  # fmt: skip
