"""What readings of one registered series are due when, which of them are absent, and what explains it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from analytics.batches import Gap
from analytics.metrics.completeness import due_counts
from analytics.metrics.spans import Int64, Spans
from analytics.windows import to_us
from ingest.store.account import LossFact

EVER_US = 2**62
"""Later than any time, and its negative earlier."""


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """A definition under which a series reported: since when, its period if it promises one, and what it covers."""

    since_us: int
    period_us: int | None
    cover: Spans


@dataclass(frozen=True, eq=False)
class Explanations:
    """What an agent declared lost, and what of it was refused: spans of time, as widened for a period."""

    lost: Sequence[LossFact]
    refused: Sequence[Gap]
    _spans: dict[int, tuple[Spans, Spans]] = field(default_factory=dict, init=False)

    def spans(self, period_us: int) -> tuple[Spans, Spans]:
        """Return the time that losses explain for a series of this period, and that refusals do."""
        if period_us not in self._spans:  # a store's series have few periods
            self._spans[period_us] = self._lost_spans(period_us), self._refused_spans(period_us)
        return self._spans[period_us]

    def _lost_spans(self, period_us: int) -> Spans:
        """Return the time that declared losses explain.

        A loss names the times of its first and last reading, of any series: one of this period may have its own up to a
        period within, and its last reading would have spoken for a period more.
        """
        return Spans.of((to_us(loss.first_t) - period_us, to_us(loss.last_t) + 2 * period_us) for loss in self.lost)

    def _refused_spans(self, period_us: int) -> Spans:
        """Return the time that refused batches explain.

        It begins a period before the sealing of the batch before them, and ends at that of the batch after them; where
        there is none yet, when the latest refusal came.
        """
        return Spans.of((to_us(gap.at) - period_us, to_us(gap.refused_until)) for gap in self.refused)


@dataclass(frozen=True, slots=True, eq=False)
class Due:
    """Counts between bounds (int64 arrays of one length): expected, absent of these, and explained of these."""

    expected: Int64
    absent: Int64
    absent_declared_lost: Int64
    absent_refused: Int64

    @classmethod
    def none(cls, cells: int) -> Due:
        """Return that nothing is due."""
        return cls(*(np.zeros(cells, np.int64) for _ in range(4)))

    def __add__(self, other: Due) -> Due:
        return Due(
            self.expected + other.expected,
            self.absent + other.absent,
            self.absent_declared_lost + other.absent_declared_lost,
            self.absent_refused + other.absent_refused,
        )


def due(definitions: Sequence[Definition], registered: Spans, why: Explanations, bounds_us: Int64) -> Due:
    """Return what of a series was due and absent between bounds.

    Parameters
    ----------
    definitions
        Those under which it ever reported, or the one under which it should. A later one replaces an earlier from its
        first reading on; the first holds before that too.
    registered
        Time in which readings of it are expected at all.
    """
    ordered = sorted(definitions, key=lambda each: each.since_us)
    heard = union(each.cover for each in ordered)
    found = Due.none(bounds_us.size - 1)
    for number, each in enumerate(ordered):
        if each.period_us is None:
            continue
        since = -EVER_US if number == 0 else each.since_us
        until = ordered[number + 1].since_us if number + 1 < len(ordered) else EVER_US
        found += _due(registered.intersect(Spans.of([(since, until)])), heard, each.period_us, why, bounds_us)
    return found


def _due(wanted: Spans, heard: Spans, period_us: int, why: Explanations, bounds_us: Int64) -> Due:
    expected = due_counts(wanted, period_us, bounds_us)
    silent = wanted.without(heard)
    if not silent.start.size:
        nothing = np.zeros_like(expected)
        return Due(expected, nothing, nothing, nothing)
    declared_lost, in_refused = why.spans(period_us)
    lost = silent.intersect(declared_lost)
    refused = silent.without(lost).intersect(in_refused)
    return Due(expected, *(due_counts(spans, period_us, bounds_us) for spans in (silent, lost, refused)))


def union(every: Iterable[Spans]) -> Spans:
    """Return the time in any of some sets."""
    parts = list(every)
    if len(parts) == 1:
        return parts[0]
    starts, ends = ([np.zeros(0, np.int64), *(getattr(part, edge) for part in parts)] for edge in ("start", "end"))
    return Spans.union(np.concatenate(starts), np.concatenate(ends))
