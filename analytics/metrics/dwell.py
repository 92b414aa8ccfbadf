"""How long people stay: from the doors by Little's law, without knowing anybody; from zones as their devices say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analytics.metrics.counts import Slots
from analytics.metrics.holding import held
from analytics.metrics.inputs import Inputs, Observed, Outcome, bounded
from analytics.metrics.intervals import LEVEL
from analytics.metrics.mean_occupancy import closed_days
from analytics.metrics.occupancy import clamped, person_time, scaled
from analytics.metrics.small_cells import FEWEST, hidden
from analytics.metrics.spans import Float64, Int64, Spans
from analytics.metrics.whole_days import DoorFlows, person_time_bounds, whole_days
from analytics.windows import MINUTE_US


def little(mean_occupancy: float, arrivals_per_min: float) -> float | None:
    """Return the mean stay in minutes: W = L / lambda.

    Parameters
    ----------
    mean_occupancy
        Persons, mean over some time.
    arrivals_per_min
        Persons a minute over the same time.

    Returns
    -------
    float or None
        Minutes; None where nobody arrives.

    Notes
    -----
    J. D. C. Little, A proof for the queuing formula L = lambda W, Operations Research 9 (1961) 383. Over a time that
    begins and ends empty it is exact, whatever the arrivals; over any other it holds in the long run alone.

    Examples
    --------
    >>> little(20.0, 0.5)
    40.0
    """
    return None if arrivals_per_min == 0 else mean_occupancy / arrivals_per_min


def first_in_first_out(came: Slots, left: Slots) -> float | None:
    """Return the mean stay in minutes when whoever came first is taken to leave first.

    Parameters
    ----------
    came, left
        Slots of persons; each is taken to cross at the middle of its slot.

    Returns
    -------
    float or None
        Minutes; None where no pair is found. An exit before any entry, and entries without an exit, have no pair.

    Notes
    -----
    Where all who came have left, any matching gives the same mean, this one too: the sum of the exits' times less the
    sum of the entries'. Where counters miss people it does not, and shows how far the counts are from closing.

    Examples
    --------
    >>> def slots(start, counts):
    ...     start = np.array(start) * 60_000_000
    ...     return Slots(start, start + 60_000_000, np.array(counts, dtype=float), np.zeros(start.size, dtype=bool))
    >>> first_in_first_out(slots([0, 10], [1, 2]), slots([5, 30], [1, 2]))
    15.0
    """
    into, out_of = _instants(came), _instants(left)
    # Exits of which none may precede its entry: the k-th exit pairs with the k-th entry, those too early are dropped.
    before = np.searchsorted(into, out_of, side="right")
    surplus = np.arange(1, out_of.size + 1) - before
    early = np.diff(np.maximum.accumulate(np.maximum(np.concatenate([[0], surplus]), 0))) > 0
    kept = out_of[~early]
    pairs = min(kept.size, into.size)
    return float((kept[:pairs] - into[:pairs]).mean()) / MINUTE_US if pairs else None


def _instants(slots: Slots) -> Float64:
    middle = (slots.start_us + slots.end_us) / 2
    return np.sort(np.repeat(middle, np.maximum(slots.whole(), 0)))


def measure_store(inputs: Inputs) -> Outcome:
    """Return the mean stay in minutes over the business days that begin and end empty.

    Detail: method, persons (mean of entries and exits of these days), days, first_in_first_out_min and clamped_min (the
    same from counts as they came: pairs in order, and the area under the clamped occupancy over the entries).
    """
    made = DoorFlows.of(inputs)
    days = closed_days(made, whole_days(inputs))
    if not days:
        empty = made.flow.came.sum() == 0
        return Outcome(None, undefined="nobody_counted" if empty else "no_day_that_ends_empty")
    flow, came, left = made.flow, 0, 0
    level = np.zeros(flow.end_us.size)
    for day in days:
        here, balanced = flow.of_day(day), scaled(flow, day)
        level[here] = 0.0 if balanced is None else balanced
        came, left = came + int(flow.came[here].sum()), left + int(flow.left[here].sum())
    whole = Spans.of((int(flow.bounds_us[day]), int(flow.bounds_us[day + 1])) for day in days)
    area, length_us = person_time(flow, level, whole), whole.total_us
    persons = (came + left) / 2
    value = little(area / length_us, persons / (length_us / MINUTE_US))
    detail: dict[str, Any] = {
        "method": "little",
        "persons": persons,
        "days": len(days),
        "first_in_first_out_min": _matched(made, days),
        "clamped_min": person_time(flow, clamped(flow), whole) / came / MINUTE_US,
    }
    if area < 0:
        return Outcome(None, detail=detail, undefined="leave_before_coming")
    found = person_time_bounds(inputs, made, days, lambda instant_us: instant_us, area)
    if found is None or value is None:
        return Outcome(value, detail=detail)
    each = found[1]
    return Outcome(value, bounded(each.low / MINUTE_US, each.high / MINUTE_US, LEVEL, each.method), detail)


def _matched(made: DoorFlows, days: list[int]) -> float | None:
    flow, stays, persons = made.flow, 0.0, 0
    for day in days:
        here = flow.of_day(day)
        none = np.zeros(here.stop - here.start, dtype=np.bool_)
        came, left = (
            Slots(flow.start_us[here], flow.end_us[here], counts[here].astype(np.float64), none)
            for counts in (flow.came, flow.left)
        )
        stay = first_in_first_out(came, left)
        weight = min(int(came.amount.sum()), int(left.amount.sum()))
        stays, persons = stays + (stay or 0.0) * weight, persons + weight
    return stays / persons if persons else None


def stay_of_zone(dwell_s: Float64, present: Float64) -> float | None:
    """Return the mean stay in a zone in seconds, of means that a device gives for periods of equal length.

    Parameters
    ----------
    dwell_s
        Mean stay of a period in s; 0: nobody's stay was told.
    present
        Mean number of persons in the zone in the same period.

    Notes
    -----
    A mean of means needs the number of stays behind each, which devices don't send. By Little's law it is about
    persons present / mean stay; the mean is then sum(n d) / sum(n): the harmonic mean weighed by presence.

    Examples
    --------
    >>> stay_of_zone(np.array([60.0, 120.0, 0.0]), np.array([1.0, 4.0, 0.0]))
    100.0
    """
    told = (dwell_s > 0) & (present > 0)
    if not told.any():
        return None
    return float(present[told].sum() / (present[told] / dwell_s[told]).sum())


def measure_zones(inputs: Inputs) -> Outcome:
    """Return the mean stay in the counted zones in minutes, as their devices measure it, of zones that may be shown.

    Detail: by_zone (of each zone shown), zones, zones_hidden. A zone is shown where its occupancy is measured too, and
    enough persons were seen there at once. Bounds: some mean of the devices' means, so between the least and the
    greatest of them; none where periods are missing, since a longer one may have been among them.
    """
    if FEWEST not in inputs.limits:
        return Outcome(None, undefined="no_limit_in_force")
    every = [_stays(dwell, inputs) for dwell in inputs.of("zone_dwell")]
    unseen = hidden({stays.zone: stays.most_present for stays in every}, inputs.limits[FEWEST])
    shown = [stays for stays in every if stays.zone not in unseen]
    detail: dict[str, Any] = {"zones": len({stays.zone for stays in every}), "zones_hidden": len(unseen)}
    if every and not shown:
        return Outcome(None, detail=detail, undefined="small_cell")
    dwell_s, present = (
        np.concatenate([np.zeros(0), *(getattr(s, name) for s in shown)]) for name in ("dwell_s", "present")
    )
    value = stay_of_zone(dwell_s, present)
    if value is None:
        return Outcome(None, detail=detail, undefined="no_stay_told")
    means = {stays.zone: stay_of_zone(stays.dwell_s, stays.present) for stays in shown}
    detail["by_zone"] = {zone: None if mean is None else mean / 60 for zone, mean in means.items()}
    told, ground = dwell_s[dwell_s > 0] / 60, "between the least and the greatest of the devices' own means"
    whole = all(stays.whole for stays in shown)
    return Outcome(value / 60, bounded(told.min(), told.max(), None, ground) if whole else None, detail)


@dataclass(frozen=True, slots=True, eq=False)
class _Stays:
    """What one device says of one zone: mean stays of periods, who was there meanwhile, whether none is missing."""

    zone: str
    dwell_s: Float64
    present: Float64
    most_present: int
    whole: bool


def _stays(dwell: Observed, inputs: Inputs) -> _Stays:
    t_us, dwell_s, covered_us = _readings(dwell, inputs.wanted)
    whole = covered_us == inputs.wanted.intersect(dwell.registered).total_us
    zone = dwell.zone_id or dwell.point_id
    found = [s for s in inputs.of("occupancy") if s.point_id == dwell.point_id]
    if not found:
        return _Stays(zone, dwell_s, np.zeros(dwell_s.size), 0, whole)
    highest = int(np.rint(max((part.value.max(initial=0.0) for part in found[0].parts), default=0.0)))
    return _Stays(zone, dwell_s, _mean_present(found[0], t_us, dwell.period_us), highest, whole)


def _readings(series: Observed, wanted: Spans) -> tuple[Int64, Float64, int]:
    """Return the readings within the wanted time, and how much of it the series covers in µs."""
    spells = [(t, v, due) for t, v, _, due in series.spells(wanted)]
    t_us = np.concatenate([t[due.contains(t)] for t, _, due in spells])
    value = np.concatenate([v[due.contains(t)] for t, v, due in spells])
    return t_us, value, series.cover().intersect(wanted).total_us


def _mean_present(present: Observed, t_us: Int64, period_us: int) -> Float64:
    """Return the mean number of persons over the period that ends at each instant."""
    area = np.zeros(t_us.size)
    seen = np.zeros(t_us.size)
    for times, value, period, _ in present.spells(Spans.of([(-(2**62), 2**62)])):
        if times.size:
            begin, level, lasts = held(times, value, period, np.union1d(t_us, t_us - period_us))
            upto = np.concatenate([[0.0], np.cumsum(level * lasts)])
            time = np.concatenate([[0.0], np.cumsum(lasts)])
            last, first = (np.searchsorted(begin, edge, side="left") for edge in (t_us, t_us - period_us))
            area += upto[last] - upto[first]
            seen += time[last] - time[first]
    return np.divide(area, seen, out=np.zeros(t_us.size), where=seen > 0)
