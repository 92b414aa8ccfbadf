"""The simulator's own truth under the names of the metrics, taken before any sensor looks."""

from __future__ import annotations

import math
from collections.abc import Callable

from edge.simulator import (
    air,
    checkout,
    cold_chain,
    counted_zones,
    energy,
    labels,
    parking,
    passers,
    screens,
    sensing,
    shelves,
    tills,
    traffic,
)
from edge.simulator.local_day import MINUTE_US, SECOND_US, LocalDay, days_touching
from edge.simulator.site import Circuit, StorePlan

QUARTER_US = 15 * MINUTE_US

_Ratio = Callable[[StorePlan, LocalDay, int, int], tuple[float, float]]

_RATIOS: dict[str, tuple[str, _Ratio]] = {
    "on_shelf_availability": ("shelves", shelves.true_available_us),
    "label_update_success": ("labels", labels.true_updates),
    "carbon_dioxide_compliance": ("air", air.true_hours),
    "carbon_dioxide_indoor_compliance": ("air", air.true_indoor_hours),
    "cold_chain_time_in_band": ("cold_chain", cold_chain.true_in_band_us),
    "parking_occupancy": ("parking", parking.true_occupied_us),
    "parking_turnover": ("parking", parking.true_turnover),
    "parking_mean_stay": ("parking", parking.true_stay_min),
    "screen_availability": ("screens", screens.true_online_us),
    "checkout_availability": ("checkout", checkout.true_serving_us),
    "checkout_items_per_transaction": ("checkout", checkout.true_items),
}

_SUMS: dict[str, tuple[str, Callable[[StorePlan, LocalDay, int, int], int]]] = {
    "out_of_stock_spells": ("shelves", shelves.true_empty_spells),
    "screen_plays": ("screens", screens.true_plays),
    "checkout_transactions": ("checkout", checkout.true_transactions),
}


def truth(store: StorePlan, start_us: int, end_us: int) -> dict[str, float]:
    """Return the true value of each metric over a half-open window, in the metric's unit.

    A metric is absent where the store lacks the facility, where nothing is simulated behind it (labels without a
    gateway), and where the window holds nothing to relate to (no opening hours, no request).

    Raises
    ------
    ValueError
        If the window is empty.
    """
    if end_us <= start_us:
        msg = "the window is empty; its end must be after its start"
        raise ValueError(msg)
    days = list(days_touching(store, start_us, end_us))
    counts = [traffic.true_counts(store, day, start_us, end_us) for day in days]
    values = {
        "footfall_entries": float(sum(came for came, _ in counts)),
        "footfall_exits": float(sum(left for _, left in counts)),
        "energy_use": math.fsum(energy.true_energy_kwh(store, day, start_us, end_us) for day in days),
        "device_availability": _ratio(sensing.true_online_us, store, days, start_us, end_us),
    }
    values |= _of_energy(store, days, start_us, end_us)
    values |= _of_sensing(store, days, start_us, end_us)
    if store.habits.cabinets:
        values |= _of_cold_chain(store, days, start_us, end_us)
    for name, (facility, part) in _RATIOS.items():
        if any(True for _ in store.devices_of(facility)):
            values[name] = _ratio(part, store, days, start_us, end_us)
    values |= _people(store, days, start_us, end_us)
    for name, (facility, count) in _SUMS.items():
        if any(True for _ in store.devices_of(facility)):
            values[name] = float(sum(count(store, day, start_us, end_us) for day in days))
    if "on_shelf_availability" in values:
        values["out_of_stock_rate"] = 1 - values["on_shelf_availability"]
    if labels.is_timed(store):
        took_s = sorted(took for day in days for took in labels.true_latencies_s(store, day, start_us, end_us))
        values["label_update_latency_median"] = _reached(took_s, 0.5)
        values["label_update_latency_p95"] = _reached(took_s, 0.95)
    return {name: value for name, value in values.items() if not math.isnan(value)}


def _people(store: StorePlan, days: list[LocalDay], start_us: int, end_us: int) -> dict[str, float]:
    """Return what is known of people beyond the doors' counts; a stay in the store of whole days alone."""
    occupancy = _ratio(traffic.true_person_us, store, days, start_us, end_us)
    values = {"occupancy_mean": occupancy, "capacity_use": occupancy / store.capacity}
    if days[0].start_us == start_us and days[-1].end_us == end_us:
        spent = [traffic.true_stay_us(store, day) for day in days]
        values["dwell_mean"] = sum(us for us, _ in spent) / sum(people for _, people in spent) / MINUTE_US
    if store.habits.passers:
        values["capture_rate"] = _ratio(passers.true_capture, store, days, start_us, end_us)
    if store.habits.tills or store.habits.checkout:
        values["conversion_rate"] = _ratio(_receipts, store, days, start_us, end_us)
    if store.habits.tills:
        values["queue_length_mean"] = _ratio(tills.true_queue_us, store, days, start_us, end_us)
        values["queue_wait_mean"] = _ratio(tills.true_wait_us, store, days, start_us, end_us) / SECOND_US
    if store.habits.counted_zones and not math.isnan(occupancy):
        values["zone_heat"] = math.fsum(counted_zones.true_heat(store, day, start_us, end_us) for day in days)
        values["zone_dwell_mean"] = _ratio(counted_zones.true_stay_min, store, days, start_us, end_us)
    return values


