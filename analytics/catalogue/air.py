"""Air: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Basis, Metric
from analytics.metrics import air, comfort
from analytics.results import Facility

_ZONE = frozenset({"air_zone"})
_CUT_HOURS = "an hour cut by window or opening hours is not judged; hours under 45 minutes are invalid"
_SOURCE = "GB 3095-2012 for the 45 minutes of a valid hour"
_SIDE_ERROR = "no bounds: a sensor declares the error of its carbon dioxide alone"

METRICS = (
    Metric(
        "carbon_dioxide_compliance", "carbon dioxide within limit", "二氧化碳达标率", "ratio", Facility.AIR,
        _ZONE, ("carbon_dioxide",),
        "valid local hours in opening hours with one-hour mean <= limit / valid hours, over zones",
        f"GB 37488-2019; {_SOURCE}", _CUT_HOURS,
        air.measure, basis=Basis.OPENING_HOURS, tolerance=1e-12, limits=("carbon_dioxide.store_max",),
    ),
    Metric(
        "carbon_dioxide_indoor_compliance", "carbon dioxide within indoor-air limit",
        "二氧化碳达标率（室内空气质量标准）", "ratio", Facility.AIR, _ZONE, ("carbon_dioxide",),
        "valid local hours in opening hours with one-hour mean <= indoor-air limit / valid hours, over zones",
        f"GB/T 18883-2022, dwellings and offices, one-hour mean; {_SOURCE}",
        f"stricter than what shops must keep, and no duty of theirs; {_CUT_HOURS}",
        air.measure_indoor, basis=Basis.OPENING_HOURS, tolerance=1e-12, limits=("carbon_dioxide.indoor_max",),
    ),
    Metric(
        "temperature_compliance", "temperature within band", "室温达标率", "ratio", Facility.AIR,
        _ZONE, ("temperature",),
        "valid local hours in opening hours with one-hour mean in the band of cooling or of heating / valid hours",
        f"GB/T 18883-2022; {_SOURCE}",
        f"whether a store cools or heats is not known, so either band will do, the detail has each; {_CUT_HOURS}; "
        f"a sensor beside a door or lamp reads its own corner; {_SIDE_ERROR}",
        comfort.measure_temperature, basis=Basis.OPENING_HOURS, tolerance=1e-12,
        limits=(
            "temperature.cooling_min", "temperature.cooling_max", "temperature.heating_min", "temperature.heating_max",
        ),
    ),
    Metric(
        "humidity_compliance", "humidity within band", "相对湿度达标率", "ratio", Facility.AIR,
        _ZONE, ("relative_humidity",),
        "valid local hours in opening hours with one-hour mean in the shops' band / valid hours, over zones",
        f"GB 37488-2019, central air conditioning; bands of GB/T 18883-2022 in the detail; {_SOURCE}",
        f"the band of shops holds all year, so it is the one applied; {_CUT_HOURS}; {_SIDE_ERROR}",
        comfort.measure_humidity, basis=Basis.OPENING_HOURS, tolerance=1e-12,
        limits=(
            "humidity.store_min", "humidity.store_max", "humidity.cooling_min", "humidity.cooling_max",
            "humidity.heating_min", "humidity.heating_max",
        ),
    ),
    Metric(
        "thermal_comfort", "thermal comfort", "热舒适时间占比", "ratio", Facility.AIR,
        _ZONE, ("temperature", "relative_humidity"),
        "valid local hours in opening hours with |predicted mean vote| <= 0.5, in summer's or winter's clothing / "
        "hours in which both means are valid",
        "ANSI/ASHRAE 55, predicted mean vote (Fanger), by pythermalcomfort",
        "assumed: 1.4 met, 0.5 clo in summer and 1.0 in winter, air at 0.1 m/s, radiant temperature as the air's; "
        f"outside 10 to 40 degC there is no vote and no comfort; {_SIDE_ERROR}",
        comfort.measure_vote, basis=Basis.OPENING_HOURS, tolerance=1e-9, limits=("comfort.vote_max",),
    ),
)  # fmt: skip
