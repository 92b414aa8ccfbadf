"""The completeness ledger of stores over a window: readings by device and time, batches by agent and time, as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise

import numpy as np

from analytics.batches import COUNTS as BATCHES
from analytics.batches import STANDINGS, Batches, Gap, batches_between, gaps_of
from analytics.completeness_answer import BatchCounts, By, CompletenessAnswer, LedgerRow, ReadingCounts
from analytics.errors import UnknownDevice
from analytics.evaluation import time_window
from analytics.expectations import Explanations
from analytics.facilities import district_in
from analytics.facts import Facts, gather, store_in
from analytics.metrics.spans import Int64
from analytics.results import Text
from analytics.store_readings import COUNTS, Intervals, StoreReadings, read_store
from analytics.window_text import WindowRefusedError
from analytics.windows import Window, from_us, local_days, local_hours, to_us
from analytics.wording.texts import both
from ingest.store import registry
from ingest.store.account import losses
from ingest.store.connection import Database

_WIDEST = timedelta(days=2)
"""How far a declared loss may explain what is absent beside it: two of the longest periods."""
_QUARTER_US = 15 * 60 * 1_000_000
TERMS = (*ReadingCounts.model_fields, *BatchCounts.model_fields)


@dataclass(frozen=True, slots=True)
class Question:
    """What the rows are to be of, of one device or all, and up to when readings are expected."""

    by: By
    now: datetime
    device_id: str | None = None


def store_completeness(c: Database, store_id: str, window: Window, question: Question) -> CompletenessAnswer:
    """Return the completeness ledger of a store.

    Raises
    ------
    UnknownStore, UnknownDevice
        If the registry has none of that name in this window.
    WindowRefusedError
        If the window or one of its days isn't made of whole quarters of an hour (UTC).
    """
    version = registry.current_version(c)
    facts = gather(c, store_in(c, store_id, window, version), window, version)
    if question.device_id not in {None, *(device.device_id for device in facts.devices)}:
        raise UnknownDevice(str(question.device_id), store_id)
    store = facts.store
    name = Text(en=store.name_en, zh=store.name_zh)
    place = _Place(store_id, store.district_id, name, store.business_day_start, version)
    return _answer(c, place, [facts], facts.window, question)


def district_completeness(c: Database, district_id: str, window: Window, question: Question) -> CompletenessAnswer:
    """Return the completeness ledger of a district; an agent that speaks for several of its stores counts once in it.

    Raises
    ------
    UnknownDistrict, WindowRefusedError
        As for a store.
    """
    version = registry.current_version(c)
    district, stores = district_in(c, district_id, window, version)
    own = Window(window.start, window.end, district.time_zone)
    place = _Place(None, district_id, Text(en=district.name_en, zh=district.name_zh), time(), version)
    return _answer(c, place, [gather(c, store, own, version) for store in stores], own, question)


def terms() -> dict[str, Text]:
    """Return the names of the counts in both languages."""
    return {name: both(f"completeness.{name}") for name in TERMS}


@dataclass(frozen=True, slots=True)
class _Place:
    """What an answer is of: a store, or a district."""

    store_id: str | None
    district_id: str
    name: Text
    day_start: time
    """Of its local days."""
    registry_version: int


def _answer(
    c: Database, place: _Place, every: Sequence[Facts], window: Window, question: Question
) -> CompletenessAnswer:
    intervals = Intervals(_bounds_us(window, question.by, place.day_start), to_us(question.now), question.device_id)
    agents = sorted({device.agent_id for facts in every for device in facts.devices})
    gaps = gaps_of(c, agents)
    why = _explanations(c, agents, gaps, window)
    read = [read_store(c, facts, intervals, why) for facts in every]
    batches = None if question.device_id is not None else batches_between(c, agents, gaps, intervals.bounds_us)
    by_time = question.by in {By.DAY, By.HOUR}
    rows = _by_time(read, batches, window, intervals) if by_time else _by_place(read, batches, question.by)
    return CompletenessAnswer(
        store_id=place.store_id,
        district_id=place.district_id,
        name=place.name,
        window=time_window(window),
        by=question.by,
        registry_version=place.registry_version,
        without_expectation=sum(store.without_expectation for store in read),
        total=LedgerRow(
            readings=_readings(counts for store in read for counts in store.counts.values()),
            batches=_batches(batches, agents),
        ),
        rows=tuple(rows),
        terms=terms(),
    )


def _bounds_us(window: Window, by: By, day_start: time) -> Int64:
    """Return the bounds of the rows where they are intervals, else of the window."""
    edges = [window.start_us, window.end_us]
    if by is By.DAY:
        edges += local_days(window, day_start).bounds_us.tolist()
    elif by is By.HOUR:
        hours = local_hours(window)
        edges += [*hours.start_us.tolist(), *hours.end_us.tolist()]
    bounds = np.unique([edge for edge in edges if window.start_us <= edge <= window.end_us]).astype(np.int64)
    if np.any(bounds % _QUARTER_US):
        shown = {"start": window.start.isoformat(), "end": window.end.isoformat()}
        raise WindowRefusedError("quarter_hours_only", **shown)
    return bounds


def _explanations(
    c: Database, agents: Sequence[str], gaps: Sequence[Gap], window: Window
) -> Mapping[str, Explanations]:
    lost = losses(c, agents, window.start - _WIDEST, window.end + _WIDEST)
    return {
        agent: Explanations(
            [loss for loss in lost if loss.agent == agent],
            [gap for gap in gaps if gap.agent == agent and gap.refused_alone],
        )
        for agent in agents
    }


def _by_time(
    read: Sequence[StoreReadings], batches: Batches | None, window: Window, intervals: Intervals
) -> list[LedgerRow]:
    zone = window.zone
    readings = _summed((counts for store in read for counts in store.counts.values()), COUNTS)
    sealed = None if batches is None else _summed(batches.values(), BATCHES)
    return [
        LedgerRow(
            start=from_us(start, zone),
            end=from_us(end, zone),
            readings=_reading_counts({name: amounts[index] for name, amounts in readings.items()}),
            batches=None
            if sealed is None
            else _batch_counts({name: amounts[index] for name, amounts in sealed.items()}),
        )
        for index, (start, end) in enumerate(pairwise(intervals.bounds_us.tolist()))
    ]


def _by_place(read: Sequence[StoreReadings], batches: Batches | None, by: By) -> list[LedgerRow]:
    places = [(store, *place, counts) for store in read for place, counts in sorted(store.counts.items())]
    if by is By.DEVICE:
        return [
            LedgerRow(
                store_id=store.store_id, agent_id=agent, device_id=device, readings=_readings([counts]), batches=None
            )
            for store, device, agent, counts in places
        ]
    if by is By.AGENT:
        return [
            LedgerRow(
                agent_id=agent,
                readings=_readings(counts for _, _, of, counts in places if of == agent),
                batches=_batches(batches, [agent]),
            )
            for agent in sorted({agent for _, _, agent, _ in places})
        ]
    return [
        LedgerRow(
            store_id=store.store_id,
            readings=_readings(store.counts.values()),
            batches=_batches(batches, sorted({agent for _, agent in store.counts})),
        )
        for store in read
    ]


def _readings(every: Iterable[Mapping[str, Int64]]) -> ReadingCounts:
    """Return counts over all intervals."""
    return _reading_counts({name: sum(amounts) for name, amounts in _summed(every, COUNTS).items()})


def _batches(batches: Batches | None, agents: Sequence[str]) -> BatchCounts | None:
    """Return counts of these agents over all intervals."""
    if batches is None:
        return None
    summed = _summed([batches[agent] for agent in agents], BATCHES)
    return _batch_counts({name: sum(amounts) for name, amounts in summed.items()})


def _summed(every: Iterable[Mapping[str, Int64]], names: Sequence[str]) -> dict[str, list[int]]:
    """Return the sums of counts by interval, of the names; no interval where there is nothing to sum."""
    parts = list(every)
    return {name: np.sum([counts[name] for counts in parts], axis=0).tolist() if parts else [] for name in names}


def _reading_counts(total: Mapping[str, int]) -> ReadingCounts:
    expected, absent = total["expected"], total["absent"]
    return ReadingCounts(
        **total,
        absent_unexplained=absent - total["absent_declared_lost"] - total["absent_refused"],
        ratio=(expected - absent) / expected if expected else None,
    )


def _batch_counts(total: Mapping[str, int]) -> BatchCounts:
    return BatchCounts(**total, sealed=sum(total[standing] for standing in STANDINGS))
