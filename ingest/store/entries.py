"""What a write is made of and what became of it: the words between preparation, store and answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from edge.wire.acknowledgement import LedgerHead, RefusalReason
from ingest.arrived import ArrivedBatch
from ingest.columns import Columns
from ingest.store.refusals import Refusal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Key = tuple[UUID, int]
"""Identity of a batch: spool and sequence."""


def instant(us: int) -> datetime:
    """Return µs since 1970 as an aware time in UTC."""
    return _EPOCH + timedelta(microseconds=us)


@dataclass(frozen=True, slots=True)
class Numbering:
    """For each series of a table, in its order: its number, and its retention class as an index into ``CLASSES``."""

    numbers: NDArray[np.int32]
    classes: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch to commit; ``definitions`` are the definition digests of its table, in the order of the table."""

    agent: str
    payload: bytes
    sha256: bytes
    received_us: int
    batch: ArrivedBatch
    definitions: Sequence[bytes]
    numbering: Numbering

    @property
    def key(self) -> Key:
        """Identity of the batch."""
        return self.batch.spool, self.batch.sequence

    @property
    def spools(self) -> set[UUID]:
        """The batch's spool, and those of which it declares losses."""
        return {self.batch.spool, *(loss.spool for loss in self.batch.losses if loss.spool is not None)}

    def refusal(self, reason: RefusalReason, detail: str) -> Refusal:
        """Return the refusal of this batch."""
        return Refusal(
            agent=self.agent,
            sha256=self.sha256,
            reason=reason,
            detail=detail,
            payload=self.payload,
            spool=self.batch.spool,
            sequence=self.batch.sequence,
            received_at=instant(self.received_us),
        )


@dataclass(frozen=True, slots=True)
class Write:
    """What one transaction commits; ``columns`` and ``row_roots`` are of ``entries``, which differ in their keys."""

    entries: Sequence[Entry]
    columns: Columns
    row_roots: Sequence[bytes]
    refused: Sequence[Refusal]


@dataclass(frozen=True, slots=True)
class Conflicts:
    """How many readings of one ledger entry, in one hour of one series, met a key that was taken; what they were."""

    entry_id: int
    series_id: int
    hour_us: int
    duplicates: int
    corrections: int


@dataclass(slots=True)
class Written:
    """What a write did, once it is committed; ``redelivered`` and ``chain_breaks`` name batches by agent and key.

    The latter are those whose ``previous`` is not the digest of the batch before it in the ledger.
    """

    committed: list[Entry] = field(default_factory=list)
    redelivered: list[tuple[str, Key]] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    heads: dict[UUID, LedgerHead] = field(default_factory=dict)
    conflicts: list[Conflicts] = field(default_factory=list)
    past_retention: int = 0
    """Readings that are committed and not stored, since the rows of their time are removed."""
    chain_breaks: list[tuple[str, Key]] = field(default_factory=list)
