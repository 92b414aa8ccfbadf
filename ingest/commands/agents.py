"""``smartstore-ingest agents``: who may deliver readings. An approval is a change of the registry: a new version."""

from __future__ import annotations

import argparse
import sys

from psycopg.errors import InsufficientPrivilege

from ingest.admission import today
from ingest.commands import configurations
from ingest.commands.options import Subparsers, add_group, add_verb, settings_of, write_line, write_table
from ingest.commands.registry import NO_RIGHT
from ingest.reconsider import reconsider
from ingest.store.agent_states import AgentState, agent_states
from ingest.store.connection import Database, connect, conninfo
from ingest.store.registry import current_version
from ingest.store.registry_import import UnknownAgentError, set_approval


def add_parser(subparsers: Subparsers) -> None:
    """Add the group of verbs."""
    group = add_group(subparsers, "agents", "list agents, approve, revoke or configure one")
    add_verb(group, "list", "list every agent that the registry, the broker or a refusal knows", _list)
    approve = add_verb(group, "approve", "take an agent's batches, those that were refused included", _approve)
    approve.add_argument("agent", metavar="ID")
    revoke = add_verb(group, "revoke", "refuse an agent's batches from now on; what is committed stays", _revoke)
    revoke.add_argument("agent", metavar="ID")
    configurations.add_verbs(group)


def _connection(arguments: argparse.Namespace) -> Database:
    return connect(conninfo(settings_of(arguments).database), "agents")


def _list(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        states = agent_states(connection, today())
    write_table(
        ("agent", "approved", "devices", "connected", "last batch received", "open refusals", "description"),
        [
            (s.agent, approval(s), s.devices, connected(s), last_batch(s), s.open_refusals, s.description)
            for s in states
        ],
    )
    return 0


def _approve(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        return 0 if approve_agent(connection, arguments.agent) else 1


def approve_agent(connection: Database, agent: str) -> bool:
    """Approve an agent, have what was refused of it taken, and say so; False where that cannot be, which is said."""
    if not _set(connection, agent, approved=True):
        return False
    for outcome, number in sorted(reconsider(connection, [agent], today()).items()):
        write_line(f"refused batches replayed: {number} {outcome}")
    write_line("set approved to true in agents.csv as well, or the next import of the set withdraws the approval")
    return True


def _revoke(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        if not _set(connection, arguments.agent, approved=False):
            return 1
    write_line("set approved to false in agents.csv as well, or the next import of the set approves the agent again")
    return 0


def _set(connection: Database, agent: str, *, approved: bool) -> bool:
    verb = "approve" if approved else "revoke"
    before = current_version(connection)
    try:
        version = set_approval(connection, agent, approved, today(), f"agents {verb} {agent}")
    except UnknownAgentError as error:
        sys.stderr.write(f"smartstore-ingest: {error}\n")
        return False
    except InsufficientPrivilege:
        sys.stderr.write(f"smartstore-ingest: {NO_RIGHT}\n")
        return False
    state = "approved" if approved else "not approved"
    write_line(f"agent {agent} is {state} {'since' if version == before else 'with'} registry version {version}")
    return True


def approval(state: AgentState) -> str:
    """Return an agent's approval in words."""
    if state.approved is None:
        return "not registered"
    return "yes" if state.approved else "no"


def connected(state: AgentState) -> str:
    """Return whether an agent is connected, and since when it is or is not."""
    if state.online is None or state.changed_at is None:
        return "never"
    return f"{'since' if state.online else 'not since'} {state.changed_at.isoformat(timespec='seconds')}"


def last_batch(state: AgentState) -> str:
    """Return when an agent's latest batch was received."""
    return "" if state.last_received_at is None else state.last_received_at.isoformat(timespec="seconds")
