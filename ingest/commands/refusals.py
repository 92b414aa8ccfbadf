"""``smartstore-ingest refusals``: look at what was refused, replay it, or discard it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from ingest.commands.options import Subparsers, add_group, add_verb, settings_of, write_line, write_table
from ingest.decode import readable_text
from ingest.replay import replay
from ingest.store import refusals
from ingest.store.connection import Database, connect, conninfo

STATES = ("open", "replayed", "resealed", "discarded")


def add_parser(subparsers: Subparsers) -> None:
    """Add the group of verbs."""
    group = add_group(subparsers, "refusals", "look at what was refused, replay it, or discard it")
    listing = add_verb(group, "list", "list refusals, the oldest first", _list)
    listing.add_argument("--state", choices=STATES, default="open")
    listing.add_argument("--agent")
    show = add_verb(group, "show", "show one refusal with its payload", _show)
    show.add_argument("refusal", type=int)
    again = add_verb(group, "replay", "put open refusals through the present decoder and registry", _replay)
    again.add_argument("refusal", type=int, nargs="*", help="numbers of refusals (none: all that are open)")
    again.add_argument("--agent", help="those of this agent")
    discard = add_verb(group, "discard", "close refusals whose readings are given up; their payloads stay", _discard)
    discard.add_argument("refusal", type=int, nargs="+")
    discard.add_argument("--because", required=True, help="why, for the record")


def _connection(arguments: argparse.Namespace) -> Database:
    return connect(conninfo(settings_of(arguments).database), "refusals")


def _list(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        found = refusals.kept(connection, arguments.state, arguments.agent)
    write_table(
        ("refusal", "received", "agent", "unit", "reason", "bytes", "detail"),
        [
            (
                r.refusal_id,
                r.received_at.isoformat(timespec="seconds"),
                r.agent,
                r.unit,
                r.reason,
                "not kept" if r.size_bytes is None else r.size_bytes,
                r.detail,
            )
            for r in found
        ],
    )
    return 0


def _show(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        found = [r for r in refusals.kept(connection) if r.refusal_id == arguments.refusal]
        payload = refusals.payload_of(connection, arguments.refusal)
    if not found:
        write_line(f"there is no refusal {arguments.refusal}; 'refusals list' names them")
        return 1
    particulars = {**asdict(found[0]), "sha256": found[0].sha256.hex()}
    write_line(json.dumps(particulars, default=str, ensure_ascii=False, indent=2))
    if payload is not None:
        write_line((readable_text(payload) or payload).decode("utf-8", errors="backslashreplace"))
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        found = refusals.kept(connection, "open", arguments.agent)
        wanted = set(arguments.refusal) or {r.refusal_id for r in found}
        outcomes = replay(connection, [r for r in found if r.refusal_id in wanted])
    write_table(("refusal", "outcome", "detail"), [(o.refusal_id, o.outcome, o.detail) for o in outcomes])
    missing = sorted(wanted - {o.refusal_id for o in outcomes})
    if missing:
        write_line(f"not open: {', '.join(map(str, missing))}")
    return 0 if not missing and all(o.outcome == "committed" for o in outcomes) else 1


def _discard(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        not_open = [n for n in arguments.refusal if not refusals.resolve(connection, n, "discarded", arguments.because)]
    for number in not_open:
        write_line(f"{number} is not open")
    return 1 if not_open else 0
