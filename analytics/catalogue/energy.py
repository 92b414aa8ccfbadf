"""Energy: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Metric
from analytics.metrics import energy
from analytics.results import Facility

METRICS = (
    Metric(
        "energy_use", "energy use", "用电量", "kWh", Facility.ENERGY, frozenset({"main_meter"}), ("active_energy",),
        "sum of non-negative increments of the main meters' registers, with reset and wrap rules",
        "devices' registers (IEC 62056-61, 1-0:1.8.0); Prometheus' increase",
        "an increment across an edge counts by its share of time; a gap's increment is right, its split is not",
        energy.measure, tolerance=1e-9, summable=True,
    ),
)  # fmt: skip
