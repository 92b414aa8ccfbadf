"""Dropping by policy, and the record of each drop: a loss waits until a batch declares it, and again if that is lost.

Policy: the oldest batches go first (where the spool is full, those of normal priority before any of high), as many at
once as bring the spool a sixteenth under the bound that it met, so that a long outage makes few records instead of one
a batch.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from edge import event_log
from edge.spool.records import SpoolLimits
from edge.spool.seal import Stamp
from edge.wire.batch import Loss, LossReason
from edge.wire.model import digest

_STEP = 15 / 16
_FIX = {
    LossReason.SPOOL_FULL: "bring the platform back into reach, or raise spool.max_bytes",
    LossReason.SPOOL_AGE: "bring the platform back into reach, or raise spool.max_age_s",
    LossReason.SPOOL_CORRUPT: "check the disk that holds the spool",
}

log = event_log.get(__name__)


@dataclass(frozen=True, slots=True)
class LossEntry:
    """A loss and its row."""

    loss_id: int
    loss: Loss


class _Dropped(NamedTuple):
    sequence: int
    sha256: str
    bytes: int
    readings: int
    first_us: int | None
    last_us: int | None


_DIGEST = re.compile(r"[0-9a-f]{64}")
_DROPPED = "sequence, sha256, bytes, readings, first_us, last_us"
COLUMNS = "first_sequence, last_sequence, readings, reason, last_digest, first_us, last_us"
"""Of the table of losses: what makes up a loss, but for the spool."""


def make_room(db: sqlite3.Connection, limits: SpoolLimits, stamp: Stamp, reserve: int) -> int:
    """Drop the oldest batches that exceed the bounds once ``reserve`` bytes more are stored; return how many."""
    due = next(_older_than(db, limits.max_age_s, stamp), None) is not None
    too_old = list(_older_than(db, limits.max_age_s * _STEP, stamp)) if due else []
    dropped = drop(db, too_old, LossReason.SPOOL_AGE)
    pending: int = db.execute("select pending_bytes from spool").fetchone()[0]
    if pending + reserve > limits.max_bytes:
        surplus = pending + reserve - int(limits.max_bytes * _STEP)
        dropped += drop(db, sorted(_oldest_of(db, surplus)), LossReason.SPOOL_FULL)
    return dropped


def is_due(db: sqlite3.Connection, limits: SpoolLimits, stamp: Stamp) -> bool:
    """Tell whether a bound is exceeded now."""
    pending: int = db.execute("select pending_bytes from spool").fetchone()[0]
    return pending > limits.max_bytes or next(_older_than(db, limits.max_age_s, stamp), None) is not None


def drop_batch(db: sqlite3.Connection, sequence: int, reason: LossReason) -> None:
    """Drop one pending batch, of whose row anything may be damaged."""
    rows = db.execute(f"select {_DROPPED}, payload from batches where sequence = ?", (sequence,))  # noqa: S608 - own text
    dropped = [(_Dropped(*row), payload) for *row, payload in rows]
    drop(db, [row if _DIGEST.fullmatch(row.sha256) else row._replace(sha256=digest(p)) for row, p in dropped], reason)


def undeclared(db: sqlite3.Connection, limit: int) -> list[LossEntry]:
    """Return losses that no pending or acknowledged batch carries; each names its spool if that is an abandoned one."""
    rows = db.execute(
        f"select loss_id, nullif(spool, (select spool from spool)), {COLUMNS} from losses"  # noqa: S608 - own text
        " where declared_in is null and settled = 0 order by spool, first_sequence limit ?",
        (limit,),
    )
    return [LossEntry(loss_id, _loss(spool, loss)) for loss_id, spool, *loss in rows]


def record(db: sqlite3.Connection, loss: Loss) -> None:
    """Keep a loss of the spool's present id; it waits to be declared."""
    db.execute(
        f"insert into losses (spool, {COLUMNS}) select spool, ?, ?, ?, ?, ?, ?, ? from spool",  # noqa: S608 - own text
        _row(loss),
    )


def adopt(db: sqlite3.Connection, spool: object, row: Sequence[object]) -> Loss:
    """Take over a loss from another file, of whose row anything may be damaged; it waits to be declared.

    Raises
    ------
    ValueError
        The row is none of a loss.
    """
    loss = _loss(str(spool), row)
    marks = "?, ?, ?, ?, ?, ?, ?, ?"
    db.execute(f"insert into losses (spool, {COLUMNS}) values ({marks})", (str(spool), *_row(loss)))  # noqa: S608 - own
    return loss


def renumber(db: sqlite3.Connection, entry: LossEntry, sequence: int) -> None:
    """Give a loss of an abandoned id one number of the present one."""
    db.execute(
        "update losses set (spool, first_sequence, last_sequence) = (select spool, ?1, ?1 from spool)"
        " where loss_id = ?2",
        (sequence, entry.loss_id),
    )


def declare(db: sqlite3.Connection, entries: Sequence[LossEntry], sequence: int) -> None:
    """Note that this batch carries these losses."""
    db.executemany("update losses set declared_in = ? where loss_id = ?", [(sequence, e.loss_id) for e in entries])


