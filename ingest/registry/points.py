"""The kinds of point that a store may have, by facility, and what is observed at each."""

from __future__ import annotations

POINT_KINDS: dict[str, frozenset[str]] = {
    "door_line": frozenset({"entries", "exits"}),
    "shelf_position": frozenset({"stock_units"}),
    "shelf_label": frozenset(
        {"label_updates_requested", "label_updates_confirmed", "label_updates_failed", "label_update_latency"}
    ),
    "main_meter": frozenset({"active_energy"}),
    "sub_meter": frozenset({"active_energy"}),
    "air_zone": frozenset({"carbon_dioxide", "temperature", "relative_humidity"}),
    "chilled_cabinet": frozenset({"temperature", "door_open"}),
    "frozen_cabinet": frozenset({"temperature", "door_open"}),
    "parking_bay": frozenset({"bay_occupied"}),
    "self_checkout": frozenset({"transactions", "items_scanned", "equipment_running", "equipment_fault"}),
    "pavement_line": frozenset({"passages", "entries", "exits"}),
    "till": frozenset({"transactions"}),
    "counted_zone": frozenset({"occupancy", "zone_dwell"}),
    "queue_zone": frozenset({"occupancy"}),
    "car_park": frozenset({"vehicles_present"}),
    "screen": frozenset({"screen_online", "screen_plays"}),
}
"""Kinds of point, with the quantities that are observed at them; ``device_online`` may stand at any."""

FACILITY_KINDS: dict[str, frozenset[str]] = {
    "traffic": frozenset({"door_line", "pavement_line", "till", "counted_zone", "queue_zone"}),
    "shelves": frozenset({"shelf_position"}),
    "labels": frozenset({"shelf_label"}),
    "energy": frozenset({"main_meter", "sub_meter"}),
    "air": frozenset({"air_zone"}),
    "cold_chain": frozenset({"chilled_cabinet", "frozen_cabinet"}),
    "parking": frozenset({"parking_bay", "car_park"}),
    "screens": frozenset({"screen"}),
    "checkout": frozenset({"self_checkout"}),
}
"""Facilities, with the kinds of point that belong to them."""
