"""The spool's file: its tables, how it is opened, and what its errors mean."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from edge.spool.records import SpoolCorrupt, SpoolError, SpoolUnavailable

SCHEMA_VERSION = 2

SCHEMA = """
create table spool (
    only_row            integer primary key check (only_row = 1),
    spool               text not null,
    next_sequence       integer not null default 1,
    previous            text,               -- SHA-256 of the last batch made
    last_table          text,               -- series table and origin of the last batch made
    last_origin         text,
    connection          integer not null default 0,
    set_aside           integer not null default 0,  -- damaged files before this one
    acknowledged_us     integer,
    accepted_readings   integer not null default 0,
    made_batches        integer not null default 0,
    committed_batches   integer not null default 0,
    committed_readings  integer not null default 0,
    refused_batches     integer not null default 0,
    refused_readings    integer not null default 0,
    lost_batches        integer not null default 0,
    lost_readings       integer not null default 0,
    resealed_batches    integer not null default 0,
    pending_batches     integer not null default 0,
    pending_bytes       integer not null default 0,
    pending_readings    integer not null default 0,
    withheld            integer not null default 0
) strict;

-- Pending batches only; the payload is last so that the other columns are read without it.
create table batches (
    sequence     integer primary key,
    sha256       text not null,
    bytes        integer not null,
    readings     integer not null,
    first_us     integer,
    last_us      integer,
    sealed_us    integer not null,
    monotonic_us integer not null,
    boot         text not null,
    origin       text not null,
    series_table text not null,
    priority     integer not null default 0,
    payload      blob not null
) strict;
create index batches_by_digest on batches (sha256);
create index batches_by_table on batches (series_table);
create index batches_by_priority on batches (priority, sequence);

create table series_tables (digest text primary key, document blob not null) strict, without rowid;
create table positions (source text primary key, position text not null) strict, without rowid;

-- Losses; declared_in is the batch that carries them (null: none yet), settled once that batch is pending no more.
create table losses (
    loss_id        integer primary key,
    spool          text not null,
    first_sequence integer not null,
    last_sequence  integer not null,
    readings       integer not null,
    reason         text not null,
    last_digest    text not null,
    first_us       integer,
    last_us        integer,
    declared_in    integer,
    settled        integer not null default 0
) strict;
create index losses_open on losses (declared_in) where settled = 0;

-- Decoder refusals accepted before any series table was known that a batch could name.
create table refusals_waiting (refusal_id integer primary key, document blob not null) strict;

-- The state of either side's chain on the last acknowledgement of each UTC day, for comparison on site.
create table daily_heads (
    day            text not null,
    spool          text not null,
    last_sequence  integer not null,
    last_digest    text,
    ledger_entries integer not null,
    ledger_digest  text not null,
    at_us          integer not null,
    primary key (day, spool)
) strict, without rowid;

create table renewals (
    spool          text primary key,  -- the abandoned id
    continued_as   text not null,
    reason         text not null,
    at_us          integer not null,
    last_sequence  integer not null,
    batches        integer not null
) strict, without rowid;
"""

UPGRADES = {
    1: """
alter table batches add column priority integer not null default 0;
create index batches_by_priority on batches (priority, sequence);
""",
}
"""By the version that they lead on from: a new release of the agent goes on with the spool that it finds."""

_BALANCE = """
select accepted_readings = committed_readings + refused_readings + lost_readings + pending_readings
   and made_batches = committed_batches + refused_batches + lost_batches + resealed_batches + pending_batches
   and pending_batches >= 0 and pending_readings >= 0 and pending_bytes >= 0
   and (next_sequence = 1) = (previous is null)
   and coalesce(length(previous) = 64 and previous not glob '*[^0-9a-f]*', true)
   and coalesce(length(last_table) = 64 and last_table not glob '*[^0-9a-f]*', true)
   and length(spool) = 36 and spool glob '????????-????-????-????-????????????'
   and replace(spool, '-', '') not glob '*[^0-9a-f]*' and length(replace(spool, '-', '')) = 32
  from spool"""

_PASSING = {
    sqlite3.SQLITE_FULL: "free space on the disk that holds the spool",
    sqlite3.SQLITE_READONLY: "make the spool's file and folder writable for the agent's user",
    sqlite3.SQLITE_PERM: "make the spool's file and folder writable for the agent's user",
    sqlite3.SQLITE_CANTOPEN: "check that the spool's folder exists and that the agent's user may write in it",
    sqlite3.SQLITE_IOERR: "check the disk that holds the spool (dmesg, smartctl)",
    sqlite3.SQLITE_BUSY: "end the other program that holds the spool's file",
    sqlite3.SQLITE_LOCKED: "end the other program that holds the spool's file",
    sqlite3.SQLITE_NOMEM: "give the agent more memory",
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What a damaged file raises; the second where SQLite quotes the damage in its message."""

