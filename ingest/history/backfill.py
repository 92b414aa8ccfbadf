"""Import of a history through the ledger: read, sealed and prepared in one thread, committed in another.

A batch that the ledger has already comes back as redelivered, so an import that was cut off is repeated from its start
and goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from edge import event_log
from edge.wire.series import Series, SeriesTable
from edge.wire.topics import Subject
from ingest.admission import Admission
from ingest.canonical import definition_digest
from ingest.catalogue import Catalogue, KnownTable
from ingest.delivery import Delivery
from ingest.history.block import HistoryError
from ingest.history.opening import History
from ingest.history.prefetch import prefetched
from ingest.history.sealing import SealedPart, Sealer
from ingest.history.tally import FileTally
from ingest.preparation import Preparation, Prepared
from ingest.store import history as store
from ingest.store import ledger
from ingest.store.connection import Database
from ingest.store.entries import Written
from ingest.writer import Stage

log = event_log.get(__name__)

_PROGRESS_S = 5.0
_WRITES_AHEAD = 2
"""Writes that wait to be committed while another is under way."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of an import."""

    most_refused: int = 10_000
    """More refused readings than this stop the import: then the map describes another file."""
    write_bytes: int = 2 * 2**20
    """Most bytes of batches in one transaction, which holds one at least: some 80,000 readings. More is no faster, and
    several are in memory at once."""


@dataclass(slots=True)
class Imported:
    """What became of a file's batches and readings; the ``known`` ones were in the ledger before."""

    file: FileTally = field(default_factory=FileTally)
    batches_committed: int = 0
    batches_known: int = 0
    readings_committed: int = 0
    readings_known: int = 0
    duplicates: int = 0
    corrections: int = 0


@dataclass(frozen=True, slots=True)
class _Group:
    """Batches that are committed together, by their sequence, and the writes that do so."""

    parts: dict[int, SealedPart]
    writes: Sequence[Prepared]


