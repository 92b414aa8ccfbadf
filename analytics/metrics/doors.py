"""The counts of a store's doors, by direction, with the capture rates that the audits of its counters show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analytics.metrics.counts import Slots, joined, largest
from analytics.metrics.inputs import Audit, Inputs, Observed
from analytics.metrics.intervals import CaptureRate, Spread, capture_rate, quantile, true_counts, true_spread
from analytics.metrics.missing_counts import DaySlots, Imputed, impute
from analytics.metrics.overdispersion import spread
from analytics.metrics.spans import Float64, Int64, Spans
from analytics.windows import DAY_US, SATURDAY, utc_offset_us

LEAST_FREEDOM = 5
"""Audits beyond the first of each counter from which on their scatter is believed."""
OPPOSITE = {"entries": "exits", "exits": "entries"}
_SHORTEST_SLOT_US = 300_000_000
"""Gaps are imputed by slots of the counter's period, of five minutes where that is shorter."""


@dataclass(frozen=True, slots=True, eq=False)
class DoorCounts:
    """What one counter counted in one direction of the store (turned round where it is mounted inverted)."""

    source: Observed
    slots: Slots

    def largest(self) -> int:
        """Return the largest count of a period, 0 where there is none."""
        return largest(self.slots, self.source.period_us)

    def unseen(self, wanted: Spans) -> int:
        """Return how many of its periods are missing from the wanted time (rounded up), registers' resets included."""
        expected = wanted.intersect(self.source.registered)
        missing_us = expected.without(self.source.accounted(self.slots)).total_us
        return -(-missing_us // self.source.period_us) + self.resets(wanted)

    def resets(self, wanted: Spans) -> int:
        """Return how often its register was reset in the wanted time: each time the counts since a reading are lost."""
        due = wanted.intersect(self.source.registered)
        return int((self.slots.reset & due.contains(self.slots.start_us)).sum())

    def imputed(self, inputs: Inputs) -> tuple[Imputed, int]:
        """Return what its gaps in the window may have held, and how many of its periods have no like to tell from."""
        slot_us = max(self.source.period_us, _SHORTEST_SLOT_US)
        window = (inputs.window.start_us, inputs.window.end_us, inputs.days.bounds_us.tobytes())
        found = self.source.once(("imputed", *window), lambda: impute(self._by_day(inputs, slot_us)))
        return found, -(-round(found.without_like * slot_us) // self.source.period_us)

    def _by_day(self, inputs: Inputs, slot_us: int) -> DaySlots:
        """Return its counts by business day and local time of day; slots that the wanted time cuts only if missing."""
        wanted = inputs.window.spans.intersect(self.source.registered)
        days = inputs.days.bounds_us
        start = np.concatenate([np.arange(a, b, slot_us) for a, b in pairwise(days.tolist())])
        end = np.minimum(start + slot_us, days[np.searchsorted(days, start, side="right")])
        missing_us = wanted.without(self.source.accounted(self.slots)).measure(start, end)
        at = np.searchsorted(start, self.slots.start_us, side="right") - 1
        inside = (at >= 0) & (self.slots.start_us < end[np.maximum(at, 0)])
        count = np.bincount(at[inside], weights=self.slots.amount[inside], minlength=start.size)
        kept = (missing_us > 0) | (wanted.measure(start, end) == end - start)
        start, day = start[kept], np.searchsorted(days, start[kept], side="right") - 1
        weekend = np.array([on.weekday() >= SATURDAY for on in inputs.days.dates], dtype=np.int64)
        return DaySlots(
            day=day,
            day_type=weekend[day],
            slot=(start + utc_offset_us(start, inputs.window.time_zone)) % DAY_US // slot_us,
            count=np.rint(count[kept]).astype(np.int64),
            missing=missing_us[kept] / slot_us,
        )


def doors(inputs: Inputs, direction: str) -> list[DoorCounts]:
    """Return the counts of each counter in a direction, ``entries`` or ``exits``, as people walk."""
    turned = OPPOSITE[direction]
    return [
        DoorCounts(series, series.slots(inputs.midnights_us))
        for series in inputs.of(direction, turned)
        if series.quantity == (turned if series.inverted else direction)
    ]


def all_slots(counters: Sequence[DoorCounts]) -> Slots:
    """Return the slots of all counters as one."""
    return joined([counter.slots for counter in counters])


@dataclass(frozen=True, slots=True, eq=False)
class Audited:
    """Capture rates of some counters: each its own where every one was audited, else the pooled one for all."""

    rates: tuple[CaptureRate, ...]
    stratum: Int64
    """For each counter the index of its rate."""
    level: float
    method: str

    def bounds(self, counts: Int64, unseen: Int64, sharpen: int = 1) -> tuple[Float64, Float64]:
        """Return bounds of the true counts.

        Parameters
        ----------
        counts
            int64 (counters, bins), as counted.
        unseen
            int64 (bins,), the most that missing periods may have held.
        sharpen
            Number of comparisons to stand at once.
        """
        strata = np.zeros((len(self.rates), counts.shape[1]), dtype=np.int64)
        np.add.at(strata, self.stratum, counts)
        low, high = true_counts(strata, list(self.rates), self.level, sharpen)
        least = self.least_rate
        return low, high + (unseen / least if least > 0 else np.where(unseen > 0, np.inf, 0.0))

    def of_total(self, counts: Int64, imputed: Sequence[Imputed]) -> Spread:
        """Return the true total behind counts (counters,), with what gaps may have held added as it was imputed."""
        strata, squares = np.zeros((2, len(self.rates), 1))
        np.add.at(strata[:, 0], self.stratum, counts + np.array([each.mean for each in imputed]))
        np.add.at(squares[:, 0], self.stratum, np.array([each.squared(self.level) for each in imputed]))
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.array([[rate.point] for rate in self.rates])
            doubt = np.where(squares > 0, squares / share**2, 0.0).sum(axis=0)
        return true_spread(strata, list(self.rates), self.level).plus(Spread(np.zeros(1), doubt, doubt))

    @property
    def least_rate(self) -> float:
        """The lowest capture rate that its audits allow."""
        return min(rate.low for rate in self.rates)


def audited(counters: Sequence[DoorCounts], audits: Sequence[Audit], level: float) -> Audited | None:
    """Return the capture rates that the audits show, None where no counter was audited.

    Where every counter has audits of its own, each count is weighed by its own rate; otherwise one rate pooled over
    all audits stands for every counter.
    """
    own = [[a for a in audits if a.device == c.source.device and a.quantity == c.source.quantity] for c in counters]
    found = {a for audits_of_one in own for a in audits_of_one}
    if not found:
        return None
    if all(own):
        scatter = audit_scatter(own, level)
        rates = tuple(_rate(group, level, scatter) for group in own)
        method = "true count behind the measured one: each counter's audits (Wilson), thinning, sums by MOVER"
        return Audited(rates, np.arange(len(own), dtype=np.int64), level, method)
    counted = sum(1 for group in own if group)
    method = f"true count behind the measured one: audits of {counted} of {len(own)} counters pooled (Wilson), thinning"
    pooled = sorted_audits(found)
    return Audited(
        (_rate(pooled, level, audit_scatter([pooled], level)),), np.zeros(len(own), dtype=np.int64), level, method
    )


def sorted_audits(audits: set[Audit]) -> list[Audit]:
    """Return audits in a fixed order."""
    return sorted(audits, key=lambda a: (a.device, a.quantity, a.manual_count, a.device_count))


def audit_scatter(groups: Sequence[Sequence[Audit]], level: float) -> float:
    """Return the variance of counters' counts per crossing that the differences between their audits show.

    Notes
    -----
    Misses and false counts that cancel in a sum still scatter: squares of the counts about each counter's own rate,
    per crossing, over their degrees of freedom, and enlarged by the square of Student's quantile over the normal one.
    Fewer than ``LEAST_FREEDOM`` degrees of freedom tell nothing: 0.
    """
    square, freedom = 0.0, 0
    for group in groups:
        device, manual = (np.array([getattr(a, n) for a in group]) for n in ("device_count", "manual_count"))
        square += float(((device - device.sum() / manual.sum() * manual) ** 2 / manual).sum())
        freedom += len(group) - 1
    if freedom < LEAST_FREEDOM:
        return 0.0
    return square / freedom * (spread(level, freedom) / quantile(level)) ** 2


def _rate(audits: list[Audit], level: float, scatter: float) -> CaptureRate:
    return capture_rate(sum(a.device_count for a in audits), sum(a.manual_count for a in audits), level, scatter)
