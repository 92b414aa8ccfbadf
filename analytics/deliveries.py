"""How a store's readings came: when each was received, and what came again, otherwise, or not to be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from analytics.facts import Facts, Watched
from analytics.metrics.inputs import NOT_LIVE, Deliveries
from analytics.metrics.spans import Int64
from ingest.store.batch_standing import refused_payloads
from ingest.store.connection import Database
from ingest.store.heard import late_counts
from ingest.store.known_series import series_of_devices
from ingest.store.readings import SeriesRows
from ingest.store.receive_times import receive_times


def received_at(c: Database, rows: Sequence[SeriesRows]) -> list[Int64]:
    """Return for each of these series when its rows were received, µs since 1970; ``NOT_LIVE`` where not live."""
    if not rows:
        return []
    entries = np.unique(np.concatenate([each.entry_id for each in rows]))
    known, received = receive_times(c, entries)
    of_entry = np.full(entries.size, NOT_LIVE)
    of_entry[np.searchsorted(entries, known)] = received
    return [of_entry[np.searchsorted(entries, each.entry_id)] for each in rows]


def deliveries_of(c: Database, facts: Facts, watched: Iterable[Watched]) -> Deliveries:
    """Return what of these series came again or otherwise, and which payloads their agents could not read.

    Readings by the hours that begin in the window, payloads by the hour in which they travelled.
    """
    every = list(watched)
    keys = {each.key for each in every}
    stored = series_of_devices(c, sorted({device for device, _, _ in keys}))
    numbers = [each.series_id for each in stored if each.key in keys]
    window = facts.window
    again = late_counts(c, numbers, window.start, window.end)
    agents = sorted({each.series.agent_id for each in every})
    return Deliveries(
        duplicates=sum(duplicates for *_, duplicates, _ in again),
        corrections=sum(corrections for *_, corrections in again),
        refused_payloads=len(refused_payloads(c, agents, window.start, window.end)) if agents else 0,
    )
