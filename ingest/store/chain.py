"""Breaks of the chain of batches, found as they are committed: a batch names the digest of the one before it.

Batches come in any order, since live ones overtake backlog, so that a predecessor which is not here (yet) is no break:
a differing one is. Every two neighbours in the ledger are compared once, by the write that brings the second of them.
``account`` finds the same breaks in the whole ledger, and those beside what was refused or declared lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.store.entries import Entry, Key


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row that a write added to the ledger; the two last compare it with neighbours of earlier writes, if any."""

    spool: int
    sequence: int
    entry_id: int
    breaks_before: bool
    """It does not name the digest of the batch before it."""
    breaks_after: bool
    """The batch after it does not name its digest."""


def breaks_between(new: Sequence[tuple[Entry, NewRow]]) -> list[tuple[str, Key]]:
    """Return agents and keys of batches that do not follow the batch before them.

    Parameters
    ----------
    new
        Batches that a write adds, in the order of spools and sequences.
    """
    return [*_to_earlier_writes(new), *_within(entry for entry, _ in new)]


def _to_earlier_writes(new: Sequence[tuple[Entry, NewRow]]) -> Iterator[tuple[str, Key]]:
    for entry, row in new:
        spool, sequence = entry.key
        if row.breaks_before:
            yield entry.agent, (spool, sequence)
        if row.breaks_after:
            yield entry.agent, (spool, sequence + 1)


def _within(entries: Iterable[Entry]) -> Iterator[tuple[str, Key]]:
    for before, entry in pairwise(entries):
        follows = entry.batch.sequence == before.batch.sequence + 1 and entry.batch.spool == before.batch.spool
        if follows and entry.batch.previous != before.sha256:
            yield entry.agent, entry.key
