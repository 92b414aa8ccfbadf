"""Bring a database to this release's schema: the numbered files of ``ingest/schema``, once each, in order.

Ingest goes on meanwhile. Whoever wants a lock waits behind a migration that waits for one, so that it waits for a
moment only and is tried again; and it is cancelled when it keeps locks that others need for longer than it may.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from threading import Event, Thread
from typing import Any

import psycopg

from edge import event_log

log = event_log.get(__name__)

_LOCK = 0x736D6172  # "smar": one migration at a time in a database
_FILE_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 10.0
_LOOK_S = 0.2


class MigrationError(RuntimeError):
    """The database cannot be brought to this schema; the message says what to do."""


@dataclass(frozen=True, slots=True)
class SchemaFile:
    """One numbered file of the schema."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the text, by which a change of an applied file is found out."""
        return hashlib.sha256(self.sql.encode()).digest()


@dataclass(frozen=True, slots=True)
class LockBounds:
    """How far a migration may get in the way of those who read and write.

    With ``hold_s`` the longest time for which nobody can write to a table is bounded: ``wait_s`` before a file has its
    locks, and ``hold_s`` with them.
    """

    wait_s: float = 1.0
    """A file waits for a lock for so long at a time."""
    hold_s: float = 10.0
    """A file is cancelled when it keeps locks against writers on tables that were there before it for so long."""
    give_up_s: float = 600.0
    """For how long a file that did not get its locks is tried again."""


def schema_files() -> list[SchemaFile]:
    """Return the files of the schema in the order in which they are applied."""
    found = [
        SchemaFile(int(match[1]), entry.name, entry.read_text(encoding="utf-8"))
        for entry in resources.files("ingest").joinpath("schema").iterdir()
        if (match := _FILE_NAME.match(entry.name))
    ]
    files = sorted(found, key=lambda file: file.number)
    if [file.number for file in files] != list(range(1, len(files) + 1)):
        msg = f"schema files must be numbered 1, 2, 3, ... without gaps: {[file.name for file in files]}"
        raise MigrationError(msg)
    return files


