"""From readings of a file to sealed batches: the bytes, numbers and chain that an agent's spool would give them.

The same file under the same map for the same agent is always sealed into the same batches, provided that it is cut into
blocks as ``rows_a_block`` says, and stamped with the same time. So the ledger knows them when they come again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from edge.spool.seal import MOST_SERIES, Draft, Link, Stamp, empty_draft, encode, refusal_portions
from edge.wire.batch import MAX_READINGS, DecoderRefusal
from edge.wire.decode import loosely
from edge.wire.model import canonical
from edge.wire.personal_data import forbidden_names
from edge.wire.series import Origin, SeriesTable
from ingest.history.block import RefusedRow
from ingest.history.history_map import HistoryMap
from ingest.history.row_readings import Readings
from ingest.history.targets import Target

_SPOOLS = UUID("9f1c5c3e-0a57-5d0e-8b53-6f0f4f6a2d11")
_FORM = 1
"""Counts the ways in which releases cut files into batches: another way is another spool, so that no batch of one is
taken for a reused sequence of the other."""
_CELLS_A_BLOCK = 100_000
_MOST_KEPT = 4096


@dataclass(frozen=True, slots=True)
class SealedPart:
    """A sealed batch of a file, with the document of its series table where it is the first to name it."""

    sequence: int
    payload: bytes
    readings: int
    refusals: int
    table: bytes | None


def spool_of(agent: str, file_sha256: str, map_sha256: str) -> UUID:
    """Return the identity under which a file is imported for an agent."""
    return uuid5(_SPOOLS, f"{_FORM} {agent} {file_sha256} {map_sha256}")


def rows_a_block(described: HistoryMap) -> int:
    """Return how many rows of a file make a block: some 100,000 values."""
    return max(1, _CELLS_A_BLOCK // len(described.value_columns))


@dataclass(slots=True)
class _Tables:
    """The series tables of an import: each series has its place in one of them, for good."""

    documents: list[SeriesTable] = field(default_factory=list)
    sent: set[int] = field(default_factory=set)
    table: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    index: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def take_in(self, targets: Sequence[Target]) -> None:
        """Make tables for the series that are new."""
        known = len(self.table)
        new = sorted(range(known, len(targets)), key=lambda number: targets[number].series.definition)
        grown = len(targets) - known
        self.table = np.concatenate([self.table, np.zeros(grown, np.int64)])
        self.index = np.concatenate([self.index, np.zeros(grown, np.int64)])
        for start in range(0, len(new), MOST_SERIES):
            members = new[start : start + MOST_SERIES]
            self.table[members] = len(self.documents)
            self.index[members] = np.arange(len(members))
            self.documents.append(SeriesTable.of([targets[number].series for number in members]))


class Sealer:
    """Seals the blocks of one file, in their order."""

    def __init__(self, spool: UUID, source: str, row_word: str, sealed_us: int) -> None:
        self._spool = spool
        self._source = source[:64]
        self._row_word = row_word
        self._stamp = Stamp(boot=spool, sealed_us=sealed_us, monotonic_us=0)
        self._tables = _Tables()
        self._sequence = 0
        self._previous: str | None = None
        self._unsent: list[DecoderRefusal] = []

    def seal(self, readings: Readings, targets: Sequence[Target]) -> Iterator[SealedPart]:
        """Yield the batches of a block; refusals wait for the first series table, without which there is no batch."""
        if len(targets) > len(self._tables.table):
            self._tables.take_in(targets)
        self._unsent += [self._refusal(row) for row in readings.refused]
        if not self._tables.documents:
            return
        portions = list(refusal_portions(self._unsent))
        self._unsent = []
        for table, chosen in _cuts(readings, self._tables):
            refusals = portions.pop(0) if portions else []
            yield self._sealed(self._draft(readings, table, chosen, refusals), table)
        for refusals in portions:
            draft = empty_draft(Origin.IMPORTED, self._tables.documents[0].digest, self._stamp.sealed_us, refusals)
            yield self._sealed(draft, 0)

    @property
    def unsent_refusals(self) -> int:
        """Refusals that no batch can carry, since no row has named a series so far."""
        return len(self._unsent)

    def _draft(
        self, readings: Readings, table: int, chosen: NDArray[np.int64], refusals: Sequence[DecoderRefusal]
    ) -> Draft:
        t_us = readings.t_us[chosen]
        base_us = int(t_us.min())
        ordinal = readings.ordinal[chosen]
        return Draft(
            origin=Origin.IMPORTED,
            table=self._tables.documents[table].digest,
            base_us=base_us,
            last_us=int(t_us.max()),
            series=self._tables.index[readings.target[chosen]].tolist(),
            offset_us=(t_us - base_us).tolist(),
            value=readings.value[chosen].tolist(),
            flags=readings.flags[chosen].tolist(),
            ordinal=ordinal.tolist() if ordinal.any() else [],
            refusals=refusals,
        )

    def _sealed(self, draft: Draft, table: int) -> SealedPart:
        self._sequence += 1
        payload, digest = encode(draft, Link(self._spool, self._sequence, self._previous), self._stamp, losses=[])
        self._previous = digest
        document = None if table in self._tables.sent else canonical(self._tables.documents[table])
        self._tables.sent.add(table)
        return SealedPart(self._sequence, payload, draft.readings, len(draft.refusals), document)

    def _refusal(self, row: RefusedRow) -> DecoderRefusal:
        kept = row.kept
        if forbidden_names([loosely(kept)]):
            kept = "(personal data: not kept)"
        return DecoderRefusal(
            source=self._source,
            reason=row.reason,
            detail=f"{self._row_word} {row.line}: {row.detail}"[:500],
            # With its number, so that two rows that are wrong in the same way are two refusals.
            payload=f"{self._row_word} {row.line}: {kept}"[:_MOST_KEPT],
            at_us=self._stamp.sealed_us,
        )


def _cuts(readings: Readings, tables: _Tables) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield tables, each with the places of at most 10,000 readings: by series, and in the file's order within one."""
    of_table, index = tables.table[readings.target], tables.index[readings.target]
    order = np.lexsort((index, of_table))
    ends = np.flatnonzero(np.diff(of_table[order])) + 1
    for of_one in np.split(order, ends):
        for start in range(0, len(of_one), MAX_READINGS):
            chosen = of_one[start : start + MAX_READINGS]
            yield int(of_table[chosen[0]]), chosen