class Backfill:
    """One import of one history.

    Parameters
    ----------
    writing, looking
        Two connections in autocommit mode, as a member of ``smartstore_ingest``: one commits, the other looks things
        up meanwhile.
    observe
        Told of the stages of each write.
    """

    def __init__(
        self,
        writing: Database,
        looking: Database,
        history: History,
        observe: Callable[[Stage], None] = lambda _: None,
        limits: Limits | None = None,
    ) -> None:
        self._writing = writing
        self._looking = looking
        self._history = history
        self._observe = observe
        self._limits = limits or Limits()
        self._preparation = Preparation(Catalogue(), Admission())
        self._began_s = self._told_s = time.monotonic()
        self.imported = Imported()

    def look(self) -> Imported:
        """Read the whole file and write nothing.

        Raises
        ------
        HistoryError
            The file cannot be read as its map says, or the agent may not deliver its readings.
        """
        self._check_admission([target.series for target in self._history.rows.targets.all])
        for _ in self._parts(time.time_ns() // 1000):
            pass
        self._check_admission([target.series for target in self._history.rows.targets.all])
        return self.imported

    def run(self) -> Imported:
        """Import the file; safe to be killed at any moment, and to be repeated.

        Raises
        ------
        HistoryError
            As ``look`` does, or another import of the same file is under way, or a batch was refused.
        """
        spool = self._history.spool
        if not store.take_spool(self._writing, spool):
            msg = f"{self._history.path} is being imported by another process; wait until it has ended"
            raise HistoryError(msg)
        self._check_admission([target.series for target in self._history.rows.targets.all])
        sealed_us = store.sealing_us(self._looking, spool) or time.time_ns() // 1000
        groups = _grouped(self._parts(sealed_us), self._limits.write_bytes)
        for group in prefetched(map(self._prepared, groups), _WRITES_AHEAD):
            for prepared in group.writes:
                written = ledger.write(self._writing, prepared.write, lambda: self._observe(Stage.BEFORE_COMMIT))
                self._observe(Stage.AFTER_COMMIT)
                self._count(written, group.parts)
            self._tell()
        return self.imported

    def _parts(self, sealed_us: int) -> Iterator[SealedPart]:
        history, tally = self._history, self.imported.file
        targets = history.rows.targets.all
        sealer = Sealer(history.spool, history.path.name, history.file.row_word, sealed_us)
        for block in history.blocks():
            readings = history.rows.read(block)
            tally.add(block.rows_read, readings, len(targets))
            if tally.refused.total() > self._limits.most_refused:
                msg = (
                    f"{tally.refused.total()} values of the first {tally.rows} rows are none that the map describes"
                    f" ({_first(tally)}); correct the map, or allow more with --most-refused"
                )
                raise HistoryError(msg)
            yield from sealer.seal(readings, targets)
        if sealer.unsent_refusals:
            msg = f"no row of {history.path} names a series ({_first(tally)}); nothing was written"
            raise HistoryError(msg)

    def _check_admission(self, series: Sequence[Series]) -> None:
        if not series:
            return
        devices = frozenset(each.device for each in series)
        table = SeriesTable.of([series[0]])
        known = KnownTable(table, [definition_digest(series[0].definition)], devices)
        verdict = Admission().verdict(self._looking, self._history.agent, known)
        if verdict is not None:
            msg = f"{verdict[1]}; nothing more was written"
            raise HistoryError(msg)

    def _prepared(self, parts: Sequence[SealedPart]) -> _Group:
        for part in parts:
            if part.table is not None:
                self._check_admission(SeriesTable.model_validate_json(part.table).series)
        received_us = time.time_ns() // 1000
        payloads = [payload for part in parts for payload in (part.table, part.payload) if payload is not None]
        deliveries = [Delivery(self._history.agent, Subject.BATCH, payload, received_us) for payload in payloads]
        writes = self._preparation.prepare(self._looking, deliveries)
        for prepared in writes:
            prepared.write  # noqa: B018 - laid out here and not while the other thread could commit
        return _Group({part.sequence: part for part in parts}, writes)

    def _count(self, written: Written, of_sequence: dict[int, SealedPart]) -> None:
        imported = self.imported
        for entry in written.committed:
            imported.batches_committed += 1
            imported.readings_committed += of_sequence[entry.key[1]].readings
        for _, (_, sequence) in written.redelivered:
            imported.batches_known += 1
            imported.readings_known += of_sequence[sequence].readings
        imported.duplicates += sum(conflict.duplicates for conflict in written.conflicts)
        imported.corrections += sum(conflict.corrections for conflict in written.conflicts)
        if written.refused:
            first = written.refused[0]
            msg = (
                f"batch {first.sequence} of the import was refused as {first.reason}: {first.detail}; it is kept among"
                f" the refusals of agent {first.agent}. Settle that, then repeat the import: it goes on from there"
            )
            raise HistoryError(msg)

    def _tell(self) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= _PROGRESS_S:
            self._told_s = now_s
            imported = self.imported
            log.info(
                "backfill_progress",
                rows_read=imported.file.rows,
                readings_committed=imported.readings_committed,
                readings_known=imported.readings_known,
                refused=imported.file.refused.total(),
                readings_per_s=round(imported.readings_committed / (now_s - self._began_s)),
            )


def _grouped(parts: Iterable[SealedPart], most_bytes: int) -> Iterator[list[SealedPart]]:
    """Yield batches in groups of so many bytes at most, but of one at least."""
    group: list[SealedPart] = []
    size = 0
    for part in parts:
        if group and size + len(part.payload) > most_bytes:
            yield group
            group, size = [], 0
        group.append(part)
        size += len(part.payload)
    if group:
        yield group


def _first(tally: FileTally) -> str:
    row = tally.first_refused[0]
    return f"the first: {row.line}: {row.reason}: {row.detail}"