def migrate(dsn: str, bounds: LockBounds | None = None, files: Sequence[SchemaFile] | None = None) -> None:
    """Apply what is missing, each file in its own transaction; safe to run twice and from two processes at once.

    Parameters
    ----------
    files
        The schema; None: that of this release.

    Raises
    ------
    MigrationError
        An applied file has changed since, the database is of a newer release, or a file did not get its locks, or kept
        them too long; it left nothing behind then.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])
        _create_timescaledb(connection)
        connection.execute(
            """create table if not exists schema_migrations (
                   number     integer primary key,
                   name       text not null,
                   sha256     bytea not null,
                   applied_at timestamptz not null default now())"""
        )
        for file in _missing(connection, schema_files() if files is None else files):
            _apply(connection, dsn, file, bounds or LockBounds())


def _missing(connection: psycopg.Connection, files: Sequence[SchemaFile]) -> list[SchemaFile]:
    applied = {
        number: (name, bytes(sha256))
        for number, name, sha256 in connection.execute("select number, name, sha256 from schema_migrations")
    }
    if unknown := applied.keys() - {file.number for file in files}:
        msg = (
            f"the database has migrations {sorted(unknown)} that this release does not know: install the newer release"
        )
        raise MigrationError(msg)
    for file in files:
        if file.number in applied and applied[file.number][1] != file.sha256:
            msg = f"{file.name} has changed since it was applied: restore it, and put the change into a new file"
            raise MigrationError(msg)
    return [file for file in files if file.number not in applied]


def _apply(connection: psycopg.Connection, dsn: str, file: SchemaFile, bounds: LockBounds) -> None:
    end_s, pause_s = time.monotonic() + bounds.give_up_s, _FIRST_PAUSE_S
    while True:
        cancelled = Event()
        try:
            with _watched(connection, dsn, bounds.hold_s, cancelled):
                _apply_once(connection, file, bounds.wait_s)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            holders = _holders(connection)
            if time.monotonic() >= end_s:
                msg = (
                    f"{file.name} did not get its locks within {bounds.give_up_s:g} s; the sessions with the oldest"
                    f" transactions are: {'; '.join(holders)}. End them or wait for their end, then migrate again"
                )
                raise MigrationError(msg) from None
            log.warning("migration_waits", name=file.name, holders=holders, fix="none: it is tried again")
            time.sleep(min(pause_s, max(0.0, end_s - time.monotonic())))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        except psycopg.errors.QueryCanceled:
            if not cancelled.is_set():
                raise
            msg = (
                f"{file.name} kept locks on tables in use for {bounds.hold_s:g} s and was undone. Stop the ingest"
                " workers (agents keep their readings meanwhile), then give it time: smartstore-ingest migrate"
                " --hold-s 3600"
            )
            raise MigrationError(msg) from None
        else:
            log.info("migration_applied", number=file.number, name=file.name)
            return


def _apply_once(connection: psycopg.Connection, file: SchemaFile, wait_s: float) -> None:
    with connection.transaction():
        connection.execute("select set_config('lock_timeout', %s, true)", [f"{max(1, round(wait_s * 1000))}ms"])
        connection.execute(file.sql.encode())
        connection.execute(
            "insert into schema_migrations (number, name, sha256) values (%s, %s, %s)",
            [file.number, file.name, file.sha256],
        )


@contextmanager
def _watched(connection: psycopg.Connection, dsn: str, hold_s: float, cancelled: Event) -> Iterator[None]:
    """Cancel what a session does, and say so, when it keeps locks that others need for longer than it may."""
    over = Event()
    with psycopg.connect(dsn, autocommit=True) as watching:
        pid = connection.info.backend_pid
        watch = Thread(target=_watch, args=(watching, pid, hold_s, over, cancelled), name="watch", daemon=True)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()


def _watch(watching: psycopg.Connection[Any], pid: int, hold_s: float, over: Event, cancelled: Event) -> None:
    since_s: float | None = None
    while not over.wait(_LOOK_S):
        row = watching.execute(_LOCKED, [pid]).fetchone()
        if row is None or not row[0]:
            since_s = None
        elif since_s is None:
            since_s = time.monotonic()
        elif time.monotonic() - since_s >= hold_s:
            cancelled.set()
            watching.execute("select pg_cancel_backend(%s)", [pid])
            return


# Tables that a migration makes itself are not seen from outside before its end. The modes are those against writers.
_LOCKED = """
    with own as (
        select oid from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
    ), all_tables as (
        select oid from own union all select inhrelid from pg_inherits where inhparent in (select oid from own)
    )
    select exists (
        select from pg_locks
         where pid = %s and granted and locktype = 'relation'
           and database = (select oid from pg_database where datname = current_database())
           and relation in (select oid from all_tables)
           and mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))"""


def _holders(connection: psycopg.Connection) -> list[str]:
    """Return the sessions of this database with the oldest transactions, in words."""
    rows = connection.execute(
        """select pid, coalesce(nullif(application_name, ''), backend_type), xact_start
             from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
            order by xact_start limit 5"""
    )
    return [f"process {pid} ({name}) since {began:%Y-%m-%d %H:%M:%S %Z}" for pid, name, began in rows]


def _create_timescaledb(connection: psycopg.Connection) -> None:
    """Create the extension where the server offers and has loaded it; plain PostgreSQL is an edition, not an error."""
    available = connection.execute("select from pg_available_extensions where name = 'timescaledb'").fetchone()
    if available is None:
        return
    # Without its library preloaded the extension ends the session; its settings exist only when it is preloaded.
    if connection.execute("select from pg_settings where name like 'timescaledb.%' limit 1").fetchone() is None:
        log.warning(
            "timescaledb_not_loaded",
            fix="add timescaledb to shared_preload_libraries and restart the server before the first migration; "
            "going on with plain tables",
        )
        return
    try:
        connection.execute("create extension if not exists timescaledb")
    except psycopg.errors.InsufficientPrivilege as error:
        msg = "only a superuser can add TimescaleDB: run 'create extension timescaledb' in this database, then migrate"
        raise MigrationError(msg) from error
