"""What a sensor saw in one day, kept as columns: a day of a store takes a fraction of a megabyte."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Container, Sequence
from dataclasses import dataclass

from edge.readings import Reading
from edge.simulator.local_day import SECOND_US, SLOT_US, LocalDay
from edge.wire.series import Kind, Series


@dataclass(frozen=True, slots=True)
class Observation:
    """Readings of one series over a day, by ascending time; ``lag_us`` after its time, a reading is known."""

    series: Series
    t_us: Sequence[int]
    value: Sequence[float]
    lag_us: int

    def in_slot(self, day: LocalDay, slot: int) -> list[Reading]:
        """Return the readings that become known in a slot; the first slot takes what was known before it, too."""
        start_us = day.start_us + slot * SLOT_US
        low = bisect_left(self.t_us, start_us - self.lag_us) if slot else 0
        high = bisect_left(self.t_us, start_us + SLOT_US - self.lag_us)
        series, times, values = self.series, self.t_us, self.value
        return [Reading(series, times[i], values[i]) for i in range(low, high)]

    def without(self, day: LocalDay, offline: Container[int]) -> Observation:
        """Return what is left of it where the device was silent in these slots."""

        def seen(t_us: int) -> bool:
            first, last = sorted((day.slot_of(t_us), day.slot_of(t_us + self.lag_us)))
            return not any(slot in offline for slot in range(first, last + 1))

        kept = [i for i, t_us in enumerate(self.t_us) if seen(t_us)]
        times = array("q", (self.t_us[i] for i in kept))
        return Observation(self.series, times, array("d", (self.value[i] for i in kept)), self.lag_us)


def sampled(series: Series, t_us: Sequence[int], value: Sequence[float]) -> Observation:
    """Return readings of a level or state, each known at its time."""
    return Observation(series, t_us, value, lag_us=0)


def registers(series: Series, t_us: Sequence[int], value: Sequence[float]) -> Observation:
    """Return readings of a counter's register, each the last act of the slot that ends at its time."""
    return Observation(series, t_us, value, lag_us=-1)


def counted(series: Series, day: LocalDay, events_us: Sequence[int]) -> Observation:
    """Return the counts of these events over each period of the day, zeros included; known when the period ends."""
    if series.kind is not Kind.INTERVAL or series.period_s is None:
        msg = f"{series.definition} is not an interval series"
        raise ValueError(msg)
    period_us = round(series.period_s * SECOND_US)
    starts = range(day.start_us, day.end_us, period_us)
    counts = array("d", bytes(8 * len(starts)))
    for event_us in events_us:
        counts[(event_us - day.start_us) // period_us] += 1.0
    return Observation(series, starts, counts, lag_us=period_us - 1)
