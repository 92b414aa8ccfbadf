"""``smartstore-ingest retention``: what is kept for how long, what would go, and removing it now."""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from dataclasses import asdict
from datetime import datetime

from ingest.commands.options import Subparsers, add_group, add_verb, settings_of, write_line, write_table
from ingest.retention import Retention, UnprovenError, limits
from ingest.settings import IngestSettings
from ingest.store import retention as store
from ingest.store.connection import Database, connect, conninfo
from ingest.store.retention import Removed
from ingest.store.retention_plan import Planned, planned, removals
from ingest.store.scheduling import take_job

JOB = "retention"
"""Name under which one session at a time does it, the scheduler's or this command's."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the group of verbs."""
    group = add_group(subparsers, "retention", "what is kept for how long, what would go, and removing it now")
    show = add_verb(group, "show", "show what is kept for how long, and what was removed", _show)
    show.add_argument("--json", action="store_true", help="write JSON")
    plan = add_verb(group, "plan", "count what would go now; nothing is changed", _plan)
    plan.add_argument("--json", action="store_true", help="write JSON")
    add_verb(group, "run", "remove now what [retention] doesn't keep, as the scheduler does once a day", _run)


def _connection(settings: IngestSettings) -> Database:
    return connect(conninfo(settings.database), "retention")


def _show(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    with _connection(settings) as connection:
        marks, gone = store.marks(connection), removals(connection)
    days = settings.retention.days
    if arguments.json:
        document = [
            {**asdict(marks[each.retention_class]), **asdict(each), "keep_days_here": days[each.retention_class]}
            for each in gone
        ]
        write_line(json.dumps(document, default=str, indent=2))
        return 0
    write_table(
        ("class", "kept", "kept at the last run", "last run", "removed before", "readings", "corrections", "chunks"),
        [
            (
                each.retention_class,
                _kept(days[each.retention_class]),
                "-" if mark.ran_at is None else _kept(mark.keep_days),
                _at(mark.ran_at),
                _at(mark.removed_before),
                each.readings,
                each.corrections,
                each.chunks,
            )
            for each in gone
            for mark in (marks[each.retention_class],)
        ],
    )
    write_line("archive: recordings and imports of old data are kept for ever")
    not_stored = max((each.not_stored for each in gone), default=0)
    if not_stored:
        write_line(f"{not_stored} readings came when the rows of their time were removed: counted, not stored")
    return 0


def _plan(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    with _connection(settings) as connection:
        before = limits(settings.retention.days, store.vouched_now(connection))
        found = [each for name, end in before.items() for each in planned(connection, name, end)]
        lacking = {
            name: store.unsettled(connection, name, max(each.end for each in found if each.retention_class == name))
            for name in {each.retention_class for each in found}
        }
    if arguments.json:
        write_line(json.dumps([_document(each) for each in found], default=str, indent=2))
        return 0
    if not found:
        write_line("nothing would go" + ("" if any(settings.retention.days.values()) else ": everything is kept"))
        return 0
    write_table(
        ("class", "from", "before", "chunks", "readings", "bytes", "entries", "bytes of leaves"),
        [
            (p.retention_class, _at(p.start), _at(p.end), p.chunks, p.readings, p.size_bytes, p.entries, p.leaves_bytes)
            for p in found
        ],
    )
    freed, taken = sum(each.size_bytes for each in found), sum(each.leaves_bytes for each in found)
    write_line(
        f"{sum(p.readings for p in found)} readings; about {freed} bytes freed, at least {taken} taken by leaves"
    )
    for name, what in sorted(lacking.items()):
        if what is not None:
            write_line(f"{name}: waits until the scheduler has computed the {what} of that time")
    return 0


def _document(each: Planned) -> dict[str, object]:
    return {**asdict(each), "leaves_bytes": each.leaves_bytes}


def _run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    done: list[Removed] = []

    def tell(removed: Removed) -> None:
        done.append(removed)
        gone = removed.range
        write_line(f"{gone.retention_class} {_at(gone.start)} - {_at(gone.end)}: {removed.readings} readings removed")

    with closing(_connection(settings)) as connection:
        if not take_job(connection, JOB):
            write_line("the scheduler is at it already: look again with: smartstore-ingest retention show")
            return 1
        now = store.vouched_now(connection)
        try:
            Retention(connection, settings.retention.days, report=tell).run(now)
        except UnprovenError as error:
            write_line(str(error))
            return 1
        left = [
            (name, oldest.end)
            for name, before in limits(settings.retention.days, now).items()
            if (oldest := store.next_range(connection, name, before)) is not None
        ]
    write_line(f"{sum(removed.readings for removed in done)} readings removed")
    for name, end in left:
        write_line(f"{name}: what ended by {_at(end)} has to wait; the log says for what")
    return 1 if left else 0


def _kept(days: int | None) -> str:
    return "for ever" if days is None else f"{days} days"


def _at(moment: datetime | None) -> str:
    return "-" if moment is None else moment.isoformat(timespec="minutes")
