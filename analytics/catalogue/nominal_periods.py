"""The period of a series that nobody has told yet."""

from __future__ import annotations

from types import MappingProxyType

NOMINAL_PERIOD_S = MappingProxyType(
    {
        "entries": 300.0,
        "exits": 300.0,
        "stock_units": 60.0,
        "label_updates_requested": 900.0,
        "label_updates_confirmed": 900.0,
        "label_updates_failed": 900.0,
        "active_energy": 900.0,
        "carbon_dioxide": 60.0,
        "temperature": 60.0,
        "door_open": 3600.0,
        "relative_humidity": 60.0,
        "bay_occupied": 3600.0,
        "vehicles_present": 300.0,
        "label_update_latency": 900.0,
        "screen_online": 300.0,
        "screen_plays": 900.0,
        "equipment_running": 300.0,
        "equipment_fault": 300.0,
        "transactions": 900.0,
        "items_scanned": 900.0,
        "device_online": 300.0,
        "passages": 300.0,
        "occupancy": 60.0,
        "zone_dwell": 300.0,
    }
)
"""Period at which a registered series is expected that has never said its own, nor any other of its quantity here."""
