"""Self-checkouts: for how much of the opening hours they serve, and what is paid at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import reduce

from analytics.metrics.holding import Doubt, HeldTime, Judged, TimeShare, held_time, summed
from analytics.metrics.inputs import Bounds, Inputs, Observed, Outcome
from analytics.metrics.shelves import share_outcome
from analytics.metrics.spans import Spans
from analytics.metrics.tallies import GROUND, Tally, tally

RUNNING, FAULT = "equipment_running", "equipment_fault"
TILL = "till"
"""Kind of point at which the staff take payments."""


def serving_time(states: Iterable[HeldTime], wanted: Spans) -> TimeShare:
    """Return the time in which one self-checkout ran and had no fault.

    Parameters
    ----------
    states
        When it ran, and when it had no fault: those of the two that are reported, at least one.
    wanted
        Time to judge.

    Returns
    -------
    TimeShare
        µs; time is observed where every reported state says something.

    Notes
    -----
    Availability = uptime / (uptime + downtime). A change came at some time since the reading before the one that shows
    it.

    Examples
    --------
    >>> import numpy as np
    >>> def state(*says):
    ...     return held_time(Judged.certain(np.arange(3) * 60, np.array(says)), 60, Doubt.SAMPLED)
    >>> serving_time([state(True, True, True), state(True, False, True)], Spans.of([(0, 180)])).share
    0.6666666666666666
    """
    return reduce(HeldTime.both, states).share(wanted)


def measure_availability(inputs: Inputs) -> Outcome:
    """Return the share over all self-checkouts that report a state; detail: observed_hours, missing_hours."""
    machines: dict[str, list[Observed]] = defaultdict(list)
    for series in inputs.of(RUNNING, FAULT):
        machines[series.point_id].append(series)
    whole = summed(share for states in machines.values() for share in _serving(states, inputs.wanted))
    return share_outcome(whole, "each change is known to one period; missing time taken either way")


def measure_transactions(inputs: Inputs) -> Outcome:
    """Return the transactions at all self-checkouts in the window."""
    return tally(inputs, inputs.of("transactions")).outcome()


def measure_items(inputs: Inputs) -> Outcome:
    """Return items scanned / transactions, over the machines that report both; detail: items, transactions."""
    items, transactions = ([*inputs.of(name)] for name in ("items_scanned", "transactions"))
    both = {s.point_id for s in items} & {s.point_id for s in transactions}
    scanned, paid = (tally(inputs, (s for s in side if s.point_id in both)) for side in (items, transactions))
    detail = {"items": scanned.counted, "transactions": paid.counted}
    if paid.counted == 0:
        return Outcome(None, detail=detail, undefined="no_transaction")
    bounds = None
    if paid.least:
        bounds = Bounds(scanned.least / paid.most, scanned.most / paid.least, None, GROUND)
    return Outcome(scanned.counted / paid.counted, bounds, detail)


def measure_share(inputs: Inputs) -> Outcome:
    """Return transactions at self-checkouts / those at self-checkouts and tills; detail: at_self_checkout, at_tills."""
    tills = [series for series in inputs.of("transactions") if series.point_kind == TILL]
    own = tally(inputs, (series for series in inputs.of("transactions") if series.point_kind != TILL))
    others = tally(inputs, tills)
    detail = {"at_self_checkout": own.counted, "at_tills": others.counted}
    if not tills:
        return Outcome(None, detail=detail, undefined="no_till_reports")
    if own.counted + others.counted == 0:
        return Outcome(None, detail=detail, undefined="no_transaction")
    return Outcome(_share(own.counted, others.counted), _share_bounds(own, others), detail)


def _share(own: int, others: int) -> float:
    return own / (own + others) if own + others else 0.0


def _share_bounds(own: Tally, others: Tally) -> Bounds:
    high = _share(own.most, others.least)
    return Bounds(_share(own.least, others.most), high, None, GROUND)


def _serving(states: list[Observed], wanted: Spans) -> Iterator[TimeShare]:
    """Yield the time served by one machine: while both of its states are registered, and while one alone is."""
    running, fault = ([s for s in states if s.quantity == name] for name in (RUNNING, FAULT))
    for one in running:
        for other in fault:
            yield serving_time([_held(one), _held(other)], wanted.intersect(one.registered).intersect(other.registered))
    for side, beside in ((running, fault), (fault, running)):
        for one in side:
            alone = reduce(Spans.without, (other.registered for other in beside), wanted.intersect(one.registered))
            if alone.start.size:
                yield serving_time([_held(one)], alone)


def _held(series: Observed) -> HeldTime:
    """Return when a state said that a machine serves, over all of the series' definitions."""
    ever = Spans.of([(-(2**62), 2**62)])
    found = []
    for t_us, value, period_us, answered in series.spells(ever):
        serves = value < 0.5 if series.quantity == FAULT else value >= 0.5
        found.append((held_time(Judged.certain(t_us, serves), period_us, Doubt.SAMPLED), answered))
    return HeldTime(
        *(
            Spans.of([pair for time, answered in found for pair in getattr(time, name).intersect(answered).pairs()])
            for name in HeldTime.__slots__
        )
    )
