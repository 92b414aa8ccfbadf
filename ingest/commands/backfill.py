"""``smartstore-ingest backfill``: a history in CSV or Parquet into the database, through the ledger."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path

from ingest.commands.options import Subparsers, add_verb, settings_of, write_line, write_table
from ingest.history.backfill import Backfill, Imported, Limits
from ingest.history.opening import History, open_history
from ingest.store.connection import connect, conninfo
from ingest.store.entries import instant

_MOST_LISTED = 100


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    summary = (
        "import a history in CSV or Parquet; repeat it after any interruption; exit status 1 where rows are refused"
    )
    verb = add_verb(subparsers, "backfill", summary, _backfill)
    verb.add_argument("file", type=Path, metavar="FILE", help="CSV, or Parquet where the name ends with .parquet")
    verb.add_argument("--map", type=Path, required=True, metavar="MAP", help="what the columns mean (TOML)")
    verb.add_argument("--agent", required=True, metavar="ID", help="the agent to which the devices belong")
    verb.add_argument("--dry-run", action="store_true", help="read all of it, say what it holds, write nothing")
    verb.add_argument(
        "--most-refused",
        type=int,
        default=10_000,
        metavar="N",
        help="refused rows that stop the import (default 10000)",
    )


def favour_throughput() -> None:
    """Tell the interpreter that this process imports: rows hold no cycles, and its two threads wait for each other."""
    gc.set_threshold(50_000, 50, 50)
    sys.setswitchinterval(0.0005)


def _backfill(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    favour_throughput()
    history = open_history(arguments.file, arguments.map, arguments.agent)
    dsn = conninfo(settings.database)
    with connect(dsn, "backfill") as writing, connect(dsn, "backfill preparation") as looking:
        backfill = Backfill(writing, looking, history, limits=Limits(most_refused=arguments.most_refused))
        imported = backfill.look() if arguments.dry_run else backfill.run()
    _write_file(history, imported)
    if arguments.dry_run:
        write_line("nothing was written")
    else:
        _write_ledger(history, imported)
    return 1 if imported.file.refused else 0


def _write_file(history: History, imported: Imported) -> None:
    file, targets = imported.file, history.rows.targets.all
    met = [number for number in range(len(file.readings)) if file.readings[number]]
    write_table(
        ("device", "quantity", "channel", "unit", "readings", "first", "last"),
        [
            (
                *(targets[n].series.device, targets[n].series.quantity, targets[n].series.channel),
                *(targets[n].series.unit, int(file.readings[n])),
                *(instant(int(us)).isoformat() for us in (file.first_us[n], file.last_us[n])),
            )
            for n in met[:_MOST_LISTED]
        ],
    )
    if len(met) > _MOST_LISTED:
        write_line(f"... and {len(met) - _MOST_LISTED} more series")
    for target in [target for number, target in enumerate(targets) if number not in set(met)][:_MOST_LISTED]:
        write_line(f"no reading of {target.series.device} {target.series.quantity} {target.series.channel}".rstrip())
    write_line(
        f"{file.rows} rows: {int(file.readings.sum())} readings of {len(met)} series, {file.empty} empty and"
        f" {file.ignored} ignored values, {file.refused.total()} refused"
    )
    for reason, number in sorted(file.refused.items()):
        write_line(f"refused as {reason}: {number}")
    for row in file.first_refused:
        write_line(f"{history.file.row_word} {row.line}: {row.reason}: {row.detail}")


def _write_ledger(history: History, imported: Imported) -> None:
    write_line(
        f"spool {history.spool} of agent {history.agent}: {imported.batches_committed} batches with"
        f" {imported.readings_committed} readings committed, {imported.batches_known} batches with"
        f" {imported.readings_known} readings known before"
    )
    write_line(
        f"of the committed readings {imported.duplicates} repeat a stored value, {imported.corrections} correct one"
    )
    if imported.file.refused:
        write_line(f"what is refused is kept: smartstore-ingest refusals list --agent {history.agent}")
