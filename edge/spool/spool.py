"""The spool: one SQLite file between sources and platform; what is in it counts as accepted.

Every change is one transaction that is on the disk before the call returns, so that a process killed at any moment
finds, on its next start, each batch sealed or not made, each source's position beside its last accepted readings, and
each acknowledged batch gone or still pending.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Self
from uuid import UUID, uuid4

from edge import event_log
from edge.clock import Clock
from edge.readings import Priority
from edge.spool import acceptance, acknowledging, chain, losses, opening, renewal, schema
from edge.spool.acceptance import NamedGroup
from edge.spool.records import Depth, SealedBatch, SpoolLimits, SpoolTotals, Trimmed
from edge.spool.seal import Stamp, TableBook
from edge.wire.acknowledgement import Acknowledgement, RefusalReason
from edge.wire.batch import LossReason

_TOTALS = ", ".join(SpoolTotals.__dataclass_fields__)

log = event_log.get(__name__)


class Spool:
    """A spool in one file, for one process; its methods may be called from any thread.

    Each method raises ``SpoolUnavailable`` where the file cannot be written for now, and ``SpoolCorrupt`` where it is
    damaged.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        lock_file: int,
        limits: SpoolLimits,
        clock: Clock,
        new_id: Callable[[], UUID],
    ) -> None:
        self._db = db
        self._lock_file = lock_file
        self._limits = limits
        self._clock = clock
        self._new_id = new_id
        self._lock = Lock()
        self._tables = TableBook()

    @classmethod
    def open(cls, path: Path, limits: SpoolLimits, clock: Clock, new_id: Callable[[], UUID] = uuid4) -> Self:
        """Open the file, or make it; a damaged one is set aside first.

        Raises
        ------
        SpoolInUse
            Another process has the file.
        SpoolError
            The file cannot be used, for the reason that the error gives.
        """
        lock_file = opening.locked(path)
        try:
            with _explaining():
                return cls(opening.opened(path, clock, new_id), lock_file, limits, clock, new_id)
        except BaseException:
            os.close(lock_file)
            raise

    def close(self) -> None:
        """Close the file and let another process have it."""
        with self._lock:
            self._db.close()
            os.close(self._lock_file)

    @property
    def spool_id(self) -> UUID:
        """The id under which batches are sent now."""
        with self._reading() as db:
            return chain.read_chain(db).spool

    @property
    def last_sequence(self) -> int:
        """Number of the last batch made, 0 where there is none."""
        with self._reading() as db:
            return chain.read_chain(db).next_sequence - 1

    def next_connection(self) -> int:
        """Return a number higher than that of every connection before."""
        with self._writing() as db:
            chain.count(db, connection=1)
            number: int = db.execute("select connection from spool").fetchone()[0]
            return number

    def accept(self, groups: Sequence[NamedGroup]) -> list[int]:
        """Seal groups of readings, each with its source's name, and keep the sources' positions; return the sequences.

        When this returns, the readings are accepted. When it raises, none is.
        """
        with self._writing() as db:
            return acceptance.accept(db, groups, self._tables, self._limits, self._stamp())

    def position(self, source: str) -> str | None:
        """Return where a source goes on, None where nothing of it was ever accepted."""
        with self._reading() as db:
            row = db.execute("select position from positions where source = ?", (source,)).fetchone()
            return row[0] if row else None

    def first_pending(self, after: int, up_to: int, priority: Priority) -> int | None:
        """Return the lowest pending sequence of a priority in (after, up_to], None where there is none."""
        with self._reading() as db:
            return chain.first_pending(db, after, up_to, priority)

    def pending(self, after: int = 0, limit: int = 100) -> list[SealedBatch]:
        """Return pending batches after a sequence, ascending; one whose payload is damaged is dropped as lost."""
        with self._writing() as db:
            batches = chain.read_batches(db, after, limit)
            intact = [batch for batch in batches if chain.is_intact(batch)]
            for batch in batches if len(intact) < len(batches) else []:
                if not chain.is_intact(batch):
                    losses.drop_batch(db, batch.sequence, LossReason.SPOOL_CORRUPT)
            return intact

    def batch(self, sequence: int) -> SealedBatch | None:
        """Return a pending batch, None where it is pending no more."""
        with self._reading() as db:
            found = chain.read_batches(db, sequence - 1, 1)
        if not found or found[0].sequence != sequence:
            return None
        if chain.is_intact(found[0]):
            return found[0]
        with self._writing() as db:
            losses.drop_batch(db, sequence, LossReason.SPOOL_CORRUPT)
        return None

    def naming(self, table: str) -> list[int]:
        """Return the pending sequences whose batches name this series table."""
        with self._reading() as db:
            rows = db.execute("select sequence from batches where series_table = ? order by sequence", (table,))
            return [row[0] for row in rows]

    def series_table(self, digest: str) -> bytes | None:
        """Return the series table with this digest as it is sent, None where no pending batch names it."""
        with self._reading() as db:
            row = db.execute("select document from series_tables where digest = ?", (digest,)).fetchone()
            return row[0] if row else None

    def trim(self, ack: Acknowledgement) -> Trimmed:
        """Remove what the platform has committed or refused; one for another spool id changes nothing.

        Batches whose refusal asks for a renewal stay pending: ``renew`` carries them on.
        """
        with self._writing() as db:
            trimmed = acknowledging.trim(db, ack, self._clock.now_us())
            if any(answer.reason is RefusalReason.DEVICE_NOT_REGISTERED for answer in trimmed.refused):
                # The platform judges a batch by its table: one unknown device in it would have every later one refused.
                self._tables.begin_anew()
            return trimmed

    def renew(self, reason: str) -> UUID:
        """Go on under a new spool id, every pending batch sealed again from the start of its chain."""
        with self._writing() as db:
            abandoned, fresh = chain.read_chain(db).spool, self._new_id()
            batches = renewal.renew(db, fresh, reason, self._stamp())
        log.warning("spool_renewed", abandoned=abandoned, spool=fresh, reason=reason, batches=batches)
        return fresh

    def enforce_limits(self) -> int:
        """Drop what exceeds the bounds, and declare at once every loss that no batch carries; return how many dropped.

        For an agent that has nothing to accept just now: an acceptance does the same with its own batches.
        """
        with self._reading() as db:
            idle = not losses.is_due(db, self._limits, self._stamp()) and not losses.undeclared(db, 1)
        if idle:
            return 0
        with self._writing() as db:
            dropped = losses.make_room(db, self._limits, self._stamp(), 0)
            chain.seal_losses(db, self._stamp())
            return dropped

    def is_drained(self) -> bool:
        """Tell whether nothing is left to send: no batch is pending and no loss waits to be declared."""
        with self._reading() as db:
            pending: int = db.execute("select pending_batches from spool").fetchone()[0]
            return pending == 0 and not losses.undeclared(db, 1)

    def depth(self) -> Depth:
        """Return how much is pending, and since when."""
        with self._reading() as db:
            row = db.execute(
                "select pending_batches, pending_bytes, pending_readings,"
                " (select sealed_us from batches order by sequence limit 1) from spool"
            ).fetchone()
            return Depth(*row)

    def totals(self) -> SpoolTotals:
        """Return the counters since the file was made."""
        with self._reading() as db:
            return SpoolTotals(*db.execute(f"select {_TOTALS} from spool").fetchone())  # noqa: S608 - own names

    def _stamp(self) -> Stamp:
        return Stamp(self._clock.boot, self._clock.now_us(), self._clock.monotonic_us(), self._limits.compress)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _explaining():
            yield self._db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _explaining():
            try:
                self._db.execute("begin immediate")
                yield self._db
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise


@contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        explained = schema.explained(error)
        if explained is None:
            raise
        raise explained from error
