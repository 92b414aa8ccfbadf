"""``smartstore-ingest migrate``: bring the database to this release's schema."""

from __future__ import annotations

import argparse

from ingest.commands.options import Subparsers, add_verb, settings_of, write_line
from ingest.migrate import LockBounds, migrate, schema_files
from ingest.store.connection import conninfo


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    verb = add_verb(subparsers, "migrate", "bring the database to this release's schema", _migrate)
    verb.add_argument(
        "--hold-s",
        type=float,
        default=LockBounds().hold_s,
        metavar="SECONDS",
        help="longest time for which a change may keep ingest from writing (default %(default)s)",
    )


def _migrate(arguments: argparse.Namespace) -> int:
    migrate(conninfo(settings_of(arguments).database), LockBounds(hold_s=arguments.hold_s))
    write_line(f"the database has schema {schema_files()[-1].number}")
    return 0
