"""Opening a spool's file: one process at a time, a damaged file set aside, a missing one made."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from edge import event_log
from edge.clock import Clock
from edge.spool import schema
from edge.spool.records import SpoolCorrupt, SpoolError, SpoolInUse

log = event_log.get(__name__)


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
    """Open the file for writing, set aside first where it is damaged, made where there is none."""
    set_aside = 0
    if path.exists() and not _is_usable(path):
        set_aside = _set_aside(path, clock)
    db = schema.connect(path)
    try:
        if schema.version(db) == 0:
            schema.create(db, new_id(), set_aside)
        schema.upgrade(db)
        _forget_unused_tables(db)
    except BaseException:
        db.close()
        raise
    return db


def _is_usable(path: Path) -> bool:
    """Tell whether a file is a sound spool, or empty; a damaged one is not."""
    try:
        with closing(schema.connect(path)) as db:
            found = schema.version(db)
            if found > schema.SCHEMA_VERSION:
                problem = f"{path} was written by a newer release of the agent"
                raise SpoolError(problem, "install that release again, or give this one another spool.path")
            return schema.is_sound(db) or (found == 0 and schema.is_empty(db))
    except sqlite3.DatabaseError as error:
        explained = schema.explained(error)
        if isinstance(explained, SpoolCorrupt) or explained is None:
            return False
        raise


def _set_aside(path: Path, clock: Clock) -> int:
    """Rename a damaged file with what belongs to it, and return how many such files there are now."""
    at = datetime.fromtimestamp(clock.now_us() / 1e6, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(path.with_name(f"{path.name}.corrupt-{at}{suffix}"))
    fix = "keep the file for recovery by hand; sources that can go back start over, others lost what was pending"
    log.error("spool_set_aside", file=f"{path.name}.corrupt-{at}", fix=fix)
    return len(schema.set_aside_files(path))


def _forget_unused_tables(db: sqlite3.Connection) -> None:
    """Delete series tables that nothing names any more; done on opening, when no table is in use in memory."""
    db.execute(
        "delete from series_tables where digest not in (select series_table from batches)"
        " and digest is not (select last_table from spool)"
    )
