"""What a backup says of itself: what was dumped, and everything that a restore of it must come to."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.wire.model import Sha256Hex
from ingest.backup.postgres_programs import BackupError

MANIFEST = "manifest.json"
DUMP = "database.dump"


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SpoolFact(_Fact):
    """A spool's ledger: its head, chained over its entries; as ``ingest.store.spools`` has it."""

    spool: UUID
    agent: str
    entries: int
    head: Sha256Hex


class AccountFact(_Fact):
    """A spool's account: batches by where they stand, and what became of its readings."""

    spool: UUID
    agent: str
    committed: int
    refused: int
    declared_lost: int
    missing: int
    readings_sealed: int
    rows_stored: int
    duplicates: int
    corrections: int
    chain_breaks: int


class RowRootFact(_Fact):
    """A ledger entry whose row root was computed again from the rows of the database."""

    spool: UUID
    sequence: int
    row_root: Sha256Hex


class FileFact(_Fact):
    """A file of the backup."""

    bytes: int
    sha256: Sha256Hex


class DatabaseFacts(_Fact):
    """What a database holds, as of one moment."""

    migrations: dict[int, Sha256Hex]
    """SHA-256 of each applied schema file, by its number."""
    rows: dict[str, int]
    """Rows of every table."""
    spools: list[SpoolFact]
    account: list[AccountFact] | None
    """None: the schema is of a release whose account this one cannot compute."""
    row_roots: list[RowRootFact]
    """A sample, spread over the ledger."""


class Manifest(_Fact):
    """``manifest.json``, written last: a folder without it is no backup."""

    format: Literal[1] = 1
    made_at: datetime
    database: str
    """Edition and versions in words."""
    postgresql: int
    timescaledb: str | None
    """Version of the extension, which the restoring server must offer; None: plain PostgreSQL."""
    community: bool
    """Whether TimescaleDB's community edition made it: columns of its kind need that edition again."""
    dumped_by: str
    roles: list[str]
    """Roles that have rights on tables and must be there before the restore."""
    facts: DatabaseFacts
    files: dict[str, FileFact] = Field(min_length=1)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, whole or not at all, and see it on the disk."""
    part = folder / f"{MANIFEST}.part"
    part.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    _synced(part)
    part.rename(folder / MANIFEST)
    _synced(folder)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup whose files are as it says.

    Raises
    ------
    BackupError
        The folder is no whole backup, a file was changed, or a newer release made it.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
    except OSError as error:
        msg = f"{folder} is no whole backup: {MANIFEST} cannot be read ({error.strerror}); the backup was cut off"
        raise BackupError(msg) from None
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        msg = f"{folder / MANIFEST} is not of this release's form; restore with the release that made it: {error}"
        raise BackupError(msg) from None
    for name, fact in manifest.files.items():
        if (folder / name).name != name or not (folder / name).is_file():
            msg = f"{folder} lacks its file {name}; copy the whole folder"
            raise BackupError(msg)
        if file_fact(folder / name) != fact:
            msg = f"{folder / name} is not as it was made: its SHA-256 is another; take another copy of the backup"
            raise BackupError(msg)
    return manifest


def file_fact(path: Path) -> FileFact:
    """Return size and digest of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileFact(bytes=path.stat().st_size, sha256=digest)


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
