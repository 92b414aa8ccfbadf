"""What bounds a write: from when on readings are stored, and before when they are late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.store.connection import Database
from ingest.store.series import CLASSES

_EVER_US = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class WriteBounds:
    """Bounds of one write, in µs since 1970.

    ``stored_from_us`` has one entry a retention class, in the order of ``CLASSES`` (int64): what is older is counted in
    its ledger entry and not stored, since the rows of that time are removed or about to be.
    """

    late_before_us: int | None
    stored_from_us: NDArray[np.int64]


def mark_write(connection: Database) -> WriteBounds:
    """Return the bounds of the caller's transaction; from now to its end it is among the writes in flight.

    It must be asked before the first reading is stored: who closes a time waits for the writes that may not know.
    """
    ((late_before_us, count_from_us, state_from_us),) = connection.execute(
        "select late_before, count_from, state_from from write_bounds()"
    ).fetchall()
    from_us = {"count": count_from_us, "state": state_from_us}
    bounds = [_EVER_US if from_us.get(name) is None else from_us[name] for name in CLASSES]
    return WriteBounds(late_before_us, np.array(bounds, np.int64))