def _receipts(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (receipts of tills and self-checkouts, people who came in) within a window."""
    at_tills = tills.true_receipts(store, day, start_us, end_us) if store.habits.tills else 0
    at_machines = checkout.true_transactions(store, day, start_us, end_us) if store.habits.checkout else 0
    return at_tills + at_machines, traffic.true_arrivals(store, day, start_us, end_us)


def _of_energy(store: StorePlan, days: list[LocalDay], start_us: int, end_us: int) -> dict[str, float]:
    """Return what energy is related to; as everywhere, NaN where there is nothing to relate to."""
    circuits, whole = store.habits.circuits, [(start_us, end_us)]
    opening = [span for day in days if (span := day.open_within(start_us, end_us))[0] < span[1]]
    open_us = sum(closes_us - opens_us for opens_us, closes_us in opening)
    closed_us = end_us - start_us - open_us

    def kwh(spans_us: list[tuple[int, int]], of: tuple[Circuit, ...] = circuits) -> float:
        return math.fsum(energy.true_circuits_kwh(store, day, spans_us, of) for day in days)

    used, in_opening = kwh(whole), kwh(opening)
    came = sum(traffic.true_counts(store, day, start_us, end_us)[0] for day in days)
    first = -(-start_us // QUARTER_US) * QUARTER_US
    quarters = range(first, end_us - QUARTER_US + 1, QUARTER_US)
    night = (used - in_opening) / closed_us / (in_opening / open_us) if open_us and closed_us else math.nan
    return {
        "energy_sub_metered_share": kwh(whole, tuple(energy.sub_metered(store))) / used,
        "energy_intensity": used / store.floor_area_m2,
        "energy_per_visitor": used / came if came else math.nan,
        "energy_night_load": night,
        "energy_peak_demand": max((4 * kwh([(t, t + QUARTER_US)]) for t in quarters), default=math.nan),
    }


def _of_sensing(store: StorePlan, days: list[LocalDay], start_us: int, end_us: int) -> dict[str, float]:
    """Return failures and repairs of devices, and how true their counters count."""
    outages = sensing.true_outages_us(store, days, start_us, end_us)
    ended = [until_us - since_us for since_us, until_us in outages if until_us <= end_us]
    missed = [traffic.missed_share(store, device) for device in store.devices_of("traffic")]
    return {
        "device_failures": float(len(outages)),
        "device_time_to_repair": sum(ended) / len(ended) / MINUTE_US if ended else math.nan,
        "count_accuracy": 1 - math.fsum(missed) / len(missed) if missed else math.nan,
    }


def _of_cold_chain(store: StorePlan, days: list[LocalDay], start_us: int, end_us: int) -> dict[str, float]:
    lasted_us = cold_chain.true_excursions_us(store, days, start_us, end_us)
    kinds = {"chilled": cold_chain.CHILLED_KIND, "frozen": cold_chain.FROZEN_KIND}
    kinetic = {
        f"{name}_kinetic_temperature": cold_chain.true_kinetic_c(store, days, (start_us, end_us), kind)
        for name, kind in kinds.items()
    }
    return {
        "cold_chain_excursions": float(len(lasted_us)),
        "cold_chain_excursion_time": sum(lasted_us) / MINUTE_US,
        **kinetic,
    }


def _ratio(part: _Ratio, store: StorePlan, days: list[LocalDay], start_us: int, end_us: int) -> float:
    """Return the ratio of sums over the days, NaN where there is nothing to relate to."""
    parts = [part(store, day, start_us, end_us) for day in days]
    whole = math.fsum(of for _, of in parts)
    return math.fsum(some for some, _ in parts) / whole if whole else math.nan


def _reached(took_s: list[float], share: float) -> float:
    """Return the time in which this share of ascending times (inf: never) is over, NaN where it never is."""
    took = took_s[max(0, math.ceil(share * len(took_s)) - 1)] if took_s else math.inf
    return took if math.isfinite(took) else math.nan
