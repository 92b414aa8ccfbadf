"""``smartstore-ingest migrate``: bring the database to this release's schema."""

from __future__ import annotations

import argparse

from ingest.commands.options import Subparsers, add_verb, settings_of, write_line
from ingest.migrate import migrate, schema_files
from ingest.store.connection import conninfo


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    add_verb(subparsers, "migrate", "bring the database to this release's schema", _migrate)


def _migrate(arguments: argparse.Namespace) -> int:
    migrate(conninfo(settings_of(arguments).database))
    write_line(f"the database has schema {schema_files()[-1].number}")
    return 0
