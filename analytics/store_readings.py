"""The readings of a store's devices over a window: due, absent, received, late, by device, agent and interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from analytics.catalogue.nominal_periods import NOMINAL_PERIOD_S
from analytics.expectations import EVER_US, Definition, Explanations, due, union
from analytics.facts import Facts, Watched, valid_spans
from analytics.heard_time import Heard, heard_in, period_us
from analytics.metrics.inputs import MICROSECONDS
from analytics.metrics.spans import Bool, Int64, Spans
from analytics.series import is_of_events
from ingest.store.buckets import Measure, fetch_buckets
from ingest.store.connection import Database
from ingest.store.entries import instant
from ingest.store.heard import first_bucket_us, late_counts
from ingest.store.known_series import Key, StoredSeries, series_of_devices

ARRIVALS = ("late", "duplicates", "corrections")
COUNTS = ("expected", "absent", "absent_declared_lost", "absent_refused", "received", *ARRIVALS)
Place = tuple[str, str]
"""A device and the agent that speaks for it."""


@dataclass(slots=True)
class StoreReadings:
    """Counts by name (``COUNTS``) for each device and agent: an int64 array over the intervals."""

    store_id: str
    intervals: int
    counts: dict[Place, dict[str, Int64]] = field(default_factory=dict)
    without_expectation: int = 0
    """Registered series of which nothing is expected at any time."""

    def of(self, place: Place) -> dict[str, Int64]:
        """Return the counts of a device and agent, to be added to."""
        return self.counts.setdefault(place, {name: np.zeros(self.intervals, np.int64) for name in COUNTS})


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Intervals between bounds (ascending int64 times in µs since 1970) at a present, of one device or all.

    Bounds are whole quarters of an hour: what is kept by the quarter answers then, and readings are looked at only
    where it is not computed yet.
    """

    bounds_us: Int64
    now_us: int
    device_id: str | None = None

    @property
    def span_us(self) -> tuple[int, int]:
        """The first and the last bound."""
        return int(self.bounds_us[0]), int(self.bounds_us[-1])


def read_store(c: Database, facts: Facts, intervals: Intervals, why: Mapping[str, Explanations]) -> StoreReadings:
    """Return what was due from a store's devices and what came, by interval; ``why`` has the explanations by agent."""
    devices = {d.device_id for d in facts.devices if intervals.device_id in {None, d.device_id}}
    found = StoreReadings(facts.store.store_id, intervals.bounds_us.size - 1)
    for device in facts.devices:
        if device.device_id in devices:
            found.of((device.device_id, device.agent_id))
    series = series_of_devices(c, sorted(devices))
    known = _definitions(c, series, heard_in(c, series, *intervals.span_us, intervals.now_us))
    _add_due(facts, known, intervals, why, found)
    _add_received(c, facts, series, intervals.bounds_us, found)
    return found


def _add_due(
    facts: Facts,
    known: Mapping[Key, list[Definition]],
    intervals: Intervals,
    why: Mapping[str, Explanations],
    found: StoreReadings,
) -> None:
    start_us, end_us = intervals.span_us
    until_now = Spans.of([(start_us, min(end_us, intervals.now_us))])
    without: set[Key] = set()
    for each in facts.watched:
        place = each.series.device_id, each.series.agent_id
        if place not in found.counts:
            continue
        definitions = known.get(each.key) or _nominal(each)
        if is_of_events(each, facts) or all(definition.period_us is None for definition in definitions):
            without.add(each.key)
            continue
        told = due(definitions, each.spans.intersect(until_now), why[each.series.agent_id], intervals.bounds_us)
        for of in fields(told):
            found.counts[place][of.name] += getattr(told, of.name)
    found.without_expectation = len(without)


def _nominal(watched: Watched) -> list[Definition]:
    """Return what a series that never reported should have done."""
    period_s = NOMINAL_PERIOD_S.get(watched.series.quantity)
    return [] if period_s is None else [Definition(EVER_US, round(period_s * MICROSECONDS), Spans.of([]))]


def _definitions(
    c: Database, series: Sequence[StoredSeries], heard: Mapping[int, Heard]
) -> dict[Key, list[Definition]]:
    by_definition: dict[tuple[Key, str], list[StoredSeries]] = defaultdict(list)
    for each in series:
        by_definition[each.key, each.definition].append(each)
    first = _first_of_unpaced(c, series)
    found: dict[Key, list[Definition]] = defaultdict(list)
    for (key, _), parts in by_definition.items():
        cover = union(heard[part.series_id].cover for part in parts if part.series_id in heard)
        since = [heard[part.series_id].first_us for part in parts if part.series_id in heard]
        since += [first[part.series_id] for part in parts if part.series_id in first]
        found[key].append(Definition(min(since, default=EVER_US), period_us(parts[0]), cover))
    return found


def _first_of_unpaced(c: Database, series: Sequence[StoredSeries]) -> dict[int, int]:
    """Return since when series without a period report, by number, to the quarter of an hour: they may end another."""
    found: dict[int, int] = {}
    for retention_class in sorted({each.retention_class for each in series}):
        unpaced = [s.series_id for s in series if s.retention_class == retention_class and period_us(s) is None]
        found |= first_bucket_us(c, retention_class, unpaced)
    return found


def _add_received(
    c: Database, facts: Facts, series: Sequence[StoredSeries], bounds_us: Int64, found: StoreReadings
) -> None:
    """Add what came, each to the agent of its device at that time; where it has none it is not this store's."""
    cells_us = np.unique(np.concatenate([bounds_us, _changes_us(facts, bounds_us)]))
    places = _places(facts, cells_us)

    def add(device: str, name: str, cells: Int64, amounts: Int64) -> None:
        for place, of_place in places[device]:
            if place in found.counts:
                own = of_place[cells]
                interval = np.searchsorted(bounds_us, cells_us[cells[own]], side="right") - 1
                np.add.at(found.counts[place][name], interval, amounts[own])

    keys = sorted({each.key for each in series})
    for one in fetch_buckets(c, keys, cells_us, (Measure.N,)):
        add(one.device, "received", one.interval, one.measures[Measure.N])
    by_device: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    device_of = {each.series_id: each.device for each in series}
    span = instant(int(bounds_us[0])), instant(int(bounds_us[-1]))
    for number, *came in late_counts(c, list(device_of), *span):
        by_device[device_of[number]].append(tuple(came))
    for device, came_by_hour in by_device.items():
        hours_us, *amounts = np.array(came_by_hour, np.int64).T
        for name, amount in zip(ARRIVALS, amounts, strict=True):
            add(device, name, np.searchsorted(cells_us, hours_us, side="right") - 1, amount)


def _changes_us(facts: Facts, bounds_us: Int64) -> Int64:
    """Return when a device comes, goes or changes its agent within the bounds."""
    spans = [valid_spans(d.valid_from, d.valid_to, facts.window) for d in facts.devices]
    edges = np.array([edge for span in spans for pair in span.pairs() for edge in pair], np.int64)
    within: Int64 = edges[(edges > bounds_us[0]) & (edges < bounds_us[-1])]
    return within


def _places(facts: Facts, cells_us: Int64) -> dict[str, list[tuple[Place, Bool]]]:
    """Return for each device its places, each with the cells in which it has it."""
    found: dict[str, list[tuple[Place, Bool]]] = defaultdict(list)
    for device in facts.devices:
        span = valid_spans(device.valid_from, device.valid_to, facts.window)
        found[device.device_id].append(((device.device_id, device.agent_id), span.contains(cells_us[:-1])))
    return found
