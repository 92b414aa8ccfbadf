"""``smartstore-ingest alerts``: acknowledging an alert, and the thresholds by which alerts are raised."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from datetime import UTC, date, datetime

from ingest.alert_thresholds import ThresholdError, check_threshold, default_thresholds
from ingest.commands.options import Subparsers, add_group, add_verb, settings_of, write_line, write_table
from ingest.store.alert_thresholds import SetThreshold, set_threshold, thresholds_of
from ingest.store.alerts import NoSuchAlertError, acknowledge
from ingest.store.connection import Database, connect, conninfo
from ingest.store.registry import stores


def add_parser(subparsers: Subparsers) -> None:
    """Add the group of verbs."""
    group = add_group(subparsers, "alerts", "acknowledge an alert; show and set the thresholds of a store")
    seen = add_verb(group, "acknowledge", "note that somebody has seen an alert and deals with it", _acknowledge)
    seen.add_argument("alert", type=int, metavar="ID", help="its number, as 'smartstore alerts STORE' shows it")
    _add_who_and_why(seen)
    shown = add_verb(group, "thresholds", "show what detectors are told in a store", _thresholds)
    shown.add_argument("store", metavar="STORE")
    change = add_verb(group, "threshold", "set a threshold from a day on; what was set before stays known", _threshold)
    change.add_argument(
        "store", metavar="STORE", help="id of a store, or 'all' for every store that has none of its own"
    )
    change.add_argument("name", metavar="NAME")
    change.add_argument("value", type=float, metavar="VALUE")
    change.add_argument("--from", dest="valid_from", type=date.fromisoformat, required=True, metavar="DAY")
    _add_who_and_why(change)


def _add_who_and_why(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--who", required=True, type=_words, metavar="NAME", help="who says so")
    parser.add_argument("--why", required=True, type=_words, metavar="TEXT", help="why, in a few words")


def _words(text: str) -> str:
    if not text.strip():
        msg = "write a few words"
        raise argparse.ArgumentTypeError(msg)
    return text.strip()


def _connection(arguments: argparse.Namespace) -> Database:
    return connect(conninfo(settings_of(arguments).database), "alerts")


def _acknowledge(arguments: argparse.Namespace) -> int:
    with closing(_connection(arguments)) as connection:
        try:
            found = acknowledge(connection, arguments.alert, arguments.who, arguments.why)
        except NoSuchAlertError as error:
            return _failed(str(error))
    write_line(f"alert {found.alert_id} is acknowledged by {found.acknowledged_by}: {found.acknowledged_why}")
    return 0


def _thresholds(arguments: argparse.Namespace) -> int:
    with closing(_connection(arguments)) as connection:
        chosen = thresholds_of(connection, arguments.store)
    rows: list[tuple[object, ...]] = []
    for name, value in sorted(default_thresholds().items()):
        rows.append((name, value, "every store", "", "this release", "default"))
        rows += [
            (name, s.value, s.store_id or "every store", s.valid_from, s.set_by, s.reason)
            for s in chosen
            if s.name == name
        ]
    write_table(("threshold", "value", "in", "from", "set by", "why"), rows)
    return 0


def _threshold(arguments: argparse.Namespace) -> int:
    try:
        check_threshold(arguments.name, arguments.value)
    except ThresholdError as error:
        return _failed(str(error))
    store = None if arguments.store == "all" else arguments.store
    with closing(_connection(arguments)) as connection:
        known = {fact.store_id for fact in stores(connection, None, arguments.valid_from)}
        if store is not None and store not in known:
            return _failed(
                f"{store!r} is not a store of the registry on {arguments.valid_from}: name one of its stores"
            )
        now = datetime.now(UTC)
        new = SetThreshold(
            store, arguments.name, arguments.value, arguments.valid_from, arguments.who, arguments.why, now
        )
        set_threshold(connection, new)
    write_line(f"{new.name} is {new.value:g} from {new.valid_from} on; days that are judged already stay as they are")
    return 0


def _failed(text: str) -> int:
    sys.stderr.write(f"smartstore-ingest: {text}\n")
    return 1
