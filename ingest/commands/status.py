"""``smartstore-ingest status``: the platform at a glance."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass

from ingest.admission import today
from ingest.commands.agents import approval, connected, last_batch
from ingest.commands.options import Subparsers, add_verb, settings_of, write_line, write_table
from ingest.migrate import schema_files
from ingest.store.agent_states import AgentState, agent_states
from ingest.store.connection import Database, connect, conninfo, edition
from ingest.store.refusals import Choice, numbers_by_reason
from ingest.store.registry_import import versions
from ingest.store.schema_state import applied_migrations


@dataclass(frozen=True, slots=True)
class PlatformStatus:
    """What an operator wants to know first; ``to_do`` says what keeps the platform from taking readings."""

    database: str
    schema: int
    schema_of_this_release: int
    registry_version: int
    registry_imported_at: str | None
    agents: list[AgentState]
    open_refusals: dict[str, int]
    """By their reason."""
    to_do: list[str]


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    summary = (
        "show database, schema, registry and agents; exit status 1 where the schema or the registry is not in place"
    )
    verb = add_verb(subparsers, "status", summary, _status)
    verb.add_argument("--json", action="store_true", help="write JSON")


def _status(arguments: argparse.Namespace) -> int:
    with connect(conninfo(settings_of(arguments).database), "status") as connection:
        status = _look(connection)
    if arguments.json:
        write_line(json.dumps(asdict(status), default=str, indent=2))
    else:
        _write(status)
    return 1 if status.to_do else 0


def _look(connection: Database) -> PlatformStatus:
    applied, wanted = applied_migrations(connection), {file.number: file.sha256 for file in schema_files()}
    usable = set(wanted) <= set(applied)
    known = versions(connection) if usable else []
    to_do = []
    if not usable:
        to_do.append("bring the schema up to this release with: smartstore-ingest migrate")
    elif applied != wanted:
        to_do.append("the schema was made by another release of this software: install that one here")
    elif not known:
        to_do.append("import the site model with: smartstore-ingest registry import DIR")
    return PlatformStatus(
        database=edition(connection),
        schema=max(applied, default=0),
        schema_of_this_release=max(wanted),
        registry_version=known[-1][0] if known else 0,
        registry_imported_at=known[-1][1] if known else None,
        agents=agent_states(connection, today()) if usable else [],
        open_refusals=numbers_by_reason(connection, Choice("open")) if usable else {},
        to_do=to_do,
    )


def _write(status: PlatformStatus) -> None:
    write_line(f"database  {status.database}")
    write_line(f"schema    {status.schema} (this release: {status.schema_of_this_release})")
    imported = f", imported {status.registry_imported_at}" if status.registry_imported_at else ""
    write_line(f"registry  version {status.registry_version}{imported}")
    if status.agents:
        write_line()
        write_table(
            ("agent", "approved", "connected", "last batch received", "open refusals"),
            [(s.agent, approval(s), connected(s), last_batch(s), s.open_refusals) for s in status.agents],
        )
    if status.open_refusals:
        reasons = ", ".join(f"{number} {reason}" for reason, number in status.open_refusals.items())
        write_line(f"\nopen refusals: {reasons}; see them with: smartstore-ingest refusals list")
    for line in status.to_do:
        write_line(f"to do: {line}")
