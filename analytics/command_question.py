"""The question of a command: its settings, its place and window, and a connection that reads."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time
from pathlib import Path

import psycopg

from analytics import settings
from analytics.api.database import Database, read_only
from analytics.default_window import latest_day
from analytics.errors import UnknownDistrict, UnknownStore
from analytics.window_text import AskedWindow
from analytics.windows import Window
from analytics.wording.language import Language
from ingest.store import registry
from ingest.store.connection import conninfo


class CommandError(Exception):
    """Something that the caller can put right; the text says how."""


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add where the settings are."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings (TOML)")


def add_question(verb: argparse.ArgumentParser, about: str = "store") -> None:
    """Add a store (or district), the settings, a window and the form of the answer."""
    verb.add_argument(about, metavar=about.upper(), help=f"id of the {about} in the registry")
    add_window(verb)


def add_window(verb: argparse.ArgumentParser) -> None:
    """Add the settings, a window and the form of the answer."""
    add_config(verb)
    verb.add_argument("--from", dest="start", metavar="TIME", help="start: local date, or time with its zone")
    verb.add_argument(
        "--to", dest="end", metavar="TIME", help="end, not included; without both, the latest day with data"
    )
    add_form(verb)


def add_form(verb: argparse.ArgumentParser) -> None:
    """Add the language and the form of the answer."""
    verb.add_argument(
        "--lang", type=Language, choices=list(Language), default=Language.EN, help="language of the table"
    )
    verb.add_argument("--json", action="store_true", help="write the answer as the API gives it")


@contextmanager
def asked_store(parsed: argparse.Namespace) -> Iterator[tuple[Database, Window]]:
    """Yield a connection that reads, and the window that was asked for of ``store``."""
    with _reading(parsed) as (c, asked):
        yield c, _window(c, parsed.store, asked)


@contextmanager
def asked_district(parsed: argparse.Namespace) -> Iterator[tuple[Database, Window]]:
    """Yield a connection that reads, and the window that was asked for of ``district``."""
    with _reading(parsed) as (c, asked):
        yield c, _district_window(c, parsed.district, asked)


@contextmanager
def _reading(parsed: argparse.Namespace) -> Iterator[tuple[Database, AskedWindow | None]]:
    configured = settings.load(parsed.config)
    if (parsed.start is None) != (parsed.end is None):
        msg = "give both --from and --to, or neither for the latest day with data"
        raise CommandError(msg)
    asked = None if parsed.start is None else AskedWindow.read(parsed.start, parsed.end)
    with psycopg.connect(conninfo(configured.database), application_name="smartstore") as c:
        read_only(c, configured.web.statement_timeout_s)
        yield c, asked


def _window(c: Database, store_id: str, asked: AskedWindow | None) -> Window:
    now = datetime.now(UTC)
    days = asked.days if asked else (now.date(),)
    fact = next(filter(None, (registry.store(c, store_id, on) for on in days)), None)
    if fact is None:
        raise UnknownStore(store_id)
    asked = asked or latest_day(c, [store_id], fact.time_zone, fact.business_day_start, now)
    if asked is None:
        msg = f"no reading of {store_id} has arrived yet: start its agent, and look at 'smartstore-edge status CONFIG'"
        raise CommandError(msg)
    return asked.at(fact.time_zone, fact.business_day_start, now)


def _district_window(c: Database, district_id: str, asked: AskedWindow | None) -> Window:
    now = datetime.now(UTC)
    days = asked.days if asked else (now.date(),)
    fact = next(filter(None, (registry.district(c, district_id, on) for on in days)), None)
    if fact is None:
        raise UnknownDistrict(district_id)
    if asked is None:
        stores = [store.store_id for store in registry.stores(c, district_id, now.date())]
        asked = latest_day(c, stores, fact.time_zone, time(), now)
    if asked is None:
        msg = f"no reading of {district_id} has arrived yet: start the agents of its stores, or give --from and --to"
        raise CommandError(msg)
    return asked.at(fact.time_zone, time(), now)
