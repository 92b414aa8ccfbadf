"""The catalogue of metrics: one frozen record each, with its names, formula, source and function."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from analytics.metrics import air, availability, cold_chain, energy, labels, parking, peaks, shelves, traffic
from analytics.metrics.inputs import Measure
from analytics.results import Facility


class Basis(Enum):
    """The time over which a metric needs readings."""

    WINDOW = "window"
    OPENING_HOURS = "opening_hours"
    BUSINESS_DAYS = "business_days"
    """From the start of the business day in which the window begins."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: everything that a page, a catalogue or an evaluator asks about it, and the function itself."""

    name: str
    name_en: str
    name_zh: str
    unit: str
    facility: Facility
    point_kinds: frozenset[str]
    """Kinds of point that it concerns; empty: every registered device."""
    quantities: tuple[str, ...]
    formula: str
    source: str
    edge_cases: str
    measure: Measure
    formula_version: int = 1
    basis: Basis = Basis.WINDOW
    perimeter_only: bool = False
    completeness_floor: float = 0.9
    tolerance: float = 0.0
    """Relative tolerance of a recomputation; 0: exact."""
    limits: tuple[str, ...] = ()
    """Keys of the limits that it applies."""
    periods_before: int = 0
    """Periods before the window whose readings its bounds need."""
    summable: bool = False
    """Whether a district's figure is the sum of its stores'."""


NOMINAL_PERIOD_S = MappingProxyType(
    {
        "entries": 300.0,
        "exits": 300.0,
        "stock_units": 60.0,
        "label_updates_requested": 900.0,
        "label_updates_confirmed": 900.0,
        "label_updates_failed": 900.0,
        "active_energy": 900.0,
        "carbon_dioxide": 60.0,
        "temperature": 60.0,
        "relative_humidity": 60.0,
        "bay_occupied": 3600.0,
        "device_online": 300.0,
    }
)
"""Period at which a registered series is expected that has never said its own, nor any other of its quantity here."""

_DOOR = frozenset({"door_line"})
_BOTH_WAYS = ("entries", "exits")
_DOORS_NOTE = "perimeter doors only; a device mounted inverted is turned round by the registry; staff are included"
_FOOTFALL_SOURCE = "RetailNext glossary, traffic in and traffic out; Prometheus' increase for registers"

_METRICS = (
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
        "on_shelf_availability", "on-shelf availability", "货架有货率", "ratio", Facility.SHELVES,
        frozenset({"shelf_position"}), ("stock_units",),
        "position-time with stock_units >= 1 / observed position-time, in opening hours",
        "ECR, on-shelf availability (ecrireland.ie/osa)",
        "time without readings is in neither part; a shelf emptied and refilled between two readings isn't seen",
        shelves.measure, basis=Basis.OPENING_HOURS, tolerance=1e-12,
    ),
    Metric(
        "label_update_success", "label update success", "价签更新成功率", "ratio", Facility.LABELS,
        frozenset({"shelf_label"}), (labels.REQUESTED, labels.CONFIRMED, labels.FAILED),
        "confirmed / requested; pending = requested - confirmed - failed, either way in the bounds",
        "update states of SoluM, Hanshow and OpenEPaperLink gateways",
        "undefined without a request; answers to earlier requests may lift it above 1, the bounds say by how much",
        labels.measure, periods_before=1, tolerance=1e-12,
    ),
    Metric(
        "energy_use", "energy use", "用电量", "kWh", Facility.ENERGY, frozenset({"main_meter"}), ("active_energy",),
        "sum of non-negative increments of the main meters' registers, with reset and wrap rules",
        "devices' registers (IEC 62056-61, 1-0:1.8.0); Prometheus' increase",
        "an increment across an edge counts by its share of time; a gap's increment is right, its split is not",
        energy.measure, tolerance=1e-9, summable=True,
    ),
    Metric(
        "carbon_dioxide_compliance", "carbon dioxide within limit", "二氧化碳达标率", "ratio", Facility.AIR,
        frozenset({"air_zone"}), ("carbon_dioxide",),
        "valid local hours in opening hours with one-hour mean <= limit / valid hours, over zones",
        "GB 37488-2019; GB 3095-2012 for the 45 minutes of a valid hour",
        "an hour cut by window or opening hours is not judged; hours under 45 minutes are invalid",
        air.measure, basis=Basis.OPENING_HOURS, tolerance=1e-12, limits=("carbon_dioxide.store_max",),
    ),
    Metric(
        "cold_chain_time_in_band", "cold chain time in band", "冷链温度达标时间占比", "ratio", Facility.COLD_CHAIN,
        frozenset({"chilled_cabinet", "frozen_cabinet"}), ("temperature",),
        "cabinet-time in band / observed cabinet-time; chilled (0, 8] degC, frozen <= -18 degC",
        "GB/T 24616-2019",
        "air sensors lag the product; defrosts count; time without readings is in neither part",
        cold_chain.measure, tolerance=1e-12,
        limits=("cold_chain.chilled_above", "cold_chain.chilled_max", "cold_chain.frozen_max"),
    ),
    Metric(
        "parking_occupancy", "parking occupancy", "车位占用率", "ratio", Facility.PARKING,
        frozenset({"parking_bay"}), ("bay_occupied",),
        "occupied bay-time / available bay-time",
        "parking studies: utilisation = space-hours occupied / space-hours available",
        "a bay silent for longer than its heartbeat leaves the denominator",
        parking.measure, tolerance=1e-12,
    ),
    Metric(
        "device_availability", "device availability", "设备在线率", "ratio", Facility.SENSING,
        frozenset(), ("device_online",),
        "device-time online / device-time for which the agent says",
        "availability = uptime / (uptime + downtime), DAU glossary",
        "maintenance counts as downtime; silence of the agent is missing, neither up nor down",
        availability.measure, tolerance=1e-12,
    ),
)  # fmt: skip

METRICS = MappingProxyType({metric.name: metric for metric in _METRICS})
"""The catalogue by name, in the order of the answer."""
