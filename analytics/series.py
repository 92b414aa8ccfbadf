"""From rows to what metric functions take: the readings of a store's series, with what the registry says of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np

from analytics.catalogue.nominal_periods import NOMINAL_PERIOD_S
from analytics.deliveries import received_at
from analytics.facts import ONLINE, Facts, Watched
from analytics.metrics.completeness import online
from analytics.metrics.inputs import MICROSECONDS, NO_ENTRY, Observed, SeriesArrays
from analytics.metrics.spans import Int64, Spans
from analytics.windows import from_us, local_days, to_us
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Kind, Series
from ingest.canonical import root_of_leaves, series_leaf
from ingest.store.connection import Database
from ingest.store.known_series import Key
from ingest.store.readings import SeriesRows, fetch_series
from ingest.store.retention import removed_before_of

REACH = timedelta(hours=2)
"""How far before and after a window readings are looked for that speak about it: heartbeats come hourly at most."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The time whose readings were fetched, which includes what a window's metrics need from before and after it."""

    start: datetime
    end: datetime


def reach_of(facts: Facts) -> Reach:
    """Return the time to fetch: from two hours before, or the start of the business day, to two hours after."""
    window = facts.window
    day_start = from_us(int(local_days(window, facts.store.business_day_start).bounds_us[0]), window.zone)
    return Reach(min(window.start - REACH, day_start), window.end + REACH)


def fetch(
    c: Database, facts: Facts, watched: Iterable[Watched], *, receive_times: bool = False
) -> dict[Watched, Observed]:
    """Fetch the readings of these series, in one query; ``receive_times``: and when each was received."""
    wanted = list(watched)
    reach = reach_of(facts)
    states = {(w.series.device_id, ONLINE, "") for w in wanted if is_of_events(w, facts)}
    keys = sorted({w.key for w in wanted} | states)
    rows = fetch_series(c, keys, reach.start, reach.end) if keys else []
    received = received_at(c, rows) if receive_times else None
    return observe(facts, wanted, rows, removed_before_of(c, keys), received)


def observe(
    facts: Facts,
    watched: Sequence[Watched],
    rows: Iterable[SeriesRows],
    removed_before: Mapping[Key, datetime] = MappingProxyType({}),
    received_us: Sequence[Int64] | None = None,
) -> dict[Watched, Observed]:
    """Join registered series and fetched rows, and say up to when rows of each are removed."""
    parts: dict[Key, list[SeriesArrays]] = defaultdict(list)
    entries: dict[Key, list[Int64]] = defaultdict(list)
    for number, each in enumerate(rows):
        received = None if received_us is None else received_us[number]
        series = Series.model_validate_json(each.definition)
        key = (series.device, series.quantity, series.channel)
        parts[key].append(SeriesArrays(series, each.t_us, each.ordinal, each.value, each.flags, received))
        entries[key].append(each.entry_ids)
    successive = {key: _successive(of_key) for key, of_key in parts.items()}
    periods = _periods(facts, successive)
    found = {w: _observed(w, facts, successive, periods) for w in watched}
    found = {w: replace(each, entry_ids=np.concatenate([NO_ENTRY, *entries[w.key]])) for w, each in found.items()}
    return {w: _without_removed(each, removed_before.get(w.key)) for w, each in found.items()}


def _without_removed(series: Observed, removed_before: datetime | None) -> Observed:
    """Return a series that claims nothing of the time whose rows are removed, although its device was online then."""
    if removed_before is None:
        return series
    at_us = to_us(removed_before)
    online = None if series.online is None else series.online.without(Spans.of([(-(2**62), at_us)]))
    return replace(series, removed_before_us=at_us, online=online)


def is_of_events(watched: Watched, facts: Facts) -> bool:
    """Tell whether a series reports single events; one that never reported, as its device does in other quantities."""
    device, quantity, _ = watched.key
    if QUANTITIES[quantity].kinds == {Kind.EVENT}:
        return True
    if not _may_be_events(quantity):
        return False
    known = {key: Series.model_validate_json(facts.known[key]).kind for key in facts.known if key[0] == device}
    if watched.key in known:
        return known[watched.key] is Kind.EVENT
    return any(kind is Kind.EVENT and _may_be_events(key[1]) for key, kind in known.items())