_RESTART = "restart the agent: it sets the damaged file aside and goes on with what can be read of it"

_CACHE_KIB = 64
"""Pages that SQLite keeps in memory: a spool is written at one end and read at the other, so that more helps little."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for writing: write-ahead log, and every commit on the disk before it returns."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    db.text_factory = text_of
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = full")
    db.execute("pragma journal_size_limit = 8388608")
    db.execute(f"pragma cache_size = -{_CACHE_KIB}")
    return db


def text_of(stored: bytes) -> str:
    """Return a stored text; damage that SQLite does not see must not make a row unreadable."""
    return stored.decode("utf-8", "replace")


def is_sound(db: sqlite3.Connection) -> bool:
    """Tell whether the file is a spool of this release or one before it, without damage to its pages or counters."""
    known = version(db) in {SCHEMA_VERSION, *UPGRADES}
    return known and db.execute("pragma quick_check(1)").fetchone() == ("ok",) and is_balanced(db)


def is_balanced(db: sqlite3.Connection) -> bool:
    """Tell whether the counters can be read and agree with each other: what was made is somewhere."""
    try:
        rows = db.execute(_BALANCE).fetchall()
    except DAMAGE:
        return False
    return rows == [(1,)]


def version(db: sqlite3.Connection) -> int:
    """Return the version of the file's tables, 0 for an empty file."""
    found: int = db.execute("pragma user_version").fetchone()[0]
    return found


def is_empty(db: sqlite3.Connection) -> bool:
    """Tell whether the file has no table at all."""
    return db.execute("select 1 from sqlite_schema").fetchone() is None


def set_aside_files(path: Path) -> list[Path]:
    """Return the damaged files that were set aside beside this spool, oldest first."""
    found = path.parent.glob(f"{path.name}.corrupt-*")
    return sorted(part for part in found if not part.name.endswith(("-wal", "-shm")))


def create(db: sqlite3.Connection, spool: UUID, set_aside: int) -> None:
    """Make the tables of a new spool in one transaction."""
    insert = f"insert into spool (only_row, spool, set_aside) values (1, '{spool}', {set_aside:d})"  # noqa: S608 - own
    db.executescript(f"begin immediate; {SCHEMA} {insert}; pragma user_version = {SCHEMA_VERSION:d}; commit")


def upgrade(db: sqlite3.Connection) -> None:
    """Bring the tables of a spool of an earlier release up to this one, in one transaction."""
    found = version(db)
    steps = "".join(UPGRADES[number] for number in range(found, SCHEMA_VERSION))
    if steps:
        db.executescript(f"begin immediate; {steps} pragma user_version = {SCHEMA_VERSION:d}; commit")


def is_full(error: BaseException | None) -> bool:
    """Tell whether an error of SQLite means that the disk is full."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def shorten_log(db: sqlite3.Connection) -> None:
    """Write the log back into the file and give its room to the disk, as far as the disk allows it."""
    with suppress(sqlite3.OperationalError):
        db.execute("pragma wal_checkpoint(truncate)")


def explained(error: sqlite3.DatabaseError | UnicodeDecodeError) -> SpoolError | None:
    """Return what an error of SQLite means to an operator, None for one that only a defect of the program explains."""
    if isinstance(error, UnicodeDecodeError):
        return SpoolCorrupt("the spool's file is damaged: SQLite's message about it is unreadable", _RESTART)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _PASSING:
        return SpoolUnavailable(f"the spool cannot be written: {error}", _PASSING[code])
    if code in _DAMAGED:
        return SpoolCorrupt(f"the spool's file is damaged: {error}", _RESTART)
    return None
