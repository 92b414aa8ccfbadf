"""Shelf labels: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Metric
from analytics.metrics import labels
from analytics.results import Facility

METRICS = (
    Metric(
        "label_update_success", "label update success", "价签更新成功率", "ratio", Facility.LABELS,
        frozenset({"shelf_label"}), (labels.REQUESTED, labels.CONFIRMED, labels.FAILED),
        "confirmed / requested; pending = requested - confirmed - failed, either way in the bounds",
        "update states of SoluM, Hanshow and OpenEPaperLink gateways",
        "undefined without a request; answers to earlier requests may lift it above 1, the bounds say by how much",
        labels.measure, periods_before=1, tolerance=1e-12,
    ),
)  # fmt: skip
