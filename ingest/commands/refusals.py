"""``smartstore-ingest refusals``: look at what was refused, replay it, or discard it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

from ingest.commands.options import Subparsers, add_group, add_verb, settings_of, write_line, write_table
from ingest.decode import readable_text
from ingest.replay import replay
from ingest.store import refusals
from ingest.store.connection import Database, connect, conninfo
from ingest.store.refusals import Choice, KeptRefusal

STATES = ("open", "replayed", "resealed", "discarded")


def add_parser(subparsers: Subparsers) -> None:
    """Add the group of verbs."""
    group = add_group(subparsers, "refusals", "look at what was refused, replay it, or discard it")
    listing = add_verb(group, "list", "list refusals, the oldest first, and how many there are of each reason", _list)
    listing.add_argument("--state", choices=STATES, default="open")
    _add_choice(listing)
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many lines (default 100)")
    listing.add_argument("--json", action="store_true", help="write JSON, all of them")
    show = add_verb(group, "show", "show one refusal with its payload", _show)
    show.add_argument("refusal", type=int)
    again = add_verb(group, "replay", "put open refusals through the present decoder and registry", _replay)
    again.add_argument("refusal", type=int, nargs="*", help="numbers of refusals (none: all batches that are open)")
    _add_choice(again)
    discard = add_verb(group, "discard", "close refusals whose readings are given up; their payloads stay", _discard)
    discard.add_argument("refusal", type=int, nargs="*", help="numbers of refusals, or name --agent or --reason")
    _add_choice(discard)
    discard.add_argument("--because", required=True, help="why, for the record")


def _add_choice(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--agent", metavar="ID", help="those of this agent")
    verb.add_argument("--reason", help="those with this reason")


def _connection(arguments: argparse.Namespace) -> Database:
    return connect(conninfo(settings_of(arguments).database), "refusals")


def _list(arguments: argparse.Namespace) -> int:
    choice = Choice(arguments.state, arguments.agent, arguments.reason)
    with _connection(arguments) as connection:
        found = refusals.kept(connection, choice, None if arguments.json else arguments.limit)
        numbers = refusals.numbers_by_reason(connection, choice)
    if arguments.json:
        write_line(json.dumps([_document(refusal) for refusal in found], default=str, ensure_ascii=False, indent=2))
        return 0
    write_table(
        ("refusal", "received", "agent", "unit", "reason", "bytes", "detail", "settled"),
        [
            (
                r.refusal_id,
                r.received_at.isoformat(timespec="seconds"),
                r.agent,
                r.unit,
                r.reason,
                "not kept" if r.size_bytes is None else r.size_bytes,
                r.detail,
                "" if r.resolved_at is None else f"{r.resolved_at.isoformat(timespec='seconds')} {r.resolution}",
            )
            for r in found
        ],
    )
    if sum(numbers.values()) > len(found):
        write_line(f"... and {sum(numbers.values()) - len(found)} more; --limit shows them")
    for reason, number in numbers.items():
        write_line(f"{arguments.state} as {reason}: {number}")
    return 0


def _document(refusal: KeptRefusal) -> dict[str, object]:
    return {**asdict(refusal), "sha256": refusal.sha256.hex()}


def _show(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        found = refusals.kept(connection, Choice(numbers=[arguments.refusal]))
        payload = refusals.payload_of(connection, arguments.refusal)
    if not found:
        write_line(f"there is no refusal {arguments.refusal}; 'refusals list' names them")
        return 1
    write_line(json.dumps(_document(found[0]), default=str, ensure_ascii=False, indent=2))
    if payload is not None:
        write_line((readable_text(payload) or payload).decode("utf-8", errors="backslashreplace"))
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        found = refusals.kept(connection, _chosen(arguments, None if arguments.refusal else "batch"))
        outcomes = replay(connection, found)
    write_table(("refusal", "outcome", "detail"), [(o.refusal_id, o.outcome, o.detail) for o in outcomes])
    missing = _not_open(arguments.refusal, found)
    return 0 if not missing and all(o.outcome == "committed" for o in outcomes) else 1


def _discard(arguments: argparse.Namespace) -> int:
    if not (arguments.refusal or arguments.agent or arguments.reason):
        write_line("name the refusals to discard: their numbers, --agent or --reason")
        return 1
    with _connection(arguments) as connection:
        done = [
            refusal
            for refusal in refusals.kept(connection, _chosen(arguments, None))
            if refusals.resolve(connection, refusal.refusal_id, "discarded", arguments.because)
        ]
    write_line(f"{len(done)} discarded")
    return 1 if _not_open(arguments.refusal, done) else 0


def _chosen(arguments: argparse.Namespace, unit: str | None) -> Choice:
    return Choice("open", arguments.agent, arguments.reason, unit, arguments.refusal or None)


def _not_open(wanted: Sequence[int], found: Sequence[KeptRefusal]) -> list[int]:
    """Return the numbers that were named and are not among the open refusals, and say so."""
    missing = sorted(set(wanted) - {refusal.refusal_id for refusal in found})
    if missing:
        write_line(f"not open: {', '.join(map(str, missing))}")
    return missing
