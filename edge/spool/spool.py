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
from typing import Self, TypeVar
from uuid import UUID, uuid4

from edge import event_log
from edge.clock import Clock
from edge.readings import Priority
from edge.spool import acceptance, acknowledging, chain, losses, opening, renewal, schema
from edge.spool.acceptance import NamedGroup
from edge.spool.opening import SpoolFile
from edge.spool.records import Depth, SealedBatch, SpoolCorrupt, SpoolLimits, SpoolTotals, SpoolUnavailable, Trimmed
from edge.spool.reserve import Reserve
from edge.spool.seal import Stamp, TableBook
from edge.wire.acknowledgement import Acknowledgement, RefusalReason
from edge.wire.batch import LossReason

Done = TypeVar("Done")

_TOTALS = ", ".join(SpoolTotals.__dataclass_fields__)

log = event_log.get(__name__)


class Spool:
    """A spool in one file, for one process; its methods may be called from any thread.

    Each method raises ``SpoolUnavailable`` where the file cannot be written for now, and ``SpoolCorrupt`` where it is
    damaged.
    """

    def __init__(
        self,
        file: SpoolFile,
        limits: SpoolLimits,
        clock: Clock,
        new_id: Callable[[], UUID],
    ) -> None:
        self._path, self._lock_file, self._db = file
        self._reserve = Reserve(self._path)
        self._reserve.take()
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
            with _explaining(path):
                file = SpoolFile(path, lock_file, opening.opened(path, clock, new_id))
                return cls(file, limits, clock, new_id)
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

    def limit(self, limits: SpoolLimits) -> None:
        """Hold these bounds from now on."""
        with self._lock:
            self._limits = limits

    def next_connection(self) -> int:
        """Return a number higher than that of every connection before."""

        def counted(db: sqlite3.Connection) -> int:
            chain.count(db, connection=1)
            number: int = db.execute("select connection from spool").fetchone()[0]
            return number

        return self._write_on_reserve(counted)

    def accept(self, groups: Sequence[NamedGroup]) -> list[int]:
        """Seal groups of readings, each with its source's name, and keep the sources' positions; return the sequences.

        When this returns, the readings are accepted. When it raises, none is.
        """
        return self._write(lambda db: acceptance.accept(db, groups, self._tables, self._limits, self._stamp()))

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
        with self._reading() as db:
            batches = chain.read_batches(db, after, limit)
        return [batch for batch in batches if self._is_intact(batch)]

    def batch(self, sequence: int) -> SealedBatch | None:
        """Return a pending batch, None where it is pending no more."""
        with self._reading() as db:
            found = chain.read_batches(db, sequence - 1, 1)
        return found[0] if found and found[0].sequence == sequence and self._is_intact(found[0]) else None

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
        trimmed = self._write_on_reserve(lambda db: acknowledging.trim(db, ack, self._clock.now_us()))
        if any(answer.reason is RefusalReason.DEVICE_NOT_REGISTERED for answer in trimmed.refused):
            # The platform judges a batch by its table: one unknown device in it would have every later one refused.
            with self._lock:
                self._tables.begin_anew()
        return trimmed

    def renew(self, reason: str) -> UUID:
        """Go on under a new spool id, every pending batch sealed again from the start of its chain."""
        fresh = self._new_id()

        def renewed(db: sqlite3.Connection) -> tuple[UUID, int]:
            return chain.read_chain(db).spool, renewal.renew(db, fresh, reason, self._stamp())

        abandoned, batches = self._write_on_reserve(renewed)
        log.warning("spool_renewed", abandoned=abandoned, spool=fresh, reason=reason, batches=batches)
        return fresh

    def enforce_limits(self) -> int:
        """Drop what exceeds the bounds, and declare at once every loss that no batch carries; return how many dropped.

        For an agent that has nothing to accept just now: an acceptance does the same with its own batches.
        """
        with self._reading() as db:
            idle = not losses.is_due(db, self._limits, self._stamp()) and not losses.undeclared(db, 1)
        return 0 if idle else self._write_on_reserve(self._bounded)

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

    def _bounded(self, db: sqlite3.Connection) -> int:
        dropped = losses.make_room(db, self._limits, self._stamp(), 0)
        chain.seal_losses(db, self._stamp())
        return dropped

    def _is_intact(self, batch: SealedBatch) -> bool:
        """Tell whether a batch may be sent; a damaged one is dropped as lost."""
        if chain.is_intact(batch):
            return True
        self._write_on_reserve(lambda db: losses.drop_batch(db, batch.sequence, LossReason.SPOOL_CORRUPT))
        return False

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _explaining(self._path):
            yield self._db

    def _write(self, work: Callable[[sqlite3.Connection], Done]) -> Done:
        """Do work in one transaction that is on the disk when this returns; a full disk is first asked for log room."""
        with self._lock, _explaining(self._path):
            try:
                return self._transaction(work)
            except sqlite3.OperationalError as error:
                if not schema.is_full(error):
                    raise
                schema.shorten_log(self._db)
                return self._transaction(work)

    def _write_on_reserve(self, work: Callable[[sqlite3.Connection], Done]) -> Done:
        """Do work that makes room, or is small: on a full disk it takes the room that is kept for it."""
        try:
            done = self._write(work)
        except SpoolUnavailable as error:
            if not schema.is_full(error.__cause__):
                raise
            with self._lock:
                self._reserve.release()
            done = self._write(work)
            with self._lock:
                schema.shorten_log(self._db)
        with self._lock:
            self._reserve.take()
        return done

    def _transaction(self, work: Callable[[sqlite3.Connection], Done]) -> Done:
        try:
            self._db.execute("begin immediate")
            done = work(self._db)
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise
        else:
            return done


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    try:
        yield
    except schema.DAMAGE as error:
        explained = schema.explained(error)
        if explained is None:
            raise
        if isinstance(explained, SpoolCorrupt):
            opening.mark_damaged(path)
        raise explained from error
