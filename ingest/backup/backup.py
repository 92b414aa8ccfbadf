"""A backup: one moment of the database as a dump of PostgreSQL's own, and the manifest of what it holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from edge import event_log
from ingest.backup.facts import facts_of, sampled_roots
from ingest.backup.manifest import DUMP, Manifest, file_fact, write_manifest
from ingest.backup.postgres_programs import BackupError, find_program
from ingest.store import backup_facts as store
from ingest.store.backup_facts import SampledEntry
from ingest.store.connection import Database, edition

log = event_log.get(__name__)

_LOCK_WAIT_MS = 60_000


def back_up(connection: Database, dsn: str, folder: Path, programs: Path | None = None) -> Manifest:
    """Write a backup into a new or empty folder, readable by its owner alone; ingest goes on meanwhile.

    Parameters
    ----------
    connection, dsn
        A connection of the owner in autocommit mode, and how ``pg_dump`` gets one of its own.
    programs
        Folder of PostgreSQL's programs (``--bin``).

    Raises
    ------
    BackupError
        The folder is in use, no program fits, or the dump failed. What was written of it is removed.
    """
    if folder.exists() and any(folder.iterdir()):
        msg = f"{folder} is not empty: name a new folder for each backup"
        raise BackupError(msg)
    major = connection.info.server_version // 10_000
    dumper = find_program("pg_dump", major, programs, store.server_folder(connection))
    extension = store.timescaledb(connection)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    dump = folder / DUMP
    try:
        with connection.transaction():
            snapshot = store.hold_snapshot(connection)
            log.info("backup_begun", folder=str(folder), program=str(dumper.path), version=dumper.version)
            roots, differing = sampled_roots(connection)
            facts = facts_of(connection, roots)
            options = ["--format=custom", f"--snapshot={snapshot}", f"--lock-wait-timeout={_LOCK_WAIT_MS}"]
            dump.touch(mode=0o600)
            dumper.run(dsn, [*options, f"--file={dump}"])
            roles = store.grantees(connection)
    except BaseException:
        dump.unlink(missing_ok=True)
        raise
    _tell(differing)
    manifest = Manifest(
        made_at=datetime.now(UTC),
        database=edition(connection),
        postgresql=major,
        timescaledb=extension[0] if extension else None,
        community=extension is not None and extension[1],
        dumped_by=f"pg_dump {dumper.version}",
        roles=roles,
        facts=facts,
        files={DUMP: file_fact(dump)},
    )
    write_manifest(folder, manifest)
    return manifest


def _tell(differing: list[SampledEntry]) -> None:
    for entry in differing:
        log.warning(
            "row_root_differs",
            spool=str(entry.spool),
            sequence=entry.sequence,
            fix="rows of this batch were changed in the database after they were committed: find out by whom; an older"
            " backup may hold them as they were",
        )
