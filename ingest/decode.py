"""From payload bytes to documents, and from the documents of one write to arrays: pure, no database, no broker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from edge.wire.acknowledgement import RefusalReason
from edge.wire.batch import Batch
from edge.wire.compression import beginning, is_deflated
from edge.wire.decode import WireError, decode, loosely, text_of
from edge.wire.series import SeriesTable

FIRST_US = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z, before which a calendar has no date."""
AFTER_US = 253_402_300_800_000_000
"""10000-01-01T00:00:00Z, from which on likewise."""

_BEGINNING = re.compile(rb'\{"type":"batch","version":\d{1,9},"spool":"([0-9a-f-]{36})","sequence":(\d{1,19}),')
"""How the one text of a batch begins, whatever follows."""
_BEGINNING_BYTES = 160


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a payload is refused, and its identity as far as it could be read; ``keep`` False: it must not be stored."""

    reason: RefusalReason
    detail: str
    keep: bool
    spool: UUID | None
    sequence: int | None


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


def decode_payload(payload: bytes) -> Batch | SeriesTable | Rejection:
    """Return what a payload of a batch topic holds; whatever the bytes are, no exception."""
    try:
        document = decode(payload)
    except WireError as error:
        return _rejected(payload, error.reason, error.detail)
    except RecursionError:
        # Too deep to be looked through for personal data, so it is not kept.
        detail = "nested too deeply to be checked for personal data"
        return Rejection(RefusalReason.UNDECODABLE, detail, False, *_identity(payload))
    if isinstance(document, SeriesTable):
        return document
    if not isinstance(document, Batch):
        return _rejected(payload, RefusalReason.UNDECODABLE, f"a document of type {document.type} is no batch")
    if not _has_dates(document):
        detail = "a time lies outside the years 1 to 9999; check the clock of the device"
        return Rejection(RefusalReason.UNDECODABLE, detail, keep=True, spool=document.spool, sequence=document.sequence)
    return document


def span_us(batch: Batch) -> tuple[int, int] | None:
    """Return the times of a batch's earliest and latest reading in µs since 1970, None where it holds none."""
    if not batch.offset_us:
        return None
    return batch.base_us + min(batch.offset_us), batch.base_us + max(batch.offset_us)


def columns_of(batches: Sequence[Batch]) -> Columns:
    """Return the readings of batches as sorted arrays; their times must have passed ``decode_payload``."""
    counts = np.fromiter((len(b.series) for b in batches), np.int64, len(batches))
    total = int(counts.sum())
    batch = np.repeat(np.arange(len(batches)), counts)
    series = np.fromiter(chain.from_iterable(b.series for b in batches), np.int64, total)
    offset = np.fromiter(chain.from_iterable(b.offset_us for b in batches), np.int64, total)
    t_us = np.repeat(np.fromiter((b.base_us for b in batches), np.int64, len(batches)), counts) + offset
    value = np.fromiter(chain.from_iterable(b.value for b in batches), np.float64, total)
    flags = np.fromiter(chain.from_iterable(b.flags for b in batches), np.int16, total)
    ordinal = _ordinals(batches, total)
    # A table has at most 10,000 series: batch and series make one key.
    group = batch << 14 | series
    order = np.lexsort((ordinal, t_us, group) if ordinal.any() else (t_us, group))
    return Columns(batch[order], series[order], t_us[order], value[order], flags[order], ordinal[order], order)


def _ordinals(batches: Sequence[Batch], total: int) -> NDArray[np.int16]:
    if not any(b.ordinal for b in batches):
        return np.zeros(total, np.int16)
    return np.fromiter(chain.from_iterable(b.ordinal or [0] * len(b.series) for b in batches), np.int16, total)


def _has_dates(batch: Batch) -> bool:
    times: list[int] = [batch.sealed_us, *(span_us(batch) or ())]
    times += [t for loss in batch.losses for t in (loss.first_us, loss.last_us) if t is not None]
    return min(times) >= FIRST_US and max(times) < AFTER_US


def _rejected(payload: bytes, reason: RefusalReason, detail: str) -> Rejection:
    keep = reason is not RefusalReason.PERSONAL_DATA and readable_text(payload) is not None
    return Rejection(reason, detail, keep, *_identity(payload))


def readable_text(payload: bytes) -> bytes | None:
    """Return the text of a payload, None where it cannot be inflated, and so not be checked for personal data."""
    if not is_deflated(payload):
        return payload
    try:
        return text_of(payload)
    except WireError:
        return None


def _identity(payload: bytes) -> tuple[UUID | None, int | None]:
    """Read spool and sequence of what is no valid batch, as far as they can be read: neither tells of a person.

    A batch begins with them, so that they are known even where the rest is damaged, too long or too deep to be read.
    """
    if begun := _BEGINNING.match(beginning(payload, _BEGINNING_BYTES)):
        document = {"spool": begun[1].decode(), "sequence": int(begun[2])}
    else:
        document = loosely((readable_text(payload) or b"").decode("utf-8", errors="replace"))
    if not isinstance(document, dict):
        return None, None
    try:
        spool = UUID(document["spool"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None, None
    sequence = document.get("sequence")
    valid = isinstance(sequence, int) and not isinstance(sequence, bool) and 1 <= sequence < 2**63
    return spool, sequence if valid else None
