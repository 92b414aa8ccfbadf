"""``smartstore alerts``: what detectors found in a store, and what to do."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

import psycopg

from analytics import settings
from analytics.alerts.answer import store_alerts
from analytics.alerts.table import render_alerts
from analytics.api.database import read_only
from analytics.command_question import add_config, add_form
from analytics.errors import UnknownStore
from ingest.store import registry
from ingest.store.connection import conninfo


def add_parser(commands: Any) -> None:
    """Add the verb."""
    alerts = commands.add_parser("alerts", help="list what detectors found in a store, and what to do")
    alerts.add_argument("store", metavar="STORE", help="id of the store in the registry")
    add_config(alerts)
    alerts.add_argument("--all", action="store_true", help="those that are cleared too")
    add_form(alerts)
    alerts.set_defaults(run=_alerts)


def _alerts(parsed: argparse.Namespace) -> None:
    configured = settings.load(parsed.config)
    with psycopg.connect(conninfo(configured.database), application_name="smartstore") as c:
        read_only(c, configured.web.statement_timeout_s)
        fact = registry.store(c, parsed.store, datetime.now(UTC).date())
        if fact is None:
            raise UnknownStore(parsed.store)
        answer = store_alerts(c, parsed.store, with_cleared=parsed.all)
    shown = answer.model_dump_json(indent=2) if parsed.json else render_alerts(answer, fact.time_zone, parsed.lang)
    sys.stdout.write(shown + ("\n" if parsed.json else ""))
