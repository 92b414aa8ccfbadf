"""``smartstore-ingest restore``: a backup into an empty database, checked against its manifest."""

from __future__ import annotations

import argparse
from pathlib import Path

from pydantic import ValidationError

from ingest.backup.postgres_programs import BackupError
from ingest.backup.restore import restore
from ingest.commands.options import Subparsers, write_line
from ingest.migrate import schema_files
from ingest.settings import DatabaseSettings
from ingest.store.connection import conninfo


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    summary = "restore a backup into an empty database and check it; exit status 1 where it differs from its manifest"
    verb = subparsers.add_parser("restore", help=summary, description=summary)
    verb.add_argument("folder", type=Path, metavar="DIR", help="what 'backup' made")
    verb.add_argument("--into", required=True, metavar="URL", help="postgresql://postgres@host:5432/new_database")
    verb.add_argument("--password-file", type=Path, metavar="FILE", help="whose first line is the password")
    verb.add_argument("--bin", type=Path, metavar="DIR", help="folder of pg_restore, where it is not found")
    verb.set_defaults(command=_restore)


def _restore(arguments: argparse.Namespace) -> int:
    try:
        database = DatabaseSettings(url=arguments.into, password_file=arguments.password_file)
    except ValidationError as error:
        msg = f"--into: {error.errors()[0]['msg']}"
        raise BackupError(msg) from None
    try:
        into = conninfo(database)
    except OSError as error:
        msg = f"--password-file: {error.strerror}: {arguments.password_file}; its first line is to be the password"
        raise BackupError(msg) from None
    manifest, differing = restore(into, arguments.folder, arguments.bin)
    for line in differing:
        write_line(line)
    if differing:
        write_line("the restored database is not what was backed up: do not use it; take another backup")
        return 1
    facts = manifest.facts
    compared = "account, " if facts.account is not None else ""
    write_line(
        f"restored as of {manifest.made_at.isoformat(timespec='seconds')}: {sum(facts.rows.values())} rows, heads of"
        f" {len(facts.spools)} spools, {compared}{len(facts.row_roots)} row roots are as the manifest says"
    )
    if len(facts.migrations) < len(schema_files()):
        write_line("its schema is of an earlier release: bring it up to this one with: smartstore-ingest migrate")
    write_line("agents send what they still hold; 'smartstore-ingest account' then tells what they do not any more")
    return 0
