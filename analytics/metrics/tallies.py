"""Sums of counts over a window, with the most and the least that there may have been."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analytics.metrics.counts import largest
from analytics.metrics.inputs import Bounds, Inputs, Observed, Outcome
from analytics.metrics.spans import Spans
from analytics.metrics.traffic import total

GROUND = "missing periods up to the largest count of a period seen; slots across the window's edges either way"


@dataclass(frozen=True, slots=True)
class Tally:
    """A count, and its hard bounds."""

    counted: int
    least: int
    most: int

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.counted + other.counted, self.least + other.least, self.most + other.most)

    def outcome(self) -> Outcome:
        """Return it as the outcome of a metric."""
        return Outcome(self.counted, Bounds(float(self.least), float(self.most), None, GROUND))


def tally(inputs: Inputs, of: Iterable[Observed]) -> Tally:
    """Return the sum of the counts of some series over the window.

    Each slot counts in the window in which it begins, so that two adjacent windows add up. A missing period is taken to
    have held at most the largest count that its series shows, or any of them where it shows none.

    Parameters
    ----------
    inputs
        The window, and the midnights at which registers start again.
    of
        Series of counts: intervals, events or registers.
    """
    every = [(series, series.slots(inputs.midnights_us)) for series in of]
    greatest = max((largest(slots, series.period_us) for series, slots in every), default=0)
    found = Tally(0, 0, 0)
    for series, slots in every:
        inside = slots.within(inputs.window.start_us, inputs.window.end_us)
        counted = total(inside.whole())
        across = {
            edge: total(slots.where((slots.start_us < edge) & (slots.end_us > edge)).whole())
            for edge in (inputs.window.start_us, inputs.window.end_us)
        }
        missing_us = _missing(series, series.accounted(slots), inputs.window.spans)
        unseen = -(-missing_us // series.period_us) + int(inside.reset.sum())
        hidden = unseen * (largest(slots, series.period_us) or greatest)
        least = max(0, counted - across[inputs.window.end_us])
        found += Tally(counted, least, counted + hidden + across[inputs.window.start_us])
    return found


def _missing(series: Observed, accounted: Spans, wanted: Spans) -> int:
    return wanted.intersect(series.registered).without(accounted).total_us
