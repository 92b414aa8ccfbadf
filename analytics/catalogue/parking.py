"""Parking: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Metric
from analytics.metrics import parking, parking_turns
from analytics.results import Facility

_PLACES = frozenset({"parking_bay", "car_park"})
_STATES = ("bay_occupied", "vehicles_present")
_STUDIES = "parking studies: vehicles, vehicle-hours and space-hours (codingace.net, parking turnover)"

METRICS = (
    Metric(
        "parking_occupancy", "parking occupancy", "车位占用率", "ratio", Facility.PARKING, _PLACES, _STATES,
        "occupied bay-time / available bay-time; of a car park: vehicle-time / space-time",
        "parking studies: utilisation = space-hours occupied / space-hours available",
        "a bay silent for longer than its heartbeat leaves the denominator; more vehicles than spaces are kept, "
        "and the detail says for how long; counts of vehicles give no bounds",
        parking.measure, tolerance=1e-12,
    ),
    Metric(
        "parking_turnover", "parking turnover", "车位日周转率", "1/d", Facility.PARKING, _PLACES, _STATES,
        "vehicles that came / observed bay-days of 24 hours", _STUDIES,
        "a vehicle comes where a bay goes from free to occupied; where vehicles are only counted, no more is known "
        "than the least in the detail, and no number is given",
        parking_turns.measure_turnover, tolerance=1e-12,
    ),
    Metric(
        "parking_mean_stay", "mean stay", "平均停放时长", "min", Facility.PARKING, _PLACES, _STATES,
        "vehicle-time in the window / vehicles that came in it", _STUDIES,
        "a stay that the window cuts counts with its part, and at its start without a vehicle: the detail says how "
        "many",
        parking_turns.measure_stay, tolerance=1e-12,
    ),
)  # fmt: skip
