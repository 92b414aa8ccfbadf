"""What a metric function is given and gives back: arrays with the registry's facts, and a value with bounds."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from analytics.metrics.completeness import covered
from analytics.metrics.counts import Slots, event_slots, interval_slots, joined, register_slots
from analytics.metrics.spans import Bool, Float64, Int64, Spans
from analytics.windows import LocalDays, Window
from edge.wire.batch import Flag
from edge.wire.series import Counter, Kind, OnChange, Series

Int16 = NDArray[np.int16]
Made = TypeVar("Made")
MICROSECONDS = 1_000_000
NOT_LIVE = -(2**63)
"""Stands for the time of receipt of a reading that was replayed, imported or entered: it waited for nobody."""
_EVER = (-(2**62), 2**62)
NO_ENTRY = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class SeriesArrays:
    """Effective rows of one series, sorted by (t, ordinal): int64 µs, int16, float64, int16."""

    series: Series
    t_us: Int64
    ordinal: Int16
    value: Float64
    flags: Int16
    received_us: Int64 | None = None
    """When each was received, ``NOT_LIVE`` where it did not come live; None: nobody asked."""

    @property
    def period_us(self) -> int | None:
        """Period in µs, None where the series promises none."""
        return None if self.series.period_s is None else round(self.series.period_s * MICROSECONDS)

    def where(self, keep: Bool | slice) -> SeriesArrays:
        """Return the rows where ``keep`` is true, or of a slice."""
        received_us = None if self.received_us is None else self.received_us[keep]
        return SeriesArrays(
            self.series, self.t_us[keep], self.ordinal[keep], self.value[keep], self.flags[keep], received_us
        )

    def between(self, start_us: int, end_us: int) -> SeriesArrays:
        """Return the rows with start <= t < end."""
        first, last = np.searchsorted(self.t_us, [start_us, end_us])
        return self.where(slice(int(first), int(last)))

    def increments(self, counter: Counter, midnights_us: Int64) -> Slots:
        """Return the increments of a register between consecutive readings, but those of a repeated local hour."""
        # Both runs of that hour stand at the first: a register read there may seem to fall. What it counted meanwhile
        # is in the next reading.
        told = self.where((self.flags & Flag.AMBIGUOUS_LOCAL_TIME) == 0)
        return register_slots(told.t_us, told.value, counter, midnights_us)


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """A registered series over the time for which one state of the registry holds, with its rows.

    ``parts`` are the definitions under which it reported, in order of time: where a definition changes (another
    period, another kind), the later one replaces the earlier from its first reading on, so that nothing counts twice.
    """

    device: str
    quantity: str
    channel: str
    agent: str
    point_id: str
    point_kind: str
    perimeter: bool | None
    point_count: int
    inverted: bool
    accuracy: float | None
    registered: Spans
    period_us: int
    parts: tuple[SeriesArrays, ...] = ()
    events: bool = False
    """Whether it reports single events, of which none is expected at any time."""
    online: Spans | None = None
    """Of single events: the time for which its agent vouches that the device was reachable; None: nobody says."""
    removed_before_us: int | None = None
    """Time before which retention has removed its rows; None: it has not."""
    zone_id: str | None = None
    """Zone in which its point lies; None: the registry doesn't say."""
    zone_area_m2: float | None = None
    entry_ids: Int64 = field(default_factory=lambda: NO_ENTRY)
    """Ledger entries of the rows that were fetched of it; those of a part of them are among these."""
    _known: dict[Any, Any] = field(init=False, repr=False, default_factory=dict)
    """What was computed of it, by what it is: several metrics ask for the same."""

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what was made of it under this key before, else make it: metrics of one store ask for the same."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]  # type: ignore[no-any-return]  # as it was made

    @property
    def claims_completeness(self) -> bool:
        """Whether what was received can be told from what was expected."""
        return not self.events or self.online is not None

    @property
    def error(self) -> float:
        """Greatest error of a value while it holds: the device's (0 where undeclared) and a report rule's dead band."""
        rules = [part.series.report for part in self.parts]
        return (self.accuracy or 0.0) + max((r.dead_band for r in rules if isinstance(r, OnChange)), default=0.0)

    @property
    def by_rule(self) -> bool:
        """Whether readings were reported by a rule: on change or a window at a time, not as they were sampled."""
        return any(part.series.report is not None for part in self.parts)

    def cover(self) -> Spans:
        """Return the time that its readings cover, within the time for which it is registered.

        Single events cover none: in their stead stands the time for which the device was online.
        """
        return self.once("cover", self._cover)

    def _cover(self) -> Spans:
        told = [part for part in self.parts if part.t_us.size and part.series.kind is not Kind.EVENT]
        spans = [covered(part.t_us, part.period_us or self.period_us) for part in told]
        if self.events and self.online is not None:
            spans.append(self.online)
        starts = np.concatenate([s.start for s in spans]) if spans else np.zeros(0, dtype=np.int64)
        ends = np.concatenate([s.end for s in spans]) if spans else np.zeros(0, dtype=np.int64)
        return Spans.union(starts, ends).intersect(self.registered)

    def spells(self, wanted: Spans) -> Iterator[tuple[Int64, Float64, int, Spans]]:
        """Yield (t_us, value, period_us, the part of the wanted time that these rows answer for) per definition."""
        due = wanted.intersect(self.registered)
        if not self.parts:
            yield np.zeros(0, dtype=np.int64), np.zeros(0), self.period_us, due
            return
        begins = [int(part.t_us[0]) for part in self.parts[1:]]
        for part, begin, end in zip(self.parts, [_EVER[0], *begins], [*begins, _EVER[1]], strict=True):
            yield part.t_us, part.value, part.period_us or self.period_us, due.intersect(Spans.of([(begin, end)]))

    def accounted(self, slots: Slots) -> Spans:
        """Return the time that some of its slots account for; single events account for that of ``cover``."""
        return self.cover() if self.events else Spans.union(slots.start_us, slots.end_us)

    def slots(self, midnights_us: Int64) -> Slots:
        """Return its counts as slots that begin while it is registered: of two states of it, one has each slot."""
        return self.once(("slots", midnights_us.tobytes()), lambda: self._slots_within(midnights_us))

    def _slots_within(self, midnights_us: Int64) -> Slots:
        slots = self.slots_touching(midnights_us)
        return slots.where(self.registered.contains(slots.start_us))

    def slots_touching(self, midnights_us: Int64) -> Slots:
        """Return its amounts as slots, of intervals, events and registers alike, those across its edges included."""
        return joined([self._slots_of(part, midnights_us) for part in self.parts])

    def _slots_of(self, part: SeriesArrays, midnights_us: Int64) -> Slots:
        if part.series.counter is not None:
            return part.increments(part.series.counter, midnights_us)
        if part.series.kind is Kind.EVENT:
            return event_slots(part.t_us, part.value)
        return interval_slots(part.t_us, part.value, part.period_us or self.period_us)

    def with_parts(self, parts: tuple[SeriesArrays, ...]) -> Observed:
        """Return it with other rows."""
        return replace(self, parts=parts)

    def touching(self, start_us: int, end_us: int, periods_before: int) -> Observed:
        """Return it with the rows that speak about [start, end), and nothing else.

        Intervals that overlap it and events in it (and those of ``periods_before`` more); of other kinds the readings
        in it and the nearest on either side: a register's increments need both, a level or state the one before, if it
        still holds, and the one after, if it comes in time to confirm the last.
        """
        kept = tuple(self._touching(part, start_us, end_us, periods_before) for part in self.parts)
        return self.with_parts(tuple(part for part in kept if part.t_us.size))

    def _touching(self, part: SeriesArrays, start_us: int, end_us: int, periods_before: int) -> SeriesArrays:
        period_us = part.period_us or self.period_us
        if part.series.kind is Kind.INTERVAL:
            return part.between(start_us - period_us * (1 + periods_before) + 1, end_us)
        if part.series.kind is Kind.EVENT:
            return part.between(start_us - period_us * periods_before, end_us)
        last_before = max(0, int(np.searchsorted(part.t_us, start_us, side="right")) - 1)
        beyond = int(np.searchsorted(part.t_us, end_us, side="left"))
        if part.series.kind is Kind.CUMULATIVE:
            return part.where(slice(last_before, beyond + 1))
        in_time = covered(part.t_us[max(0, beyond - 1) : beyond + 1], period_us).start.size == 1
        kept = part.where(slice(last_before, beyond + 1 if in_time and beyond else beyond))
        stale = (
            kept.t_us.size
            and kept.t_us[0] < start_us
            and covered(kept.t_us[:2], period_us).measure(start_us, end_us) == 0
        )
        return kept.where(slice(1, None)) if stale else kept


