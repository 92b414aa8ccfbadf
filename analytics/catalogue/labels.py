"""Shelf labels: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Metric
from analytics.metrics import label_latency, labels
from analytics.results import Facility

_TIMED = (label_latency.LATENCY, labels.REQUESTED, labels.CONFIRMED, labels.FAILED)
_LATENCY_SOURCE = "requested and completed dates of SoluM's AIMS; Kaplan and Meier 1958"
_LATENCY_NOTE = (
    "by confirmations in the window; open updates are taken to wait for longer than every confirmed one; of gateways "
    "that tell how long an update took alone"
)

METRICS = (
    Metric(
        "label_update_success", "label update success", "价签更新成功率", "ratio", Facility.LABELS,
        frozenset({"shelf_label"}), (labels.REQUESTED, labels.CONFIRMED, labels.FAILED),
        "confirmed / requested; pending = requested - confirmed - failed, either way in the bounds",
        "update states of SoluM, Hanshow and OpenEPaperLink gateways",
        "undefined without a request; answers to earlier requests may lift it above 1, the bounds say by how much",
        labels.measure, periods_before=1, tolerance=1e-12,
    ),
    Metric(
        "label_update_latency_median", "time to update a label, median", "价签更新耗时中位数", "s", Facility.LABELS,
        frozenset({"shelf_label"}), _TIMED,
        "median by Kaplan-Meier of confirmation - request; failed and pending updates are censored",
        _LATENCY_SOURCE, _LATENCY_NOTE, label_latency.measure_median, tolerance=1e-12,
    ),
    Metric(
        "label_update_latency_p95", "time to update a label, 95th percentile", "价签更新耗时95分位", "s",
        Facility.LABELS, frozenset({"shelf_label"}), _TIMED,
        "95th percentile by Kaplan-Meier of confirmation - request; failed and pending updates are censored",
        _LATENCY_SOURCE, _LATENCY_NOTE + "; none is given where more than 5 % are open",
        label_latency.measure_p95, tolerance=1e-12,
    ),
)  # fmt: skip
