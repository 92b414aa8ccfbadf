"""Footfall: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Basis, Metric
from analytics.metrics import (
    audits,
    capture,
    conversion,
    dwell,
    mean_occupancy,
    peaks,
    queues,
    small_cells,
    traffic,
    zones,
)
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
    Metric(
        "occupancy_mean", "mean occupancy", "平均在场人数", "persons", Facility.TRAFFIC, _DOOR, _BOTH_WAYS,
        "integral of O over the opening hours / opening hours; O scaled so that out = in on days that end empty, else "
        "less the drift that past days teach, else clamped at zero",
        "PreCount, doi 10.1186/s42162-018-0016-4; reflected walk, Lindley 1952",
        "as counted, misses not added; a day open at its start or cut by the window isn't scaled; people come and go "
        "evenly within a slot; learning needs five whole days before it in the window",
        mean_occupancy.measure_occupancy, basis=Basis.BUSINESS_DAYS, perimeter_only=True, completeness_floor=0.95,
        tolerance=1e-9,
    ),
    Metric(
        "capacity_use", "use of capacity", "容量使用率", "ratio", Facility.TRAFFIC, _DOOR, _BOTH_WAYS,
        "mean occupancy over the opening hours / capacity of the store",
        "scenic-area capacity guide, by analogy, for the share at which to warn; capacity as registered",
        "undefined without a registered capacity; above 100 % is shown; minutes over a level are those of whole slots",
        mean_occupancy.measure_capacity_use, basis=Basis.BUSINESS_DAYS, perimeter_only=True, completeness_floor=0.95,
        tolerance=1e-9, limits=(mean_occupancy.WARN_RATIO,),
    ),
    Metric(
        "dwell_mean", "mean stay in the store", "平均停留时长", "min", Facility.TRAFFIC, _DOOR, _BOTH_WAYS,
        "W = mean(O) / lambda over business days that begin and end empty, O scaled so that out = in",
        "Little, Operations Research 9 (1961) 383",
        "staff are included and lengthen it; undefined for a store that never empties and where nobody came; counters "
        "that miss more in crowds move it",
        dwell.measure_store, basis=Basis.BUSINESS_DAYS, perimeter_only=True, completeness_floor=0.95, tolerance=1e-9,
    ),
    Metric(
        "zone_dwell_mean", "mean stay in the counted zones", "区域平均停留时长", "min", Facility.TRAFFIC,
        frozenset({zones.COUNTED_ZONE}), ("zone_dwell", "occupancy"),
        "sum(n d) / sum(n) over the devices' means d of a period, n = persons present / d",
        "devices' own mean stay of a period (Milesight VS12x and VS13x, region_N_avg_dwell); weights by Little 1961",
        "no histogram of stays is sent; zones too small to be shown are left out; broken tracks shorten it",
        dwell.measure_zones, basis=Basis.OPENING_HOURS, tolerance=1e-9, limits=(small_cells.FEWEST,),
    ),
    Metric(
        "capture_rate", "turn-in rate", "进店率", "ratio", Facility.TRAFFIC, frozenset({capture.PAVEMENT}),
        ("passages", "entries", "exits"),
        "entries through perimeter doors / passers-by, over the opening hours that both sides were seen",
        "Bumbee Labs, retail metrics glossary: capture rate",
        "passages, or both directions of a line that has none; above 100 % is flagged, not cut off; the line must see "
        "the side of the street on which the doors are",
        capture.measure, basis=Basis.OPENING_HOURS, tolerance=1e-12, beside=_DOOR,
    ),
    Metric(
        "conversion_rate", "conversion", "提袋率", "ratio", Facility.TRAFFIC, frozenset(conversion.CHECKOUTS),
        ("transactions", "entries", "exits"),
        "transactions at tills and self-checkouts / entries through perimeter doors, over the time that both were seen",
        "RetailNext, conversion: 10 entries, 5 receipts = 50 %",
        "per person, not per party; several receipts of one visit count each; above 100 % is flagged, not cut off; "
        "whoever buys after the window's end isn't in it",
        conversion.measure, tolerance=1e-12, beside=_DOOR,
    ),
    Metric(
        "zone_heat", "heat of the counted zones", "区域热度", "person_min_per_m2", Facility.TRAFFIC,
        frozenset({zones.COUNTED_ZONE}), ("occupancy",),
        "integral of the persons in the zones over the opening hours / area of the zones; share = zone / sum of zones",
        "person-time per area, project definition; trapezoid between readings",
        "zones that overlap count their people twice; a device that counts in one byte stops at 255; zones with fewer "
        "persons at once than a cell must have are hidden, a single one with the next smallest",
        zones.measure, basis=Basis.OPENING_HOURS, tolerance=1e-9, limits=(small_cells.FEWEST,),
    ),
    Metric(
        "queue_length_mean", "mean queue length", "平均排队人数", "persons", Facility.TRAFFIC,
        frozenset({queues.QUEUE}), ("occupancy",),
        "integral of the persons waiting over the opening hours / observed queue-time",
        "mean number in queue, Little 1961",
        "of several queues the mean of each; staff and passers in the zone are included",
        queues.measure_length, basis=Basis.OPENING_HOURS, tolerance=1e-9,
    ),
    Metric(
        "queue_wait_mean", "mean wait in the queue", "平均排队时长", "s", Facility.TRAFFIC,
        frozenset({queues.QUEUE, "till"}), ("occupancy", "transactions"),
        "W = person-time in the queue zones / transactions at tills, over the time that both were seen",
        "Little, Operations Research 9 (1961) 383",
        "people who leave the queue unserved inflate it; over a window that begins or ends with a queue it is "
        "approximate; undefined without a receipt",
        queues.measure_wait, tolerance=1e-9,
    ),
    Metric(
        "queue_time_over_limit", "time with a queue over the limit", "排队超限时间占比", "ratio", Facility.TRAFFIC,
        frozenset({queues.QUEUE}), ("occupancy",),
        "queue-time with more persons waiting than the limit / observed queue-time, in opening hours",
        "share of time over a limit, project definition",
        "of time, not of people; what a queue does between two readings isn't seen, so no bounds are given",
        queues.measure_time_over_limit, basis=Basis.OPENING_HOURS, tolerance=1e-12, limits=(queues.LONGEST,),
    ),
)  # fmt: skip
