"""``smartstore compute``: the results of stores for each month and year, kept."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from analytics import settings
from analytics.api.database import read_only
from analytics.command_question import CommandError, add_config
from analytics.keeping import Keeping
from edge import event_log
from ingest.store.connection import conninfo

log = event_log.get(__name__)


def add_parser(commands: Any) -> None:
    """Add the verb."""
    compute = commands.add_parser(
        "compute", help="keep the results of stores for each month and year, computing what is not kept or was touched"
    )
    add_config(compute)
    compute.add_argument("--from", dest="first", type=_day, required=True, metavar="DAY", help="first business day")
    compute.add_argument("--to", dest="end", type=_day, required=True, metavar="DAY", help="end, not included")
    of = compute.add_mutually_exclusive_group()
    of.add_argument("--district", metavar="DISTRICT", help="only the stores of this district")
    of.add_argument("--store", metavar="STORE", help="only this store")
    compute.set_defaults(run=_compute)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        msg = f"{text!r} is not a date; write it as 2026-01-31"
        raise argparse.ArgumentTypeError(msg) from error


def _compute(parsed: argparse.Namespace) -> None:
    configured = settings.load(parsed.config)
    event_log.configure()
    if parsed.first >= parsed.end:
        msg = f"--to {parsed.end} is not after --from {parsed.first}: name the day after the last one"
        raise CommandError(msg)
    dsn = conninfo(configured.database)
    with (
        psycopg.connect(dsn, application_name="smartstore compute") as reading,
        psycopg.connect(dsn, application_name="smartstore compute", autocommit=True) as writing,
    ):
        read_only(reading, configured.scheduler.statement_timeout_s)
        keeping = Keeping(reading, writing)
        stores = [parsed.store] if parsed.store else keeping.stores(parsed.district, parsed.first, parsed.end)
        try:
            done = [_keep(keeping, parsed, n, stores) for n in range(len(stores))]
        except psycopg.errors.InsufficientPrivilege as error:
            fix = "make the user of [database] url a member of smartstore_read and smartstore_compute"
            msg = f"{str(error).strip()}: {fix}"
            raise CommandError(msg) from error
    computed, stood = sum(d[0] for d in done), sum(d[1] for d in done)
    log.info("results_complete", stores=len(stores), computed=computed, stood=stood)


def _keep(keeping: Keeping, parsed: argparse.Namespace, number: int, stores: Sequence[str]) -> tuple[int, int]:
    """Keep the results of one of the stores; return how many were computed, and how many stood."""
    computed = stood = 0
    for kept in keeping.run(stores[number], parsed.first, parsed.end, datetime.now(UTC)):
        computed, stood = computed + len(kept.computed), stood + kept.stood
        keys: dict[str, Any] = {"start": kept.window.start.isoformat(), "end": kept.window.end.isoformat()}
        keys |= {"store_number": number + 1, "stores": len(stores)}
        log.info("results_kept", store=kept.store_id, computed=len(kept.computed), stood=kept.stood, **keys)
    return computed, stood
