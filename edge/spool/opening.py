"""Opening a spool's file: one process at a time, a damaged file set aside for its successor, a missing one made."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from edge import event_log
from edge.clock import Clock
from edge.durable_file import sync_folder
from edge.spool import schema
from edge.spool.records import SpoolCorrupt, SpoolError, SpoolInUse
from edge.spool.seal import Stamp

log = event_log.get(__name__)


class SpoolFile(NamedTuple):
    """A spool's file, its lock, and the connection to it."""

    path: Path
    lock_file: int
    db: sqlite3.Connection


def locked(path: Path) -> int:
    """Take the lock file beside the spool, which the kernel gives back when the process ends, however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock_file = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SpoolError(f"{path}: {error.strerror}", "give spool.path a folder that the agent may write in") from error
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock_file)
        problem = f"{path} is in use by another process"
        raise SpoolInUse(problem, "end the other agent, or give this one another spool.path") from error
    return lock_file


def opened(path: Path, clock: Clock, new_id: Callable[[], UUID]) -> sqlite3.Connection:
    """Open the file for writing: exchanged first where it is damaged, made where there is none."""
    _finish_exchange(path)
    if path.exists() and (_mark(path).exists() or not _is_usable(path)):
        _make_successor(path, clock, new_id)
        _set_aside(path, clock)
        _finish_exchange(path)
    db = schema.connect(path)
    try:
        if schema.version(db) == 0:
            schema.create(db, new_id(), len(schema.set_aside_files(path)))
        schema.upgrade(db)
        _forget_unused_tables(db)
    except BaseException:
        db.close()
        raise
    return db


def mark_damaged(path: Path) -> None:
    """Have the next start set the file aside: what was met in using it need not be found by looking at it again."""
    try:
        _mark(path).touch()
    except OSError as error:
        log.warning("spool_not_marked", problem=error.strerror, fix="restart the agent once the disk can be written")


def _is_usable(path: Path) -> bool:
    """Tell whether a file is a sound spool, or empty; a damaged one is not."""
    try:
        with closing(schema.connect(path)) as db:
            found = schema.version(db)
            if found > schema.SCHEMA_VERSION:
                problem = f"{path} was written by a newer release of the agent"
                raise SpoolError(problem, "install that release again, or give this one another spool.path")
            return schema.is_sound(db) or (found == 0 and schema.is_empty(db))
    except schema.DAMAGE as error:
        explained = schema.explained(error)
        if isinstance(explained, SpoolCorrupt) or explained is None:
            return False
        raise


def _make_successor(path: Path, clock: Clock, new_id: Callable[[], UUID]) -> None:
    """Make the spool that follows a damaged one, under a name of its own, with all that can be carried over."""
    from edge.spool import salvage  # noqa: PLC0415 - loaded where a spool is damaged only

    successor = _successor(path)
    for part in _parts(successor):
        part.unlink(missing_ok=True)
    with closing(schema.connect(successor)) as db:
        schema.create(db, new_id(), len(schema.set_aside_files(path)) + 1)
        stamp = Stamp(clock.boot, clock.now_us(), clock.monotonic_us())
        salvaged = salvage.carry_over(path, db, new_id(), stamp)
    log.error(
        "spool_damaged",
        carried_batches=salvaged.batches,
        carried_readings=salvaged.readings,
        lost_readings="unknown" if salvaged.lost_readings is None else salvaged.lost_readings,
        fix="check the disk that holds the spool (dmesg, smartctl); what was lost is declared to the platform",
    )


def _set_aside(path: Path, clock: Clock) -> None:
    """Rename a damaged file with what belongs to it."""
    at = datetime.fromtimestamp(clock.now_us() / 1e6, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = path.with_name(f"{path.name}.corrupt-{at}")
    path.rename(aside)
    _move_log(path, aside)
    log.error("spool_set_aside", file=aside.name, fix="keep the file for recovery by hand")


def _finish_exchange(path: Path) -> None:
    """Put a damaged spool's successor in its place once that is free; also where a start before ended in between."""
    successor = _successor(path)
    if path.exists() or not successor.exists():
        return
    if aside := schema.set_aside_files(path):
        _move_log(path, aside[-1])
    _mark(path).unlink(missing_ok=True)
    successor.rename(path)
    sync_folder(path.parent)


def _move_log(path: Path, aside: Path) -> None:
    for part, new in list(zip(_parts(path), _parts(aside), strict=True))[1:]:
        if part.exists():
            part.rename(new)


def _parts(path: Path) -> list[Path]:
    return [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))]


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def _successor(path: Path) -> Path:
    return path.with_name(f"{path.name}.successor")


def _forget_unused_tables(db: sqlite3.Connection) -> None:
    """Delete series tables that nothing names any more; done on opening, when no table is in use in memory."""
    db.execute(
        "delete from series_tables where digest not in (select series_table from batches)"
        " and digest is not (select last_table from spool)"
    )
