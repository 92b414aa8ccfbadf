"""Zone heat: how long people were in the counted zones, for each square metre."""

from __future__ import annotations

from typing import Any

from analytics.metrics.inputs import Inputs, Outcome, bounded
from analytics.metrics.intervals import LEVEL
from analytics.metrics.sampled_levels import METHOD, NOTHING, PersonTime, of_series
from analytics.metrics.small_cells import FEWEST, hidden
from analytics.windows import MINUTE_US

COUNTED_ZONE = "counted_zone"


def heat(person_time_us: float, area_m2: float) -> float:
    """Return person-minutes per m², of person-µs.

    Examples
    --------
    >>> heat(90 * 60e6, 30.0)
    3.0
    """
    return person_time_us / MINUTE_US / area_m2


def measure(inputs: Inputs) -> Outcome:
    """Return the person-minutes per m² over all counted zones in the opening hours; zones of unknown area are left out.

    Detail: by_zone (person-minutes per m²), share_by_zone (of the person-time of all zones), zones, zones_hidden,
    zones_without_area. A zone in which fewer persons were ever seen at once than a cell must have is hidden, and with a
    single such zone the next smallest; where nothing is left to show, there is no value either.
    """
    if FEWEST not in inputs.limits:
        return Outcome(None, undefined="no_limit_in_force")
    times, areas, without_area = _zones(inputs)
    detail: dict[str, Any] = {"zones": len(times), "zones_without_area": without_area}
    if not times:
        return Outcome(None, detail=detail, undefined="no_zone_area" if without_area else "nothing_observed")
    whole, area_m2 = sum(times.values(), NOTHING), sum(areas.values())
    if whole.observed_us == 0:
        return Outcome(None, detail=detail, undefined="nothing_observed")
    unseen = hidden({zone: time.highest for zone, time in times.items()}, inputs.limits[FEWEST])
    detail["zones_hidden"] = len(unseen)
    shown = {zone: time for zone, time in times.items() if zone not in unseen}
    # Of hidden zones alone even the sum would be theirs.
    if not shown and whole.highest < inputs.limits[FEWEST]:
        return Outcome(None, detail=detail, undefined="small_cell")
    detail["by_zone"] = {zone: heat(time.area, areas[zone]) for zone, time in shown.items()}
    detail["share_by_zone"] = {zone: time.area / whole.area for zone, time in shown.items()} if whole.area else {}
    low, high = _bounds(times, areas)
    return Outcome(heat(whole.area, area_m2), bounded(low, high, LEVEL, METHOD), detail)


def _zones(inputs: Inputs) -> tuple[dict[str, PersonTime], dict[str, float], list[str]]:
    """Return person-time and area by zone, and the zones whose area is not known; two points of a zone share it."""
    times: dict[str, PersonTime] = {}
    areas: dict[str, float] = {}
    without_area: set[str] = set()
    for series in inputs.of("occupancy"):
        zone = series.zone_id or series.point_id
        if series.zone_area_m2 is None:
            without_area.add(zone)
            continue
        times[zone] = times.get(zone, NOTHING) + of_series(series, inputs.wanted)
        areas[zone] = series.zone_area_m2
    return times, areas, sorted(without_area)


def _bounds(times: dict[str, PersonTime], areas: dict[str, float]) -> tuple[float, float]:
    """Return bounds of the ratio of sums: chance adds up as squares, missing time zone by zone."""
    whole, area_m2 = sum(times.values(), NOTHING), sum(areas.values())
    low, high = whole.bounds(LEVEL)
    missing = sum(time.missing_us * time.highest for time in times.values())
    return heat(low, area_m2), heat(high - whole.missing_us * whole.highest + missing, area_m2)