def _may_be_events(quantity: str) -> bool:
    return {Kind.INTERVAL, Kind.EVENT} <= QUANTITIES[quantity].kinds


def _online_time(parts: Iterable[SeriesArrays], period_us: int) -> Spans:
    spans = [online(part.t_us, part.value, part.period_us or period_us).pairs() for part in parts]
    return Spans.of([pair for pairs in spans for pair in pairs])


def _observed(
    watched: Watched, facts: Facts, successive: dict[Key, tuple[SeriesArrays, ...]], periods: dict[Key, int]
) -> Observed:
    series = watched.series
    events, state = is_of_events(watched, facts), (series.device_id, ONLINE, "")
    # Of single events the period is that of the state which vouches for them.
    paced_by = state if events else watched.key
    period_us = periods.get(paced_by) or round(NOMINAL_PERIOD_S[paced_by[1]] * MICROSECONDS)
    vouched = events and state in facts.known
    return Observed(
        device=series.device_id,
        quantity=series.quantity,
        channel=series.channel,
        agent=series.agent_id,
        point_id=series.point_id,
        point_kind=watched.point_kind,
        perimeter=watched.perimeter,
        point_count=series.point_count,
        inverted=series.direction == "inverted",
        accuracy=series.accuracy,
        registered=watched.spans,
        period_us=period_us,
        zone_id=watched.zone_id,
        zone_area_m2=watched.zone_area_m2,
        parts=successive.get(watched.key, ()),
        events=events,
        online=_online_time(successive.get(state, ()), period_us) if vouched else None,
    )


def _successive(parts: list[SeriesArrays]) -> tuple[SeriesArrays, ...]:
    """Return the definitions of one key in order of their first reading, each cut where the next begins."""
    ordered = sorted(parts, key=lambda part: (int(part.t_us[0]), part.series.definition))
    ends = [int(part.t_us[0]) for part in ordered[1:]]
    cut = [part.between(int(part.t_us[0]), end) for part, end in zip(ordered[:-1], ends, strict=True)]
    return tuple(part for part in [*cut, ordered[-1]] if part.t_us.size)


def _periods(facts: Facts, successive: dict[Key, tuple[SeriesArrays, ...]]) -> dict[Key, int]:
    """Return the period in µs by key: what it reported under last, here or ever."""
    periods = {}
    for key, definition in facts.known.items():
        period_s = Series.model_validate_json(definition).period_s
        if period_s is not None:
            periods[key] = round(period_s * MICROSECONDS)
    for key, parts in successive.items():
        if parts[-1].period_us is not None:
            periods[key] = parts[-1].period_us
    return periods


Leaves = MutableMapping[SeriesArrays, bytes]
"""Leaves that were computed, by the rows that they are of."""


def digest_of(observed: Iterable[Observed], leaves: Leaves) -> str | None:
    """Return the Merkle root, in hexadecimal, over the rows of these series, each row once; None without a row.

    Leaves that are computed are added to ``leaves``, and those that are there are not computed again.
    """
    parts: dict[str, list[SeriesArrays]] = defaultdict(list)
    for series in observed:
        for part in series.parts:
            if part.t_us.size:
                parts[part.series.definition].append(part)
    if not parts:
        return None
    return root_of_leaves([_leaf(parts[definition], leaves) for definition in sorted(parts)]).hex()


def _leaf(parts: Sequence[SeriesArrays], leaves: Leaves) -> bytes:
    """Return the leaf of one definition; two states of a registered series may share rows at a seam."""
    if len(parts) > 1:
        return _leaf_of(_once(parts))
    if parts[0] not in leaves:
        leaves[parts[0]] = _leaf_of(parts[0])
    return leaves[parts[0]]


def _leaf_of(part: SeriesArrays) -> bytes:
    return series_leaf(part.series.definition, (part.t_us, part.ordinal, part.value, part.flags))


def _once(parts: Sequence[SeriesArrays]) -> SeriesArrays:
    """Return the rows of one definition as one, each once."""
    t_us, ordinal, value, flags = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("t_us", "ordinal", "value", "flags")
    )
    first = np.unique(np.stack([t_us, ordinal.astype(np.int64)], axis=1), axis=0, return_index=True)[1]
    return SeriesArrays(parts[0].series, t_us[first], ordinal[first], value[first], flags[first])
