"""Sensing devices and the quality of what they report: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Metric
from analytics.metrics import availability, quality, reliability
from analytics.results import Facility

_ONLINE = ("device_online",)
_NOT_SEEN = "what begins and ends between two looks isn't seen; a device that is only slow to answer counts as down"

METRICS = (
    Metric(
        "device_availability", "device availability", "设备在线率", "ratio", Facility.SENSING,
        frozenset(), _ONLINE,
        "device-time online / device-time for which the agent says",
        "availability = uptime / (uptime + downtime), DAU glossary",
        "maintenance counts as downtime; silence of the agent is missing, neither up nor down",
        availability.measure, tolerance=1e-12,
    ),
    Metric(
        "device_failures", "device failures", "设备故障次数", "count", Facility.SENSING, frozenset(), _ONLINE,
        "number of times that a device was seen to go from online to not",
        "failures as in MTBF = operating time / failures, DAU glossary", _NOT_SEEN,
        reliability.measure_failures, summable=True,
    ),
    Metric(
        "device_time_between_failures", "mean time between failures", "平均故障间隔时间", "d", Facility.SENSING,
        frozenset(), _ONLINE,
        "operating time / failures, over all devices",
        "MTBF, DAU glossary; chi-square bounds of a time-terminated test",
        "without a failure there is no value but a bound: 2T / chi2(0.95, 2) in the detail; constant rate assumed",
        reliability.measure_time_between, tolerance=1e-9,
    ),
    Metric(
        "device_time_to_repair", "mean time to repair", "平均修复时间", "min", Facility.SENSING, frozenset(), _ONLINE,
        "downtime / repairs, of failures that began and ended in the window",
        "MTTR, DAU glossary",
        "a failure that is open at the end or began before is left out, which shortens the mean; the delay until a "
        "change is noticed is in the detail",
        reliability.measure_time_to_repair, tolerance=1e-9,
    ),
    Metric(
        "data_completeness", "data completeness", "数据完整率", "ratio", Facility.SENSING, frozenset(), (),
        "readings received / readings expected, over every registered series",
        "completeness of ISO/IEC 25012",
        "late data moves it; series of single events expect nothing; whole periods, time zone changes included",
        quality.measure_completeness, completeness_floor=0.0, tolerance=1e-12,
    ),
    Metric(
        "data_timeliness", "data timeliness", "数据及时率", "ratio", Facility.SENSING, frozenset(), (),
        "live readings received within the limit after their time / live readings not received before their time",
        "time of receipt - device time; currentness of ISO/IEC 25012",
        "readings from before their own time stand apart: a fast clock; an interval is one at its end; replayed, "
        "imported and entered readings are left out",
        quality.measure_timeliness, completeness_floor=0.0, tolerance=1e-12, limits=(quality.DELAY,), deliveries=True,
    ),
    Metric(
        "data_validity", "data validity", "数据有效率", "ratio", Facility.SENSING, frozenset(), (),
        "readings without a doubtful flag / (readings received + payloads that decoders refused)",
        "flags of the wire contract; accuracy of ISO/IEC 25012",
        "a refused payload counts as one reading; lateness is no doubt",
        quality.measure_validity, completeness_floor=0.0, tolerance=1e-12, deliveries=True,
    ),
    Metric(
        "data_order", "readings in order and once", "数据有序且不重复率", "ratio", Facility.SENSING, frozenset(), (),
        "live readings received before any later one of their series / (live readings + duplicates + corrections)",
        "order of receipt by the ledger; consistency of ISO/IEC 25012",
        "a backlog that live readings overtake is out of order, not lost; batches sent again are no duplicates",
        quality.measure_order, completeness_floor=0.0, tolerance=1e-12, deliveries=True,
    ),
    Metric(
        "clock_offset", "clock furthest off", "最大时钟偏差", "s", Facility.SENSING, frozenset(), (),
        "of each device and local day min(time of receipt - device time); the one of the largest amount",
        "rolling minimum of receipt - device time",
        "the way of a reading is part of it, so a small positive one is no fault; negative: the clock is fast",
        quality.measure_clock_offset, completeness_floor=0.0, tolerance=1e-9, deliveries=True,
    ),
)  # fmt: skip
