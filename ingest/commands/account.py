"""``smartstore-ingest account``: what became of every batch and reading that an agent sealed."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass

from ingest.commands.options import Subparsers, add_verb, settings_of, write_line, write_table
from ingest.store.account import SpoolAccount, account, missing_ranges, rows_by_spool
from ingest.store.connection import Database, connect, conninfo
from ingest.store.retention import removed_by_spool


@dataclass(frozen=True, slots=True)
class Standing:
    """A spool's account with the rows that stand in the table of readings."""

    spool: SpoolAccount
    rows_stored: int
    rows_removed: int
    """Readings that retention has removed, or that came when the rows of their time were removed."""
    missing_ranges: list[tuple[int, int]]

    @property
    def rows_unaccounted(self) -> int:
        """Readings sealed and committed that are neither stored, nor removed, nor duplicates, nor corrections."""
        account = self.spool
        told = self.rows_stored + self.rows_removed + account.duplicates + account.corrections
        return account.readings_sealed - told

    @property
    def complete(self) -> bool:
        """Whether every batch known of is accounted for, the chain unbroken, every committed reading stored once."""
        return not (self.spool.missing or self.spool.chain_breaks or self.rows_unaccounted)


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    summary = "account for every batch and reading; exit status 1 where anything is missing and not declared lost"
    verb = add_verb(subparsers, "account", summary, _account)
    verb.add_argument("--json", action="store_true", help="write JSON, one object a spool")


def _account(arguments: argparse.Namespace) -> int:
    with connect(conninfo(settings_of(arguments).database), "account") as connection:
        standings = _standings(connection)
    if arguments.json:
        write_line(json.dumps([_document(standing) for standing in standings], default=str, indent=2))
    else:
        _write(standings)
    return 0 if all(standing.complete for standing in standings) else 1


def _standings(connection: Database) -> list[Standing]:
    with connection.transaction():
        # One snapshot: a batch that is committed between two queries must not look like readings without a batch.
        connection.execute("set transaction isolation level repeatable read, read only")
        rows, removed = rows_by_spool(connection), removed_by_spool(connection)
        return [
            Standing(
                spool,
                rows.get(spool.spool, 0) if spool.committed else 0,
                removed.get(spool.spool, 0) if spool.committed else 0,
                missing_ranges(connection, spool.agent, spool.spool) if spool.missing else [],
            )
            for spool in account(connection)
        ]


def _document(standing: Standing) -> dict[str, object]:
    return {
        **asdict(standing.spool),
        "rows_stored": standing.rows_stored,
        "rows_removed": standing.rows_removed,
        "rows_unaccounted": standing.rows_unaccounted,
        "missing_ranges": standing.missing_ranges,
        "complete": standing.complete,
    }


def _write(standings: list[Standing]) -> None:
    headings = "agent spool highest committed refused lost missing breaks sealed stored removed duplicates corrections"
    write_table(
        headings.split(),
        [
            (
                s.spool.agent,
                str(s.spool.spool)[:8],
                s.spool.highest_sequence,
                s.spool.committed,
                s.spool.refused,
                s.spool.declared_lost,
                s.spool.missing,
                s.spool.chain_breaks,
                s.spool.readings_sealed,
                s.rows_stored,
                s.rows_removed,
                s.spool.duplicates,
                s.spool.corrections,
            )
            for s in standings
        ],
    )
    for standing in standings:
        for line in _findings(standing):
            write_line(f"{standing.spool.agent} {standing.spool.spool}: {line}")
    write_line("incomplete" if any(not s.complete for s in standings) else "complete: nothing is missing undeclared")


def _findings(standing: Standing) -> list[str]:
    spool = standing.spool
    found = []
    if spool.missing:
        ranges = ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in standing.missing_ranges)
        found.append(
            f"batches {ranges} are neither committed, refused nor declared lost; while the agent is connected they may"
            " still come, else look at its spool with: smartstore-edge status"
        )
    if spool.chain_breaks:
        found.append(
            f"{spool.chain_breaks} batches do not follow the batch before them; the spool was restored from a copy, or"
            " its file was tampered with"
        )
    if standing.rows_unaccounted:
        found.append(f"{standing.rows_unaccounted} committed readings are not in the table of readings")
    return found