def settle(db: sqlite3.Connection, sequences: Iterable[int]) -> None:
    """Note that the platform has these batches, and with them the losses that they carry."""
    db.executemany(
        "update losses set settled = 1 where declared_in = ? and settled = 0", [(number,) for number in sequences]
    )


def _older_than(db: sqlite3.Connection, age_s: float, stamp: Stamp) -> Iterator[_Dropped]:
    """Yield the oldest batches beyond an age; within one boot a clock that was set does not make a batch older."""
    rows = db.execute(
        f"select boot, monotonic_us, sealed_us, {_DROPPED} from batches order by sequence"  # noqa: S608 - own text
    )
    for boot, monotonic_us, sealed_us, *row in rows:
        same_boot = boot == str(stamp.boot)
        age_us = stamp.monotonic_us - monotonic_us if same_boot else stamp.sealed_us - sealed_us
        if age_us <= age_s * 1e6:
            return
        yield _Dropped(*row)


def _oldest_of(db: sqlite3.Connection, surplus: int) -> Iterator[_Dropped]:
    for row in db.execute(f"select {_DROPPED} from batches order by priority, sequence"):  # noqa: S608 - own text
        if surplus <= 0:
            return
        surplus -= row[2]
        yield _Dropped(*row)


def drop(db: sqlite3.Connection, batches: Sequence[_Dropped], reason: LossReason) -> int:
    """Drop pending batches (ascending), record a loss for each contiguous run, and return how many were dropped."""
    if not batches:
        return 0
    for run in _runs(batches):
        record(db, _loss_of(run, reason))
    numbers = [(batch.sequence,) for batch in batches]
    db.executemany("delete from batches where sequence = ?", numbers)
    db.executemany("update losses set declared_in = null where declared_in = ? and settled = 0", numbers)
    readings = sum(batch.readings for batch in batches)
    db.execute(
        "update spool set lost_batches = lost_batches + ?1, lost_readings = lost_readings + ?2,"
        " pending_batches = pending_batches - ?1, pending_readings = pending_readings - ?2,"
        " pending_bytes = pending_bytes - ?3",
        (len(batches), readings, sum(batch.bytes for batch in batches)),
    )
    _merge_neighbours(db)
    log.warning("batches_dropped", batches=len(batches), readings=readings, reason=reason.value, fix=_FIX[reason])
    return len(batches)


def _runs(batches: Sequence[_Dropped]) -> Iterator[list[_Dropped]]:
    run: list[_Dropped] = []
    for batch in batches:
        if run and batch.sequence != run[-1].sequence + 1:
            yield run
            run = []
        run.append(batch)
    yield run


def _loss_of(run: Sequence[_Dropped], reason: LossReason) -> Loss:
    firsts = [batch.first_us for batch in run if batch.first_us is not None]
    lasts = [batch.last_us for batch in run if batch.last_us is not None]
    return Loss(
        first_sequence=run[0].sequence,
        last_sequence=run[-1].sequence,
        readings=sum(batch.readings for batch in run),
        reason=reason,
        last_digest=run[-1].sha256,
        first_us=min(firsts, default=None),
        last_us=max(lasts, default=None),
    )


def _merge_neighbours(db: sqlite3.Connection) -> None:
    """Join undeclared losses whose ranges touch and whose reason is the same, so that their number stays small."""
    kept: LossEntry | None = None
    for entry in undeclared(db, -1):
        if kept is None or not _touch(kept.loss, entry.loss):
            kept = entry
            continue
        kept = LossEntry(kept.loss_id, _joined(kept.loss, entry.loss))
        db.execute("delete from losses where loss_id = ?", (entry.loss_id,))
        db.execute(
            f"update losses set ({COLUMNS}) = (?, ?, ?, ?, ?, ?, ?) where loss_id = ?",  # noqa: S608 - own text
            (*_row(kept.loss), kept.loss_id),
        )


def _touch(first: Loss, second: Loss) -> bool:
    alike = (first.spool, first.reason) == (second.spool, second.reason)
    return alike and first.last_sequence + 1 == second.first_sequence


def _joined(first: Loss, second: Loss) -> Loss:
    return Loss(
        first_sequence=first.first_sequence,
        last_sequence=second.last_sequence,
        readings=first.readings + second.readings,
        reason=first.reason,
        last_digest=second.last_digest,
        first_us=min((t for t in (first.first_us, second.first_us) if t is not None), default=None),
        last_us=max((t for t in (first.last_us, second.last_us) if t is not None), default=None),
        spool=first.spool,
    )


def _row(loss: Loss) -> tuple[object, ...]:
    return (
        loss.first_sequence,
        loss.last_sequence,
        loss.readings,
        loss.reason.value,
        loss.last_digest,
        loss.first_us,
        loss.last_us,
    )


def _loss(spool: str | None, row: Sequence[object]) -> Loss:
    names = ("first_sequence", "last_sequence", "readings", "reason", "last_digest", "first_us", "last_us")
    values = dict(zip(names, row, strict=True))
    values |= {"reason": LossReason(str(values["reason"])), "spool": None if spool is None else UUID(spool)}
    return Loss.model_validate(values)
