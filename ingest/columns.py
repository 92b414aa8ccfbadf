"""The readings of several batches as sorted arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.arrived import ArrivedBatch


@dataclass(frozen=True, slots=True)
class Columns:
    """The readings of several batches, sorted by (batch, series, t, ordinal); all arrays have one length.

    ``batch`` counts the batches from 0, ``series`` is an index into the batch's table, ``place`` is the rank of the
    reading in the order of arrival. int64 but for value (float64), flags and ordinal (int16).
    """

    batch: NDArray[np.int64]
    series: NDArray[np.int64]
    t_us: NDArray[np.int64]
    value: NDArray[np.float64]
    flags: NDArray[np.int16]
    ordinal: NDArray[np.int16]
    place: NDArray[np.int64]


def columns_of(batches: Sequence[ArrivedBatch]) -> Columns:
    """Return the readings of batches as sorted arrays."""
    if not batches:
        whole, small = np.empty(0, np.int64), np.empty(0, np.int16)
        return Columns(whole, whole, whole, np.empty(0, np.float64), small, small, whole)
    counts = np.fromiter((len(b.series) for b in batches), np.int64, len(batches))
    batch = np.repeat(np.arange(len(batches)), counts)
    series = np.concatenate([b.series for b in batches])
    offset_us = np.concatenate([b.offset_us for b in batches])
    t_us = np.repeat(np.fromiter((b.base_us for b in batches), np.int64, len(batches)), counts) + offset_us
    value = np.concatenate([b.value for b in batches])
    flags = np.concatenate([b.flags for b in batches]).astype(np.int16)
    ordinal = _ordinals(batches, len(series))
    # A table has at most 10,000 series: batch and series make one key.
    group = batch << 14 | series
    order = np.lexsort((ordinal, t_us, group) if ordinal.any() else (t_us, group))
    return Columns(batch[order], series[order], t_us[order], value[order], flags[order], ordinal[order], order)


def _ordinals(batches: Sequence[ArrivedBatch], total: int) -> NDArray[np.int16]:
    if all(b.ordinal is None for b in batches):
        return np.zeros(total, np.int16)
    nothing = np.zeros(max(len(b.series) for b in batches), np.int64)
    given = [nothing[: len(b.series)] if b.ordinal is None else b.ordinal for b in batches]
    return np.concatenate(given).astype(np.int16)
