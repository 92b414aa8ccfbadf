"""Footfall: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Basis, Metric
from analytics.metrics import audits, peaks, traffic
from analytics.results import Facility

_DOOR = frozenset({"door_line"})
_BOTH_WAYS = ("entries", "exits")
_DOORS_NOTE = "perimeter doors only; a device mounted inverted is turned round by the registry; staff are included"
_FOOTFALL_SOURCE = "RetailNext glossary, traffic in and traffic out; Prometheus' increase for registers"

METRICS = (
    Metric(
        "footfall_entries", "footfall, entries", "客流进入人次", "count", Facility.TRAFFIC, _DOOR, _BOTH_WAYS,
        "sum of entries over perimeter doors; of a register: sum of its increments, with reset and wrap rules",
        _FOOTFALL_SOURCE, _DOORS_NOTE, traffic.measure_entries, perimeter_only=True, summable=True,
    ),
    Metric(
        "footfall_exits", "footfall, exits", "客流离开人次", "count", Facility.TRAFFIC, _DOOR, _BOTH_WAYS,
        "sum of exits over perimeter doors; of a register: sum of its increments, with reset and wrap rules",
        _FOOTFALL_SOURCE, _DOORS_NOTE, traffic.measure_exits, perimeter_only=True,
    ),
    Metric(
        "net_closure", "net closure", "进出闭合率", "ratio", Facility.TRAFFIC, _DOOR, _BOTH_WAYS,
        "1 - |entries - exits| / (entries + exits)",
        "StoreTraffic, accuracy calculator",
        "needs every door; shows whether the counters agree with each other, not with the truth; undefined if empty",
        traffic.measure_net_closure, perimeter_only=True, completeness_floor=0.95, tolerance=1e-12,
    ),
    Metric(
        "count_accuracy", "accuracy of counters", "计数准确率", "ratio", Facility.TRAFFIC, _DOOR, _BOTH_WAYS,
        "1 - sum |C - G| / sum G over audits, C the device's count, G the manual one; per direction in the detail",
        "E. B. Wilson 1927 for the interval; makers claim 98 to 99.5 %",
        "errors of either sign add up over audits, within one they may cancel; inner doors' counters are included",
        audits.measure_accuracy, completeness_floor=0.0, tolerance=1e-12,
    ),
    Metric(
        "audit_age", "age of the oldest last audit", "最近核验距今天数", "d", Facility.TRAFFIC, _DOOR, _BOTH_WAYS,
        "days from the last audit of each counter to the window's end; the greatest",
        "dates of audits.csv, project definition",
        "counters that were never audited are named in the detail",
        audits.measure_age, completeness_floor=0.0,
    ),
    Metric(
        "occupancy_peak", "peak occupancy", "在场人数峰值", "count", Facility.TRAFFIC, _DOOR, _BOTH_WAYS,
        "max over slots of O, O = max(0, O + in - out), reset at each business day's start; raw sum in the detail",
        "PreCount, doi 10.1186/s42162-018-0016-4; reflected walk, Lindley 1952",
        "clamping hides negative drift and so biases upward; a window that begins within a business day needs it whole",
        peaks.measure_occupancy_peak, basis=Basis.BUSINESS_DAYS, perimeter_only=True, completeness_floor=0.95,
    ),
    Metric(
        "peak_hour", "entries of the peak hour", "高峰小时进入人次", "count", Facility.TRAFFIC, _DOOR, _BOTH_WAYS,
        "max over local clock hours of entries",
        "clock-hour maximum, project definition",
        "earliest on ties; hours cut by the window or received below 90 % are dropped; a repeated hour stands twice",
        peaks.measure_peak_hour, perimeter_only=True,
    ),
    Metric(
        "typical_peak_hour", "typical peak hour", "典型高峰时段", "h", Facility.TRAFFIC, _DOOR, _BOTH_WAYS,
        "argmax over the local hour of day of the mean entries of its occurrences",
        "mean profile by local hour, project definition",
        "earliest on ties; hours as for the peak hour",
        peaks.measure_typical_peak_hour, perimeter_only=True,
    ),
    Metric(
        "busiest_day", "entries of the busiest day", "客流最高日进入人次", "count", Facility.TRAFFIC, _DOOR, _BOTH_WAYS,
        "max over business days of entries",
        "business-day maximum, project definition",
        "earliest on ties; a day that the window cuts counts with its part; days received below 90 % are dropped",
        peaks.measure_busiest_day, perimeter_only=True,
    ),
)  # fmt: skip
