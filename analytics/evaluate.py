"""(metric, store, window) → Result: where the registry's facts and the readings meet the metric functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from analytics import series as series_room
from analytics.catalogue.all_metrics import METRICS
from analytics.catalogue.metric import Metric
from analytics.deliveries import deliveries_of
from analytics.errors import UnknownMetric, UnknownStore
from analytics.evaluation import Calendar, Evaluation, time_window
from analytics.facts import Facts, Watched, gather, store_in
from analytics.gaps import Losses, Silence
from analytics.metrics.inputs import NO_ENTRY, Observed
from analytics.results import Change, Result, Status
from analytics.shared_rows import SharedRows
from analytics.windows import Window, from_us, like_period_before
from edge.wire.series import Origin
from ingest.store import readings, registry
from ingest.store.account import losses
from ingest.store.connection import Database

_UTC = ZoneInfo("UTC")
NO_RATIO = frozenset({"h"})
"""Units in which a ratio of two values says nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Some metrics of a store over a window, with what they were computed from."""

    facts: Facts
    results: dict[str, Result]
    silent: dict[str, tuple[Silence, ...]]
    """By metric, the series that say nothing at the window's end."""


def evaluate(c: Database, metric_name: str, store_id: str, window: Window) -> Result:
    """Return one metric of a store over a window, with its change on the like period before.

    Raises
    ------
    UnknownMetric, UnknownStore
        If the catalogue, or the registry in this window, has no such entry.
    """
    if metric_name not in METRICS:
        raise UnknownMetric(metric_name)
    return compared(c, [METRICS[metric_name]], store_id, window, registry.current_version(c)).results[metric_name]


def compared(c: Database, metrics: Sequence[Metric], store_id: str, window: Window, version: int) -> Measured:
    """Return metrics of a store over a window, each with its change on the like period before."""
    now = measure(c, metrics, store_id, window, version)
    before_window = like_period_before(now.facts.window)
    try:
        before = measure(c, metrics, store_id, before_window, version).results
    except UnknownStore:
        before = {}
    results = {
        name: result.model_copy(update={"change": _change(result, before.get(name), before_window)})
        for name, result in now.results.items()
    }
    return Measured(now.facts, results, now.silent)


def measure(c: Database, metrics: Sequence[Metric], store_id: str, window: Window, version: int) -> Measured:
    """Return metrics of a store over a window: the facts, one fetch of all the readings, then pure functions."""
    return measure_facts(c, metrics, gather(c, store_in(c, store_id, window, version), window, version))


def measure_facts(
    c: Database, metrics: Sequence[Metric], facts: Facts, fetched: Mapping[Watched, Observed] | None = None
) -> Measured:
    """Return metrics of a store by facts at hand, which may hold fewer of its series than the registry.

    ``fetched`` are the readings of the facts' series where they are at hand as well.
    """
    watched = {metric.name: facts.watched_by(metric) for metric in metrics}
    every = list(dict.fromkeys(w for of_metric in watched.values() for w in of_metric))
    asked = any(metric.deliveries for metric in metrics)
    observed = series_room.fetch(c, facts, every, receive_times=asked) if fetched is None else fetched
    deliveries = deliveries_of(c, facts, every) if asked else None
    lost = _losses(c, facts, every)
    calendar, shared = Calendar.of(facts), SharedRows(deliveries)
    evaluations = [
        Evaluation(metric, facts, calendar, [observed[w] for w in watched[metric.name]], shared) for metric in metrics
    ]
    origins = _origins(c, evaluations)
    results, silent = {}, {}
    for evaluation in evaluations:
        result, account_ = evaluation.result(lost, origins[evaluation.metric.name])
        results[evaluation.metric.name] = result
        silent[evaluation.metric.name] = account_.silent if account_ else ()
    return Measured(facts, results, silent)


def _change(now: Result, before: Result | None, window: Window) -> Change:
    """Return the change of a metric; where there is none, the status says which side lacks a value, and why."""
    if before is None:
        return Change(window=time_window(window), status=Status.NOT_INSTALLED, value=None, difference=None, ratio=None)
    status = before.status if before.value is None else now.status
    if now.value is None or before.value is None:
        return Change(window=before.window, status=status, value=before.value, difference=None, ratio=None)
    difference = now.value - before.value
    defined = before.value != 0 and now.unit not in NO_RATIO
    return Change(
        window=before.window,
        status=status,
        value=before.value,
        difference=difference,
        ratio=difference / before.value if defined else None,
    )


def _losses(c: Database, facts: Facts, watched: Iterable[Watched]) -> Losses:
    agents = sorted({w.series.agent_id for w in watched})
    by_agent = defaultdict(list)
    if agents:
        reach = series_room.reach_of(facts)
        for loss in losses(c, agents, reach.start, reach.end):
            by_agent[loss.agent].append(loss)
    return by_agent


def _origins(c: Database, evaluations: Sequence[Evaluation]) -> dict[str, tuple[Origin, ...]]:
    """Return the origins of each metric's readings; nearly always all of a store's have one, then one query tells."""
    all_rows = [_with_rows(evaluation) for evaluation in evaluations]
    entries = [np.unique(s.entry_ids) for evaluation in evaluations for s in dict.fromkeys(evaluation.observed)]
    together = readings.origins_of_entries(c, np.unique(np.concatenate([NO_ENTRY, *entries])))
    origins = {}
    for evaluation, (keys, span) in zip(evaluations, all_rows, strict=True):
        mixed = len(together) > 1 and bool(keys)
        found = _origins_of(c, keys, span) if mixed else together
        origins[evaluation.metric.name] = tuple(Origin(o) for o in sorted(found)) if keys else ()
    return origins


_Span = tuple[int, int]


def _with_rows(evaluation: Evaluation) -> tuple[list[tuple[str, str, str]], _Span]:
    """Return the keys that have rows, and the time from their first row to after their last."""
    keys = sorted({(s.device, s.quantity, s.channel) for s in evaluation.observed if s.parts})
    times = [int(t) for s in evaluation.observed for part in s.parts for t in (part.t_us[0], part.t_us[-1])]
    return keys, (min(times), max(times) + 1) if times else (0, 0)


def _origins_of(c: Database, keys: list[tuple[str, str, str]], span: _Span) -> frozenset[str]:
    return readings.origins(c, keys, from_us(span[0], _UTC), from_us(span[1], _UTC))
