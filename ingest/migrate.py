"""Bring a database to this release's schema: the numbered files of ``ingest/schema``, once each, in order."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import psycopg

from edge import event_log

log = event_log.get(__name__)

_LOCK = 0x736D6172  # "smar": one migration at a time in a database
_FILE_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")


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


def migrate(dsn: str) -> None:
    """Apply what is missing, each file in its own transaction; safe to run twice and from two processes at once.

    Raises
    ------
    MigrationError
        An applied file has changed since, or the database is of a newer release.
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
        _apply_missing(connection, schema_files())


def _apply_missing(connection: psycopg.Connection, files: list[SchemaFile]) -> None:
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
        if file.number not in applied:
            _apply(connection, file)
        elif applied[file.number][1] != file.sha256:
            msg = f"{file.name} has changed since it was applied: restore it, and put the change into a new file"
            raise MigrationError(msg)


def _apply(connection: psycopg.Connection, file: SchemaFile) -> None:
    with connection.transaction():
        connection.execute(file.sql.encode())
        connection.execute(
            "insert into schema_migrations (number, name, sha256) values (%s, %s, %s)",
            [file.number, file.name, file.sha256],
        )
    log.info("migration_applied", number=file.number, name=file.name)


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
