"""Results kept ahead: computed once, and again where readings, corrections, the registry or a formula touched them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import groupby
from zoneinfo import ZoneInfo

from analytics.catalogue.all_metrics import METRICS
from analytics.catalogue.metric import Metric
from analytics.errors import UnknownStore
from analytics.evaluate import measure
from analytics.facts import Facts, gather, store_in
from analytics.limits import shipped_limits
from analytics.results import Result
from analytics.series import reach_of
from analytics.windows import Window, local_instant
from ingest.store import kept_results, registry
from ingest.store.account import losses
from ingest.store.batch_standing import refused_payloads
from ingest.store.connection import Database
from ingest.store.kept_results import KeptResult
from ingest.store.registry import StoreFact
from ingest.store.retention import removed_before_of


class Stage(StrEnum):
    """Moments of a run that an observer is told of."""

    COMPUTED = "computed"
    """Results of a window are computed, and not kept yet."""
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a run did for a store over a window: metrics computed anew, and those whose results stood."""

    store_id: str
    window: Window
    computed: tuple[str, ...]
    stood: int


def windows_between(first: date, end: date, fact: StoreFact) -> list[Window]:
    """Return the months and the years of [first, end), business days of a store, each cut to that time; once each.

    Examples
    --------
    >>> from datetime import time
    >>> shop = StoreFact("s", "d", "", "", "supermarket", 1.0, "gross", time(9), time(21), None, "UTC", time(), False,
    ...                  date(2020, 1, 1), None)
    >>> [f"{w.first_date} {w.last_date}" for w in windows_between(date(2025, 12, 5), date(2026, 1, 9), shop)]
    ['2025-12-05 2025-12-31', '2026-01-01 2026-01-08']
    """
    days = [first + timedelta(days=n) for n in range((end - first).days)]
    bounds = dict.fromkeys(
        (of_one[0], of_one[-1] + timedelta(days=1))
        for part in (lambda day: (day.year, day.month), lambda day: (day.year, 0))
        for of_one in (list(group) for _, group in groupby(days, key=part))
    )
    zone, begins = ZoneInfo(fact.time_zone), fact.business_day_start
    return [
        Window(local_instant(since, begins, zone), local_instant(until, begins, zone), fact.time_zone)
        for since, until in bounds
    ]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Keeps the catalogue of stores.

    ``reading`` sees one snapshot a transaction, so that results and what they are said to stand on are of one moment;
    what is committed meanwhile is seen by the next run. ``writing`` may add to what is kept. An area of the answer at a
    time is computed: its readings of one store over one window are what a run holds in memory.
    """

    reading: Database
    writing: Database
    metrics: Sequence[Metric] = tuple(METRICS.values())
    observe: Callable[[Stage], None] = field(default=lambda _: None)

    def stores(self, district_id: str | None, first: date, end: date) -> list[str]:
        """Return the stores of a district, or of all, that may have a result for a month or a year of [first, end)."""
        days = [first + timedelta(days=n) for n in range((end - first).days)]
        edges = [day for day in days if day in {days[0], days[-1]} or 1 in {day.day, (day + timedelta(days=1)).day}]
        with self.reading.transaction():
            return sorted({s.store_id for on in edges for s in registry.stores(self.reading, district_id, on)})

    def run(self, store_id: str, first: date, end: date, now: datetime) -> Iterator[Kept]:
        """Keep the results of a store for each month and year of [first, end), and yield what was done for each.

        Windows that have not ended by ``now`` are left out, and those at whose edges the registry has no such store.

        Raises
        ------
        UnknownStore
            If the registry has a store on none of these days.
        """
        for window in self._windows(store_id, first, end, now):
            yield self.keep(store_id, window)

    def _windows(self, store_id: str, first: date, end: date, now: datetime) -> list[Window]:
        with self.reading.transaction():
            days = (first + timedelta(days=n) for n in reversed(range((end - first).days)))
            fact = next(filter(None, (registry.store(self.reading, store_id, on) for on in days)), None)
            if fact is None:
                raise UnknownStore(store_id)
            windows = [window for window in windows_between(first, end, fact) if window.end <= now]
            return [w for w in windows if any(registry.store(self.reading, store_id, d) for d in _edges(w))]

    def keep(self, store_id: str, window: Window) -> Kept:
        """Keep the results of a store over a window; those whose inputs are unchanged are not computed again.

        Nor are those of a time of which retention has removed rows: they stand as they were.
        """
        with self.reading.transaction():
            version = registry.current_version(self.reading)
            facts = gather(self.reading, store_in(self.reading, store_id, window, version), window, version)
            inputs = inputs_of(self.reading, facts, self.metrics)
            there = kept_results.inputs_kept(self.reading, store_id, window.start, window.end)
            due = [m for m in self.metrics if (m.name, m.formula_version, inputs[m.name]) not in there]
            if _rows_are_removed(self.reading, facts):
                # What was kept when the rows were there tells more than what could be computed now.
                known = {(name, formula_version) for name, formula_version, _ in there}
                due = [metric for metric in due if (metric.name, metric.formula_version) not in known]
            results = self._computed(due, store_id, window, version)
        if results:
            self.observe(Stage.COMPUTED)
            kept_results.keep(self.writing, [_kept(store_id, facts, one, inputs[one.metric]) for one in results])
            self.observe(Stage.KEPT)
        return Kept(store_id, facts.window, tuple(one.metric for one in results), len(self.metrics) - len(results))

    def _computed(self, due: Sequence[Metric], store_id: str, window: Window, version: int) -> list[Result]:
        results: list[Result] = []
        by_area = sorted(due, key=lambda metric: metric.facility)
        for _, of_area in groupby(by_area, key=lambda metric: metric.facility):
            results += measure(self.reading, list(of_area), store_id, window, version).results.values()
        return results


def _rows_are_removed(c: Database, facts: Facts) -> bool:
    keys = sorted({w.key for w in facts.watched} | facts.known.keys())
    return any(at > reach_of(facts).start for at in removed_before_of(c, keys).values())


def _edges(window: Window) -> tuple[date, date]:
    return window.first_date, window.last_date


def inputs_of(c: Database, facts: Facts, metrics: Sequence[Metric]) -> dict[str, bytes]:
    """Return by metric the SHA-256 of everything that its result over the facts' window is computed from.

    For the rows stands what the ledger has of their time, which is cheap to tell and changes whenever they do. Of the
    registry it is the store's own facts: a version that changes others leaves its results as they are.
    """
    reach = reach_of(facts)
    agents = sorted({device.agent_id for device in facts.devices})
    read = (
        kept_results.entries_of_devices(c, sorted({d.device_id for d in facts.devices}), reach.start, reach.end),
        sorted(astuple(loss) for loss in losses(c, agents, reach.start, reach.end)),
        sorted(refused_payloads(c, agents, reach.start, reach.end)),
    )
    shared = repr((replace(facts, version=0), read)).encode()
    limits = shipped_limits()
    return {
        metric.name: sha256(
            shared + repr([(key, limits.on(key, facts.window.first_date)) for key in metric.limits]).encode()
        ).digest()
        for metric in metrics
    }


def _kept(store_id: str, facts: Facts, result: Result, inputs: bytes) -> KeptResult:
    return KeptResult(
        store_id,
        result.metric,
        result.formula_version,
        facts.window.start,
        facts.window.end,
        result.registry_version,
        inputs,
        result.model_dump(mode="json"),
    )
