"""``smartstore-ingest agents configure`` and ``configurations``: what agents run with, from the platform."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg.errors import InsufficientPrivilege

from edge.broker_settings import BrokerSettings
from edge.configuration import ConfigurationError
from edge.remote.tables import laid_over, local_tables, within_scope
from edge.settings import AgentSettings, EdgeSettings, SpoolSettings, UplinkSettings
from edge.sources.recording import RecordingSettings
from edge.wire.configuration import MAX_TOML_CHARACTERS
from ingest.admission import today
from ingest.commands.options import Subparsers, add_verb, settings_of, write_line, write_table
from ingest.store.agent_configurations import configuration_standings, issue_configuration
from ingest.store.connection import Database, connect, conninfo
from ingest.store.enrolment import approval
from ingest.store.registry_import import UnknownAgentError

_NO_RIGHT = "this database user may not configure agents: use settings whose [database] url names the owner"


def add_verbs(group: Subparsers) -> None:
    """Add the verbs to the group ``agents``."""
    configure = add_verb(group, "configure", "send an agent tables to run with in place of its local ones", _configure)
    configure.add_argument("agent", metavar="ID")
    configure.add_argument(
        "file", metavar="FILE", type=Path, nargs="?", help="TOML: [[source]], [[report]], [spool], [uplink], [release]"
    )
    configure.add_argument(
        "--unchecked",
        action="store_true",
        help="leave the check to the agent, where FILE names maps that are only there",
    )
    configure.add_argument("--withdraw", action="store_true", help="have it run with its local file alone again")
    add_verb(group, "configurations", "list what was sent to agents, and what they say of it", _list)


def _connection(arguments: argparse.Namespace) -> Database:
    return connect(conninfo(settings_of(arguments).database), "agents")


def _configure(arguments: argparse.Namespace) -> int:
    if (arguments.file is None) != arguments.withdraw:
        return _failed("give either FILE or --withdraw")
    toml = "" if arguments.withdraw else _read(arguments.file)
    try:
        if arguments.unchecked or arguments.withdraw:
            within_scope(toml)
        else:
            laid_over(_stand_in(arguments.agent), toml, arguments.file.resolve().parent)
    except ConfigurationError as error:
        return _failed(f"{error}\nnothing was sent")
    with _connection(arguments) as connection:
        if approval(connection, arguments.agent, today()) is None:
            return _failed(str(UnknownAgentError(arguments.agent)))
        try:
            issued = issue_configuration(connection, arguments.agent, toml, time.time_ns() // 1000)
        except InsufficientPrivilege:
            return _failed(_NO_RIGHT)
    write_line(f"configuration {issued.number} of agent {arguments.agent} is issued; a running worker sends it")
    write_line("what the agent makes of it: smartstore-ingest agents configurations")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        standings = configuration_standings(connection)
    write_table(
        ("agent", "issued", "at", "agent speaks of", "state", "since", "detail"),
        [
            (
                each.agent,
                "" if each.number is None else each.number,
                _at(each.issued_at),
                "" if each.reported_number is None else each.reported_number,
                each.state or "",
                _at(each.reported_at),
                " ".join((each.detail or "").split()),
            )
            for each in standings
        ],
    )
    return 0


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except ValueError:
        raise ConfigurationError(f"{path}: not TOML in UTF-8") from None
    if len(text) > MAX_TOML_CHARACTERS:
        raise ConfigurationError(f"{path}: longer than {MAX_TOML_CHARACTERS} characters")
    return text


def _stand_in(agent: str) -> dict[str, Any]:
    """Return local tables to check against: those of the device are not known here, and say nothing about the rest."""
    local = EdgeSettings(
        agent=AgentSettings(id=agent),
        broker=BrokerSettings(host="localhost"),
        spool=SpoolSettings(path=Path("spool")),
        uplink=UplinkSettings(),
        source=(RecordingSettings(name="local", path=Path("local"), map=Path("local")),),
    )
    return local_tables(local)


def _at(instant: datetime | None) -> str:
    return "" if instant is None else instant.isoformat(timespec="seconds")


def _failed(message: str) -> int:
    sys.stderr.write(f"smartstore-ingest: {message}\n")
    return 1
