"""``smartstore-ingest backup``: the whole database as a folder that ``restore`` can check."""

from __future__ import annotations

import argparse
from pathlib import Path

from ingest.backup.backup import back_up
from ingest.commands.options import Subparsers, add_verb, settings_of, write_line
from ingest.store.connection import connect, conninfo


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    summary = "dump the database into a new folder, with a manifest; ingest goes on meanwhile"
    verb = add_verb(subparsers, "backup", summary, _backup)
    verb.add_argument("folder", type=Path, metavar="DIR")
    verb.add_argument("--bin", type=Path, metavar="DIR", help="folder of pg_dump, where it is not found")


def _backup(arguments: argparse.Namespace) -> int:
    dsn = conninfo(settings_of(arguments).database)
    with connect(dsn, "backup") as connection:
        manifest = back_up(connection, dsn, arguments.folder, arguments.bin)
    size = sum(file.bytes for file in manifest.files.values())
    readings = sum(rows for name, rows in manifest.facts.rows.items() if name.startswith("readings_"))
    write_line(
        f"{arguments.folder}: {size / 2**20:.1f} MiB, {readings} readings, {len(manifest.facts.spools)} spools, of"
        f" {manifest.database}"
    )
    write_line(f"{len(manifest.facts.row_roots)} batches' row roots were computed again and hold")
    write_line("it holds all that the database does: keep it as secret. Not in it: log-ins, passwords, settings")
    return 0
