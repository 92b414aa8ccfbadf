"""Energy against what it is used for: the part that sub meters see, per square metre, and per visitor."""

from __future__ import annotations

from analytics.metrics.energy import SUB_METER, Metered, grounds, main_meters, metered
from analytics.metrics.inputs import Bounds, Inputs, Outcome, bounded
from analytics.metrics.ratio_intervals import ratio_of_bounds
from analytics.metrics.traffic import measure_entries
from analytics.windows import DAY_US

DAYS_PER_YEAR = 365.25


def measure_sub_metered_share(inputs: Inputs) -> Outcome:
    """Return what the sub meters measured as a share of what the main meters did; detail: by_meter, main_kwh.

    Notes
    -----
    sum of sub meters' kWh / sum of main meters' kWh. A store without sub meters has a share of 0. Nested sub meters
    would count twice, and a share above 1 is shown as it is: it says that they do, or that a meter is wrong.
    """
    main = metered(inputs, main_meters(inputs), inputs.window.spans)
    if main is None or main.energy.kwh == 0:
        return Outcome(None, undefined="no_increment")
    subs = [series for series in inputs.of("active_energy") if series.point_kind == SUB_METER]
    detail = {"main_kwh": main.energy.kwh}
    if not subs:
        return Outcome(0.0, bounded(0.0, 0.0, None, "no sub meter is registered"), {**detail, "by_meter": {}})
    sub = metered(inputs, subs, inputs.window.spans)
    if sub is None:
        return Outcome(None, detail=detail, undefined="no_increment")
    ends = sub.energy.over(main.energy) if main.bounded and sub.bounded else None
    bounds = None if ends is None else bounded(*ends, None, grounds(main, sub))
    return Outcome(sub.energy.kwh / main.energy.kwh, bounds, {**detail, "by_meter": sub.by_meter})


def measure_per_area(inputs: Inputs) -> Outcome:
    """Return kWh per m2 of the registered floor area over the window.

    Detail: floor_area_m2, area_kind (gross, sales, leasable), annualised_kwh_per_m2 (of 365.25 days like these; for
    comparison with yearly figures alone, since no window is a year's mean).
    """
    used = metered(inputs, main_meters(inputs), inputs.window.spans)
    if used is None:
        return Outcome(None, undefined="no_increment")
    premises = inputs.premises
    if premises is None or premises.floor_area_m2 <= 0:
        return Outcome(None, undefined="no_floor_area")
    area, energy = premises.floor_area_m2, used.energy
    days = inputs.window.spans.total_us / DAY_US
    detail = {
        "floor_area_m2": area,
        "area_kind": premises.area_kind,
        "annualised_kwh_per_m2": energy.kwh / area * DAYS_PER_YEAR / days,
    }
    ends = (energy.low_kwh / area, energy.high_kwh / area)
    return Outcome(energy.kwh / area, bounded(*ends, None, grounds(used)) if used.bounded else None, detail)


def measure_per_visitor(inputs: Inputs) -> Outcome:
    """Return kWh per counted entry: a ratio of sums over the window; detail: kwh, entries.

    Notes
    -----
    Undefined without visitors. The bounds join the hard ones of the energy with the interval of the true entries.
    """
    used = metered(inputs, main_meters(inputs), inputs.window.spans)
    if used is None:
        return Outcome(None, undefined="no_increment")
    if not any(True for _ in inputs.of("entries", "exits")):
        return Outcome(None, undefined="no_visitor_count")
    came = measure_entries(inputs)
    detail = {"kwh": used.energy.kwh, "entries": came.value}
    if not came.value:
        return Outcome(None, detail=detail, undefined="nobody_counted")
    return Outcome(used.energy.kwh / came.value, _per_visitor_bounds(used, came), detail)


def _per_visitor_bounds(used: Metered, came: Outcome) -> Bounds | None:
    if came.bounds is None or not used.bounded:
        return None
    return ratio_of_bounds(Bounds(used.energy.low_kwh, used.energy.high_kwh, None, grounds(used)), came.bounds)
