"""When ledger entries were received, of those that came live."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ingest.store.arrays import array_cursor
from ingest.store.connection import Database
from ingest.store.pgarray import number_array
from ingest.store.pgcopy import POSTGRES_EPOCH_US


def receive_times(c: Database, entries: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return those of these entries that were measured or simulated, and when each was received (µs since 1970).

    Recordings, imports and entries by hand tell of a time long past: how late they came says nothing of a device.
    """
    with array_cursor(c) as cursor:
        row = cursor.execute(
            """select coalesce(array_agg(entry_id), '{}'), coalesce(array_agg(received_at), '{}')
                 from ledger where entry_id = any(%b::bigint[]) and origin in ('measured', 'simulated')""",
            [number_array("int8", entries)],
        ).fetchone()
    if row is None or not len(row[0]):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    found, received = row
    order = np.argsort(found)
    return found[order], received[order] + POSTGRES_EPOCH_US
