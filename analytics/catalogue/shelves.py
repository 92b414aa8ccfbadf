"""Shelves: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Basis, Metric
from analytics.metrics import shelves
from analytics.results import Facility

METRICS = (
    Metric(
        "on_shelf_availability", "on-shelf availability", "货架有货率", "ratio", Facility.SHELVES,
        frozenset({"shelf_position"}), ("stock_units",),
        "position-time with stock_units >= 1 / observed position-time, in opening hours",
        "ECR, on-shelf availability (ecrireland.ie/osa)",
        "time without readings is in neither part; a shelf emptied and refilled between two readings isn't seen",
        shelves.measure, basis=Basis.OPENING_HOURS, tolerance=1e-12,
    ),
)  # fmt: skip
