"""``smartstore-ingest``: the command line of the platform's side. Each group of verbs is a module of ``commands``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import psycopg

from edge import event_log
from edge.configuration import ConfigurationError
from ingest.backup.postgres_programs import BackupError
from ingest.commands import (
    account,
    agents,
    alerts,
    annotate,
    backfill,
    backup,
    enrolment,
    export,
    migrate,
    refusals,
    registry,
    release,
    restore,
    retention,
    run,
    status,
)
from ingest.history.block import HistoryError
from ingest.migrate import MigrationError

GROUPS = (
    *(migrate, run, status, registry, agents, enrolment, release, refusals, account),
    *(retention, backfill, export, backup, restore, annotate, alerts),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit status: 0 done, 1 failed with a message that says what to do."""
    parser = argparse.ArgumentParser(prog="smartstore-ingest", description="the platform's side of smartstore")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in GROUPS:
        group.add_parser(subparsers)
    arguments = parser.parse_args(argv)
    event_log.configure()
    try:
        status: int = arguments.command(arguments)
    except (ConfigurationError, MigrationError, HistoryError, BackupError, OSError) as error:
        return _failed(str(error))
    except psycopg.errors.UndefinedTable:
        return _failed("the database has no schema yet: run 'smartstore-ingest migrate' first")
    except psycopg.errors.InsufficientPrivilege as error:
        return _failed(
            f"this database user may not do that ({error}): use settings whose [database] url names the owner"
        )
    except psycopg.OperationalError as error:
        return _failed(f"the database does not answer: {error}; check [database] url and that the server runs")
    return status


def _failed(message: str) -> int:
    print(f"smartstore-ingest: {message.strip()}", file=sys.stderr)
    return 1