@dataclass(frozen=True, slots=True)
class Audit:
    """A manual count beside a device's own."""

    device: str
    quantity: str
    manual_count: int
    device_count: int
    made_on: date | None = None
    """Local date of the count."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What did not come once and whole, in the window: readings again and otherwise, payloads that were refused."""

    duplicates: int
    corrections: int
    refused_payloads: int


@dataclass(frozen=True, slots=True)
class Premises:
    """What the registry says of a store's size: area_kind is gross, sales or leasable; capacity in persons, or None."""

    floor_area_m2: float
    area_kind: str
    capacity: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Everything that a metric of one store over one window is computed from.

    ``wanted`` is the time over which the metric needs readings: the window, its opening hours, or from the start of
    the business day in which the window begins. ``days`` are the store's business days, ``midnights_us`` the local
    midnights at which a register of that rule starts again, wherever business days begin.
    """

    window: Window
    days: LocalDays
    midnights_us: Int64
    opening: Spans
    wanted: Spans
    series: tuple[Observed, ...]
    audits: tuple[Audit, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    premises: Premises | None = None
    deliveries: Deliveries | None = None

    def of(self, *quantities: str) -> Iterator[Observed]:
        """Yield the series of these quantities."""
        return (series for series in self.series if series.quantity in quantities)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of the true value: a confidence level, or None for hard bounds, and their ground."""

    low: float
    high: float
    level: float | None
    method: str


def bounded(low: float, high: float, level: float | None, method: str) -> Bounds | None:
    """Return bounds, None where there is no bound to give."""
    return Bounds(float(low), float(high), level, method) if np.isfinite(low) and np.isfinite(high) else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a metric function gives back; ``undefined`` says why there is no value in spite of readings."""

    value: int | float | None
    bounds: Bounds | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    undefined: str | None = None


Measure = Callable[[Inputs], Outcome]
