"""A batch as ingest works with it: checked, and its readings in arrays instead of an object for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from edge.wire.batch import Batch, DecoderRefusal, Loss, ResealedFrom
from edge.wire.series import Origin

FIRST_US = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z, before which a calendar has no date."""
AFTER_US = 253_402_300_800_000_000
"""10000-01-01T00:00:00Z, from which on likewise."""
NO_SERIES = -1
"""``highest_series`` of a batch without readings."""


@dataclass(slots=True, eq=False)  # not frozen: that doubles the cost of making one, and thousands are made a second
class ArrivedBatch:
    """The fields of ``edge.wire.batch.Batch`` that ingest needs; nothing changes them.

    The parallel arrays have one length: ``series``, ``offset_us``, ``flags`` and (None: all are 0) ``ordinal`` are
    int64, ``value`` is float64. ``previous`` is the digest itself, ``highest_series`` the largest of ``series``.
    """

    spool: UUID
    sequence: int
    previous: bytes | None
    series_table: str
    origin: Origin
    sealed_us: int
    base_us: int
    series: NDArray[np.int64]
    offset_us: NDArray[np.int64]
    value: NDArray[np.float64]
    flags: NDArray[np.int64]
    highest_series: int
    ordinal: NDArray[np.int64] | None = None
    losses: Sequence[Loss] = ()
    refusals: Sequence[DecoderRefusal] = ()
    resealed_from: ResealedFrom | None = None


def arrived(batch: Batch) -> ArrivedBatch:
    """Return a batch of the wire as ingest works with it."""
    return ArrivedBatch(
        spool=batch.spool,
        sequence=batch.sequence,
        previous=None if batch.previous is None else bytes.fromhex(batch.previous),
        series_table=batch.series_table,
        origin=batch.origin,
        sealed_us=batch.sealed_us,
        base_us=batch.base_us,
        series=_array(batch.series, np.int64),
        offset_us=_array(batch.offset_us, np.int64),
        value=_array(batch.value, np.float64),
        flags=_array(batch.flags, np.int64),
        highest_series=max(batch.series, default=NO_SERIES),
        ordinal=_array(batch.ordinal, np.int64) if any(batch.ordinal) else None,
        losses=batch.losses,
        refusals=batch.refusals,
        resealed_from=batch.resealed_from,
    )


def _array(values: Sequence[float], kind: Any) -> NDArray[Any]:
    return np.array(values, kind)
