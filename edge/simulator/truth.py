"""The simulator's own truth under the names of the metrics, taken before any sensor looks."""

from __future__ import annotations

import math
from collections.abc import Callable

from edge.simulator import (
    air,
    cold_chain,
    counted_zones,
    energy,
    labels,
    parking,
    passers,
    sensing,
    shelves,
    tills,
    traffic,
)
from edge.simulator.local_day import MINUTE_US, SECOND_US, LocalDay, days_touching
from edge.simulator.site import StorePlan

_Ratio = Callable[[StorePlan, LocalDay, int, int], tuple[float, float]]

_RATIOS: dict[str, tuple[str, _Ratio]] = {
    "on_shelf_availability": ("shelves", shelves.true_available_us),
    "label_update_success": ("labels", labels.true_updates),
    "carbon_dioxide_compliance": ("air", air.true_hours),
    "cold_chain_time_in_band": ("cold_chain", cold_chain.true_in_band_us),
    "parking_occupancy": ("parking", parking.true_occupied_us),
}


def truth(store: StorePlan, start_us: int, end_us: int) -> dict[str, float]:
    """Return the true value of each metric over a half-open window; ratios are between 0 and 1.

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
    for name, (facility, part) in _RATIOS.items():
        if any(True for _ in store.devices_of(facility)):
            values[name] = _ratio(part, store, days, start_us, end_us)
    values |= _people(store, days, start_us, end_us)
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
    if store.habits.tills:
        values["conversion_rate"] = _ratio(tills.true_conversion, store, days, start_us, end_us)
        values["queue_length_mean"] = _ratio(tills.true_queue_us, store, days, start_us, end_us)
        values["queue_wait_mean"] = _ratio(tills.true_wait_us, store, days, start_us, end_us) / SECOND_US
    if store.habits.counted_zones and not math.isnan(occupancy):
        values["zone_heat"] = math.fsum(counted_zones.true_heat(store, day, start_us, end_us) for day in days)
        values["zone_dwell_mean"] = _ratio(counted_zones.true_stay_min, store, days, start_us, end_us)
    return values


def _ratio(part: _Ratio, store: StorePlan, days: list[LocalDay], start_us: int, end_us: int) -> float:
    """Return the ratio of sums over the days, NaN where there is nothing to relate to."""
    parts = [part(store, day, start_us, end_us) for day in days]
    whole = math.fsum(of for _, of in parts)
    return math.fsum(some for some, _ in parts) / whole if whole else math.nan
