"""``smartstore-ingest export``: a store's readings in force as a file."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from ingest.commands.options import Subparsers, add_verb, settings_of, write_line
from ingest.history.export import Window, export
from ingest.store.connection import connect, conninfo


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    summary = "write a store's readings, corrections applied, to a file that backfill reads back"
    verb = add_verb(subparsers, "export", summary, _export)
    verb.add_argument("--store", required=True, metavar="STORE")
    verb.add_argument("--from", dest="first", type=date.fromisoformat, required=True, metavar="DAY")
    verb.add_argument(
        "--to", dest="after", type=date.fromisoformat, required=True, metavar="DAY", help="the first day not in it"
    )
    verb.add_argument("--out", type=Path, required=True, metavar="FILE", help="CSV, or Parquet: .parquet")
    verb.add_argument("--corrections", type=Path, metavar="FILE", help="write every correction too, as CSV or Parquet")


def _export(arguments: argparse.Namespace) -> int:
    dsn = conninfo(settings_of(arguments).database)
    window = Window(arguments.store, arguments.first, arguments.after)
    with connect(dsn, "export") as connection, connect(dsn, "export origins") as looking:
        done = export(connection, looking, window, arguments.out, arguments.corrections)
    write_line(f"{done.readings} readings of {done.series} series in {arguments.out}")
    if done.kept_from is not None:
        write_line(f"they are not all: readings before {done.kept_from.isoformat()} were removed by retention")
    if arguments.corrections:
        write_line(f"{done.corrections} corrections in {arguments.corrections}; the readings have them applied")
    write_line(f"to read it back: smartstore-ingest backfill {arguments.out} --map {done.map} --agent ID --config FILE")
    return 0
