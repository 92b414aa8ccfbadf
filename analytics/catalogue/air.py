"""Air: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Basis, Metric
from analytics.metrics import air
from analytics.results import Facility

METRICS = (
    Metric(
        "carbon_dioxide_compliance", "carbon dioxide within limit", "二氧化碳达标率", "ratio", Facility.AIR,
        frozenset({"air_zone"}), ("carbon_dioxide",),
        "valid local hours in opening hours with one-hour mean <= limit / valid hours, over zones",
        "GB 37488-2019; GB 3095-2012 for the 45 minutes of a valid hour",
        "an hour cut by window or opening hours is not judged; hours under 45 minutes are invalid",
        air.measure, basis=Basis.OPENING_HOURS, tolerance=1e-12, limits=("carbon_dioxide.store_max",),
    ),
)  # fmt: skip
