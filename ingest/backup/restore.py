"""A restore: into an empty database, and then checked against what the manifest says that it must hold."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from psycopg.errors import InsufficientPrivilege
from pydantic import BaseModel

from edge import event_log
from ingest.backup.facts import facts_of, roots_again
from ingest.backup.manifest import DUMP, DatabaseFacts, Manifest, read_manifest
from ingest.backup.postgres_programs import BackupError, find_program
from ingest.store import backup_facts as store
from ingest.store.connection import Database, connect

log = event_log.get(__name__)

Fact = TypeVar("Fact", bound=BaseModel)
_AGAIN = "drop the database, create it again, and repeat the restore"


def restore(dsn: str, folder: Path, programs: Path | None = None) -> tuple[Manifest, list[str]]:
    """Restore a backup into the empty database of ``dsn``; return its manifest and what differs from it.

    Raises
    ------
    BackupError
        The backup is not whole, the database is not empty, the server does not fit, or ``pg_restore`` failed.
    """
    manifest = read_manifest(folder)
    with connect(dsn, "restore") as connection:
        _check_server(connection, manifest)
        program = find_program(
            "pg_restore", connection.info.server_version // 10_000, programs, store.server_folder(connection)
        )
        created = _prepare(connection, manifest)
    if created:
        log.info("roles_created", roles=created, fix="let the log-ins of ingest and web be members of them")
    log.info("restore_begun", folder=str(folder), program=str(program.path), version=program.version)
    try:
        program.run(dsn, ["--exit-on-error", "--no-owner", folder / DUMP])
    except BackupError as error:
        msg = f"{error}\nthe database is half restored: {_AGAIN}"
        raise BackupError(msg) from None
    with connect(dsn, "restore") as connection:
        if manifest.timescaledb is not None:
            store.end_restore(connection)
    with connect(dsn, "restore") as connection:  # one that has TimescaleDB as it is after the restore
        connection.execute("analyze")
        return manifest, differences(manifest.facts, _facts(connection, manifest))


def _facts(connection: Database, manifest: Manifest) -> DatabaseFacts:
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        return facts_of(connection, roots_again(connection, manifest.facts.row_roots))


def differences(wanted: DatabaseFacts, found: DatabaseFacts) -> list[str]:
    """Return what a restored database holds otherwise than its manifest says, in words; nothing where all is equal."""
    told = []
    if wanted.migrations != found.migrations:
        told.append(f"schema: {sorted(found.migrations)} where the manifest has {sorted(wanted.migrations)}")
    for name in sorted(wanted.rows.keys() | found.rows.keys()):
        there, here = wanted.rows.get(name), found.rows.get(name)
        if there != here:
            told.append(f"table {name}: {here} rows where the manifest has {there}")
    told += _differing("ledger head", wanted.spools, found.spools)
    if wanted.account is not None and found.account is not None:
        told += _differing("account", wanted.account, found.account)
    told += _differing("row root", wanted.row_roots, found.row_roots)
    return told


def _differing(what: str, wanted: list[Fact], found: list[Fact]) -> list[str]:
    lacking, further = set(wanted) - set(found), set(found) - set(wanted)
    told = [f"{what}: the manifest has {fact}, the database not" for fact in lacking]
    return sorted([*told, *(f"{what}: the database has {fact}, the manifest not" for fact in further)])


def _check_server(connection: Database, manifest: Manifest) -> None:
    there = store.own_relations(connection)
    if there:
        msg = f"the database is not empty (it has {', '.join(there)}, ...): a restore goes into a new one; create it"
        raise BackupError(msg)
    major = connection.info.server_version // 10_000
    if major < manifest.postgresql:
        msg = f"the server is PostgreSQL {major}, the backup of {manifest.postgresql}: restore into that or a newer one"
        raise BackupError(msg)
    if manifest.timescaledb is None:
        return
    offered = store.offered_timescaledb(connection)
    if manifest.timescaledb not in offered:
        msg = (
            f"the backup is of TimescaleDB {manifest.timescaledb}, which this server does not offer (it offers:"
            f" {', '.join(offered) or 'none that is loaded'}); install that version and preload it, restore, and"
            " update the extension afterwards"
        )
        raise BackupError(msg)


def _prepare(connection: Database, manifest: Manifest) -> list[str]:
    """Create roles and extension, without which a dump cannot be restored."""
    try:
        created = store.create_roles(connection, manifest.roles)
        if manifest.timescaledb is not None:
            store.begin_restore(connection, manifest.timescaledb)
    except InsufficientPrivilege as error:
        msg = f"this user may not prepare the database ({error}): restore as a superuser of the server"
        raise BackupError(msg) from None
    extension = store.timescaledb(connection)
    if manifest.community and extension is not None and not extension[1]:
        msg = (
            "the backup is of TimescaleDB's community edition and the server has the Apache one, which cannot read"
            f" compressed columns: restore into a server with the community edition; then {_AGAIN}"
        )
        raise BackupError(msg)
    return created
