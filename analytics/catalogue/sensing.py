"""Sensing devices: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Metric
from analytics.metrics import availability
from analytics.results import Facility

METRICS = (
    Metric(
        "device_availability", "device availability", "设备在线率", "ratio", Facility.SENSING,
        frozenset(), ("device_online",),
        "device-time online / device-time for which the agent says",
        "availability = uptime / (uptime + downtime), DAU glossary",
        "maintenance counts as downtime; silence of the agent is missing, neither up nor down",
        availability.measure, tolerance=1e-12,
    ),
)  # fmt: skip
