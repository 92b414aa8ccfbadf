"""Retention runs: whole ranges of readings go, the oldest first, each once everything that outlives it is in place.

A range is closed to late readings, its buckets and increments are right, and the leaves of every ledger entry in it are
kept and give the entry's row root; then its rows go in one transaction. Any step may be the last: what it leaves is
right, and the next run goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Event

from psycopg import errors

from edge import event_log
from ingest.canonical import root_of_leaves
from ingest.store import leaves
from ingest.store import retention as store
from ingest.store.connection import Database
from ingest.store.leaves import ToldByRows
from ingest.store.retention import MARGIN, Range, Removed
from ingest.write_fence import LONGEST_WAIT_S, writes_have_ended

log = event_log.get(__name__)

SLICE = timedelta(hours=8)
"""Time whose leaves are kept in one transaction."""
_LOCK_TIMEOUT = timedelta(seconds=1)
_FIX_PROOF = (
    "rows were changed or lost outside ingest. Restore a backup into another database and compare; until they are put"
    " right, nothing more of this class is removed"
)


class Stage(StrEnum):
    """Moments of a run that an observer is told of."""

    CLOSED = "closed"
    WRITES_ENDED = "writes_ended"
    LEAVES_KEPT = "leaves_kept"
    """Those of a slice are, and its rows are still there."""
    REMOVING = "removing"
    """The rows of a range are gone, if the transaction commits."""
    REMOVED = "removed"


class UnprovenError(RuntimeError):
    """A ledger entry's rows don't give its row root, so they may not go; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Runs over what is older than it is kept; ``stopping`` ends a run between two transactions."""

    connection: Database
    keep_days: Mapping[str, int | None]
    stopping: Event = field(default_factory=Event)
    observe: Callable[[Stage], None] = lambda _: None
    report: Callable[[Removed], None] = lambda _: None
    """Told of every range that went."""
    longest_wait_s: float = LONGEST_WAIT_S

    def run(self, now: datetime | None) -> None:
        """Remove what is older than it is kept at ``now``; None: nobody vouches for the time, and nothing goes.

        Raises
        ------
        UnprovenError
            Rows of a class don't give the row root of their ledger entry; they stay, and what is younger of the class.
        """
        store.note_run(self.connection, self.keep_days)
        unproven: list[UnprovenError] = []
        for retention_class, before in limits(self.keep_days, now).items():
            try:
                self._remove_before(retention_class, before)
            except UnprovenError as error:
                unproven.append(error)
        if unproven:
            raise unproven[0]

    def _remove_before(self, retention_class: str, before: datetime) -> None:
        while not self.stopping.is_set():
            oldest = store.next_range(self.connection, retention_class, before)
            if oldest is None or not self._remove(oldest):
                break

    def _remove(self, gone: Range) -> bool:
        """Remove a range; False where that has to wait for another run."""
        closed = gone.end + MARGIN
        if not self._is_settled(gone, closed):
            return False
        store.close_before(self.connection, gone.retention_class, closed)
        self.observe(Stage.CLOSED)
        if not writes_have_ended(
            self.connection, self.stopping, self.longest_wait_s, "retention_waits_for_a_write"
        ) or not self._is_settled(gone, closed):  # a write may have touched an hour before it was closed
            return False
        self.observe(Stage.WRITES_ENDED)
        self._keep_leaves(gone)
        return not self.stopping.is_set() and self._remove_rows(gone)

    def _is_settled(self, gone: Range, closed: datetime) -> bool:
        lacking = store.unsettled(self.connection, gone.retention_class, closed)
        if lacking is None:
            return True
        log.info(
            "retention_waits",
            retention_class=gone.retention_class,
            before=gone.end.isoformat(),
            reason=f"{lacking} of hours before {closed.isoformat()} are not computed yet",
            fix="none while the scheduler runs: the next run goes on",
        )
        return False

    def _keep_leaves(self, gone: Range) -> None:
        for start, end in _slices(gone):
            if self.stopping.is_set():
                return
            unprovable = 0
            with self.connection.transaction():
                for portion in leaves.told_by_rows(self.connection, gone.retention_class, start, end):
                    proven = [told.leaves for told in portion if _is_proven(told)]
                    unprovable += len(portion) - len(proven)
                    leaves.keep(self.connection, proven)
            if unprovable:  # committed before leaves were kept of such entries at once
                log.warning(
                    "leaves_not_known",
                    retention_class=gone.retention_class,
                    before=end.isoformat(),
                    entries=unprovable,
                    fix="none: they hold duplicates, which were not kept apart then; their payload digests stay",
                )
            self.observe(Stage.LEAVES_KEPT)

    def _remove_rows(self, gone: Range) -> bool:
        try:
            with self.connection.transaction():
                removed = store.remove(self.connection, gone, _LOCK_TIMEOUT)
                self.observe(Stage.REMOVING)
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            log.info("retention_gave_way", retention_class=gone.retention_class, error=str(error).strip())
            return False
        self.observe(Stage.REMOVED)
        log.info(
            "readings_removed",
            retention_class=gone.retention_class,
            start=gone.start.isoformat(),
            end=gone.end.isoformat(),
            readings=removed.readings,
            corrections=removed.corrections,
            chunks=gone.chunks,
        )
        self.report(removed)
        return True


def limits(keep_days: Mapping[str, int | None], now: datetime | None) -> dict[str, datetime]:
    """Return by class before when a range must have ended to go; classes that are kept for ever are left out."""
    if now is None:
        return {}
    return {name: now - timedelta(days=days) - MARGIN for name, days in keep_days.items() if days is not None}


def _slices(gone: Range) -> Iterator[tuple[datetime, datetime]]:
    start = gone.start
    while start < gone.end:
        end = min(start + SLICE, gone.end)
        yield start, end
        start = end


def _is_proven(told: ToldByRows) -> bool:
    """Return whether leaves give the entry's row root; False where nobody can tell all of its readings any more."""
    if root_of_leaves(told.leaves.leaves) == told.row_root:
        return True
    if told.duplicates:
        return False
    msg = f"the rows of ledger entry {told.leaves.entry_id} do not give its row root: {_FIX_PROOF}"
    raise UnprovenError(msg)
