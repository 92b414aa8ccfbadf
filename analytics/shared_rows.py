"""What the metrics of a store over a window share: rows cut to a time once, their leaves, and how they came."""

from __future__ import annotations

from dataclasses import dataclass, field

from analytics.metrics.inputs import Deliveries, Observed, SeriesArrays
from analytics.metrics.spans import Spans

_Cut = tuple[Observed, int, int, int]
"""A series, a time and the periods before it."""


@dataclass(frozen=True, slots=True)
class SharedRows:
    """Cuts and leaves that were made.

    Metrics that stand on the same rows are given the same object, so that what is computed of it is computed once.
    """

    deliveries: Deliveries | None = None
    """How the readings came; None: no metric asks."""
    leaves: dict[SeriesArrays, bytes] = field(default_factory=dict)
    _cuts: dict[_Cut, Observed] = field(default_factory=dict)

    def cut(self, series: Observed, span_us: tuple[int, int], periods_before: int) -> Observed | None:
        """Return a series with the rows that speak about a time (µs), None where it isn't registered in that time."""
        due = series.registered.intersect(Spans.of([span_us]))
        if due.start.size == 0:
            return None
        key = series, int(due.start[0]), int(due.end[-1]), periods_before
        if key not in self._cuts:
            self._cuts[key] = series.touching(*key[1:])
        return self._cuts[key]
