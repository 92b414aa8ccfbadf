"""Batches of agents by the time of their sealing: what is in the ledger, and what is not with the reason known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import numpy as np

from analytics.metrics.spans import Int64
from analytics.windows import HOUR_US, to_us
from ingest.store.batch_standing import (
    StandingRange,
    refused_payloads,
    sealed_at,
    sealed_batches,
    standing_ranges,
)
from ingest.store.connection import Database
from ingest.store.entries import instant

STANDINGS = ("committed", "refused", "declared_lost", "missing")
COUNTS = (*STANDINGS, "readings", "duplicates", "corrections", "refused_payloads")
Batches = Mapping[str, Mapping[str, Int64]]
"""Counts of each agent's batches by name (``COUNTS``): an int64 array over intervals."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Successive sequences of a spool of which none is in the ledger, as ranges that each stand in one place.

    It is placed at the sealing of the batch before it (where there is none, of the batch after it; else at the time at
    which it was known of). ``until`` is the sealing of the batch after it, None where there is none yet.
    """

    agent: str
    ranges: tuple[StandingRange, ...]
    at: datetime
    until: datetime | None

    @property
    def refused_until(self) -> datetime:
        """Latest time of a reading that was refused in it: of the sealing after it, else of the latest refusal."""
        return self.until or self.ranges[0].refused_until or self.at

    @property
    def refused_alone(self) -> bool:
        """Whether it has refused batches, and none that is missing: then what is absent in its time was in those."""
        standings = {part.standing for part in self.ranges}
        return "refused" in standings and "missing" not in standings


def gaps_of(c: Database, agents: Sequence[str]) -> list[Gap]:
    """Return what these agents sealed and the ledger lacks, by agent, spool and sequence."""
    found: list[tuple[tuple[StandingRange, ...], int | None, int | None]] = []
    for _, of_spool in groupby(standing_ranges(c, agents), key=lambda r: (r.agent, r.spool)):
        found += _runs(list(of_spool))
    keys = {
        (ranges[0].spool_id, neighbour)
        for ranges, *neighbours in found
        for neighbour in neighbours
        if neighbour is not None and ranges[0].spool_id is not None
    }
    sealed = sealed_at(c, sorted(keys))
    return [_placed(ranges, before, after, sealed) for ranges, before, after in found]


def _runs(
    ranges: Sequence[StandingRange],
) -> Iterator[tuple[tuple[StandingRange, ...], int | None, int | None]]:
    """Yield runs of ranges that are not committed, each with the committed sequences before and after it."""
    before: int | None = None
    run: list[StandingRange] = []
    for each in ranges:
        if each.standing != "committed":
            run.append(each)
            continue
        if run:
            yield tuple(run), before, each.first
            run = []
        before = each.last
    if run:
        yield tuple(run), before, None


def _placed(
    ranges: tuple[StandingRange, ...],
    before: int | None,
    after: int | None,
    sealed: dict[tuple[int, int], datetime],
) -> Gap:
    number = ranges[0].spool_id
    since = None if number is None or before is None else sealed[number, before]
    until = None if number is None or after is None else sealed[number, after]
    return Gap(ranges[0].agent, ranges, since or until or ranges[0].known_at, until)


def batches_between(c: Database, agents: Sequence[str], gaps: Sequence[Gap], bounds_us: Int64) -> Batches:
    """Return the counts of each agent's batches between bounds; an hour counts in the interval in which it begins.

    Parameters
    ----------
    bounds_us
        Ascending int64 times in µs since 1970.
    """
    cells = bounds_us.size - 1
    found = {agent: {name: np.zeros(cells, np.int64) for name in COUNTS} for agent in agents}
    span = instant(int(bounds_us[0])), instant(int(bounds_us[-1]))

    def cell_of(at: datetime) -> int | None:
        hour_us = to_us(at) // HOUR_US * HOUR_US
        index = int(np.searchsorted(bounds_us, hour_us, side="right")) - 1
        return index if 0 <= index < cells else None

    for sealed in sealed_batches(c, agents, [instant(bound) for bound in bounds_us.tolist()]):
        counts = found[sealed.agent]
        counts["committed"][sealed.interval] += sealed.batches
        for name in ("readings", "duplicates", "corrections"):
            counts[name][sealed.interval] += getattr(sealed, name)
    for agent, hour_at in refused_payloads(c, agents, *span):
        found[agent]["refused_payloads"][cell_of(hour_at)] += 1
    for gap in gaps:
        cell = cell_of(gap.at)
        if cell is not None:
            for part in gap.ranges:
                found[gap.agent][part.standing][cell] += part.last - part.first + 1
    return found
