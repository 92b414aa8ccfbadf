"""Parking: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Metric
from analytics.metrics import parking
from analytics.results import Facility

METRICS = (
    Metric(
        "parking_occupancy", "parking occupancy", "车位占用率", "ratio", Facility.PARKING,
        frozenset({"parking_bay"}), ("bay_occupied",),
        "occupied bay-time / available bay-time",
        "parking studies: utilisation = space-hours occupied / space-hours available",
        "a bay silent for longer than its heartbeat leaves the denominator",
        parking.measure, tolerance=1e-12,
    ),
)  # fmt: skip
