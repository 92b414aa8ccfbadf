"""Canonical records of readings and their Merkle root (RFC 6962, section 2.1): what ledgers and results stand on.

A series' leaf data is ``sha256(definition) || records``; a record is t in µs since 1970 (int64), ordinal (int16),
value (IEEE 754 binary64), flags (int16), big-endian and packed: 20 bytes, sorted by (t, ordinal). No serial id and no
time of receipt is in it, so that whoever has the readings can compute it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

RECORD = np.dtype([("t_us", ">i8"), ("ordinal", ">i2"), ("value", ">f8"), ("flags", ">i2")])
_PORTION = 16_384
"""Records that are laid out at once where a leaf is made of many: they stay within a processor's cache."""
EMPTY_ROOT = sha256(b"").digest()
"""Root over no leaf at all (RFC 6962: the hash of an empty string)."""


def records(
    t_us: NDArray[np.int64], ordinal: NDArray[np.int16], value: NDArray[np.float64], flags: NDArray[np.int16]
) -> NDArray[np.void]:
    """Return the canonical records of readings, in the order given; all arrays have one length."""
    result = np.empty(len(t_us), RECORD)
    result["t_us"] = t_us
    result["ordinal"] = ordinal
    result["value"] = value
    result["flags"] = flags
    return result


def definition_digest(definition: str) -> bytes:
    """Return the digest by which a leaf names its series."""
    return sha256(definition.encode()).digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the Merkle leaf of some data."""
    return sha256(b"\x00" + data).digest()


def series_leaf(definition: str, columns: Sequence[NDArray[Any]]) -> bytes:
    """Return the leaf of a series over its readings, given as the columns of ``records`` in canonical order.

    The same as ``leaf_hash`` over the digest of the definition and all records, made a portion at a time.
    """
    leaf = sha256(b"\x00" + definition_digest(definition))
    for start in range(0, len(columns[0]), _PORTION):
        leaf.update(records(*(column[start : start + _PORTION] for column in columns)).data)
    return leaf.digest()


def root_of_leaves(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle root over leaf hashes, in their order.

    RFC 6962 splits n leaves at the largest power of two below n. Joining neighbours level by level, an odd last one
    moving up as it is, gives the same tree without recursion.
    """
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        even = len(level) & ~1
        joined = b"".join(level)
        level[: even // 2] = [sha256(b"\x01" + joined[i : i + 64]).digest() for i in range(0, 32 * even, 64)]
        del level[even // 2 : even]
    return level[0]


def root_of_series(series: Iterable[tuple[str, NDArray[np.void]]]) -> bytes:
    """Return the root over (definition, sorted records) of series; those without a record have no leaf."""
    present = sorted((definition, rows.tobytes()) for definition, rows in series if len(rows))
    return root_of_leaves([leaf_hash(definition_digest(definition) + rows) for definition, rows in present])


def row_roots(
    rows: NDArray[np.void],
    batch: NDArray[np.int64],
    series: NDArray[np.int64],
    definitions: Sequence[Sequence[bytes]],
) -> list[bytes]:
    """Return the row root of each of several batches; parameters as of ``batch_leaves``."""
    return [root_of_leaves(leaves) for _, leaves in batch_leaves(rows, batch, series, definitions)]


def batch_leaves(
    rows: NDArray[np.void],
    batch: NDArray[np.int64],
    series: NDArray[np.int64],
    definitions: Sequence[Sequence[bytes]],
) -> Iterator[tuple[list[int], list[bytes]]]:
    """Yield for each of several batches the series that have a leaf in its row root, in order, and these leaves.

    Parameters
    ----------
    rows
        Canonical records of all batches, sorted by (batch, series, t, ordinal).
    batch, series
        For each record its batch (an index into ``definitions``) and its series (an index into that batch's table).
    definitions
        For each batch the definition digests of its table, in the order of the table, which is sorted by definition.
    """
    if not len(rows):
        yield from (([], []) for _ in definitions)
        return
    starts = np.flatnonzero(np.diff(batch, prepend=-1) | np.diff(series, prepend=-1))
    of_batch, of_series = batch[starts], series[starts].tolist()
    offsets = [*(starts * RECORD.itemsize).tolist(), len(rows) * RECORD.itemsize]
    firsts = np.searchsorted(of_batch, np.arange(len(definitions) + 1)).tolist()
    packed = rows.tobytes()
    for digests, first, end in zip(definitions, firsts, firsts[1:], strict=False):
        leaves = [
            sha256(b"\x00" + digests[of_series[i]] + packed[offsets[i] : offsets[i + 1]]).digest()
            for i in range(first, end)
        ]
        yield of_series[first:end], leaves
