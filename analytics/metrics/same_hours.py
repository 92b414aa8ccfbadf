"""Two kinds of counts over the hours that both were seen: the only hours over which their ratio says anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analytics.metrics.counts import Slots
from analytics.metrics.doors import DoorCounts, audited
from analytics.metrics.inputs import Bounds, Inputs, Observed, bounded
from analytics.metrics.spans import Spans

SHARE_FLOOR = 0.9
"""Share of the wanted time that both sides must have seen."""


def at_kinds(inputs: Inputs, kinds: Iterable[str]) -> Inputs:
    """Return the inputs with the series at points of these kinds alone."""
    wanted = frozenset(kinds)
    return replace(inputs, series=tuple(series for series in inputs.series if series.point_kind in wanted))


def same_hours(wanted: Spans, series: Iterable[Observed]) -> Spans:
    """Return the part of the wanted time in which every series was seen, as far as it was registered.

    Single events of a device of which nobody says whether it was online are taken as seen.
    """
    common = wanted
    for each in series:
        if each.claims_completeness:
            common = common.without(each.registered.without(each.cover()))
    return common


@dataclass(frozen=True, slots=True)
class Counted:
    """A sum of counts over some time, and bounds of the true one; None where no audit tells how true they are."""

    value: int
    bounds: Bounds | None


def counted_in(counters: Sequence[DoorCounts], hours: Spans, inputs: Inputs, level: float) -> Counted:
    """Return what counters counted in slots that begin in these hours, with bounds of the true number by their audits.

    Slots across an edge of the hours may belong on either side of it.
    """
    rates = audited(counters, inputs.audits, level)
    counts, doubtful = np.zeros((2, len(counters), 1), dtype=np.int64)
    outside = 0
    for row, counter in enumerate(counters):
        slots = counter.slots
        inside = hours.contains(slots.start_us)
        part = hours.measure(slots.start_us, slots.end_us)
        across = (part > 0) & (part < slots.end_us - slots.start_us)
        counts[row, 0] = _sum(slots.where(inside))
        doubtful[row, 0] = _sum(slots.where(inside & across))
        outside += _sum(slots.where(~inside & across))
    value = int(counts.sum())
    if rates is None:
        return Counted(value, None)
    low = rates.bounds(np.maximum(counts - doubtful, 0), np.zeros(1, np.int64))[0]
    high = rates.bounds(counts, np.array([outside], dtype=np.int64))[1]
    return Counted(value, bounded(low[0], high[0], level, rates.method))


def _sum(slots: Slots) -> int:
    return int(slots.whole().sum())
