"""Energy: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Metric
from analytics.metrics import energy, energy_load, energy_ratios
from analytics.results import Facility

_MAIN = frozenset({"main_meter"})
_REGISTER = ("active_energy",)
_EDGES = "an increment across an edge counts by its share of time; a gap's increment is right, its split is not"

METRICS = (
    Metric(
        "energy_use", "energy use", "用电量", "kWh", Facility.ENERGY, _MAIN, _REGISTER,
        "sum of non-negative increments of the main meters' registers, with reset and wrap rules",
        "devices' registers (IEC 62056-61, 1-0:1.8.0); Prometheus' increase",
        _EDGES, energy.measure, tolerance=1e-9, summable=True,
    ),
    Metric(
        "energy_sub_metered_share", "share of energy with sub meters", "分项计量电量占比", "ratio", Facility.ENERGY,
        _MAIN | {energy.SUB_METER}, _REGISTER,
        "sum of sub meters' kWh / sum of main meters' kWh",
        "project definition",
        "0 where no sub meter is registered; nested sub meters would count twice; above 1 is shown as it is",
        energy_ratios.measure_sub_metered_share, tolerance=1e-9,
    ),
    Metric(
        "energy_intensity", "energy per floor area", "单位面积用电量", "kWh/m2", Facility.ENERGY, _MAIN, _REGISTER,
        "main meters' kWh in the window / registered floor area in m2",
        "energy use intensity; Building Data Genome 2, doi 10.1038/s41597-020-00712-x",
        "the kind of area (gross, sales, leasable) is in the detail: compare like with like; per year as a detail only",
        energy_ratios.measure_per_area, tolerance=1e-9,
    ),
    Metric(
        "energy_per_visitor", "energy per visitor", "人均用电量", "kWh/visitor", Facility.ENERGY, _MAIN,
        (*_REGISTER, "entries", "exits"),
        "main meters' kWh / entries through perimeter doors, a ratio of sums",
        "ratio of energy use to footfall as both are defined here",
        "undefined without visitors; never a mean of daily ratios; base load makes quiet windows dear",
        energy_ratios.measure_per_visitor, tolerance=1e-9, beside=frozenset({"door_line"}),
    ),
    Metric(
        "energy_night_load", "night-to-day load", "夜间与营业时段负荷比", "ratio", Facility.ENERGY, _MAIN, _REGISTER,
        "(kWh of closed hours / closed hours) / (kWh of opening hours / opening hours)",
        "project definition, by the registered opening hours",
        "undefined where the window has no closed or no opening hours; refrigeration runs at night and belongs there",
        energy_load.measure_night_load, tolerance=1e-9,
    ),
    Metric(
        "energy_peak_demand", "peak demand", "最大需量", "kW", Facility.ENERGY, _MAIN, _REGISTER,
        "max over quarters of an hour of the main meters' kWh in the quarter x 4",
        "maximum demand over 15 minutes, the averaging time of meters for billing (DL/T 645-2007, demand)",
        "whole quarters of the clock; a register read less often than that bounds the peak widely",
        energy_load.measure_peak_demand, tolerance=1e-9,
    ),
)  # fmt: skip
