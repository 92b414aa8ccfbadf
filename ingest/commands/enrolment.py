"""``smartstore-ingest enrolment``: issue codes to devices, answer them, take credentials away."""

from __future__ import annotations

import argparse
import secrets
import sys
from datetime import datetime, timedelta
from threading import Event

from psycopg.errors import InsufficientPrivilege

from edge.configuration import ConfigurationError
from edge.stop_signals import on_stop_signals
from edge.wire.enrolment import EnrolmentCode
from ingest.admission import today
from ingest.commands.agents import approve_agent
from ingest.commands.options import Subparsers, add_group, add_verb, settings_of, write_line, write_table
from ingest.enrolment.certificate import fingerprint
from ingest.enrolment.password_file import NotAppliedError, PasswordFile
from ingest.enrolment.service import EnrolmentService
from ingest.settings import EnrolmentSettings
from ingest.store.connection import Database, connect, conninfo
from ingest.store.enrolment import (
    EnrolmentState,
    add_code,
    approval,
    enrolment_states,
    password_lines,
    revoke,
)
from ingest.store.registry_import import UnknownAgentError

_SECRET_BYTES = 16
_NO_RIGHT = "this database user may not do that: use settings whose [database] url names the owner"


def add_parser(subparsers: Subparsers) -> None:
    """Add the group of verbs."""
    group = add_group(subparsers, "enrolment", "give devices their credentials, and take them away")
    issue = add_verb(group, "issue", "issue a one-time code for an agent of the registry", _issue)
    issue.add_argument("agent", metavar="ID")
    issue.add_argument("--valid-h", type=_hours, default=timedelta(hours=24), help="hours until it expires (24)")
    issue.add_argument("--approve", action="store_true", help="approve the agent as well: take its batches")
    add_verb(group, "list", "list codes and credentials by agent", _list)
    taking = add_verb(group, "revoke", "end an agent's credential and withdraw its open code", _revoke)
    taking.add_argument("agent", metavar="ID")
    add_verb(group, "serve", "answer devices, and keep the broker's password file, until SIGTERM or SIGINT", _serve)
    add_verb(group, "apply", "bring the broker's password file to what the database says, now", _apply)


def _settings(arguments: argparse.Namespace) -> EnrolmentSettings:
    settings = settings_of(arguments).enrolment
    if settings is None:
        msg = f"{arguments.config}: enrolment: there is no such table; it names certificate_file, key_file, and more"
        raise ConfigurationError(msg)
    return settings


def _connection(arguments: argparse.Namespace) -> Database:
    return connect(conninfo(settings_of(arguments).database), "enrolment")


def _issue(arguments: argparse.Namespace) -> int:
    trusted = fingerprint(_settings(arguments).certificate_file)
    with _connection(arguments) as connection:
        approved = approval(connection, arguments.agent, today())
        if approved is None:
            return _failed(str(UnknownAgentError(arguments.agent)))
        if arguments.approve and not approved and not approve_agent(connection, arguments.agent):
            return 1
        code = EnrolmentCode(arguments.agent, secrets.token_bytes(_SECRET_BYTES), trusted)
        try:
            expires_at = add_code(connection, code.agent, code.secret, arguments.valid_h)
        except InsufficientPrivilege:
            return _failed(_NO_RIGHT)
    write_line(code.text())
    _say(f"good once, until {_at(expires_at)}; on the device: smartstore-edge enrol AGENT.toml CODE")
    if not approved and not arguments.approve:
        _say(f"the agent is not approved yet: smartstore-ingest agents approve {arguments.agent}")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        states = enrolment_states(connection)
    write_table(
        ("agent", "latest code", "issued", "expires", "credential", "since"),
        [
            (
                state.agent,
                _code_state(state),
                _at(state.code_issued_at),
                _at(state.code_expires_at),
                _credential_state(state),
                _at(state.credential_ended_at or state.credential_recorded_at),
            )
            for state in states
        ],
    )
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    file = PasswordFile(_settings(arguments))
    with _connection(arguments) as connection:
        try:
            ended, codes = revoke(connection, arguments.agent)
        except InsufficientPrivilege:
            return _failed(_NO_RIGHT)
        if not ended and not codes:
            return _failed(f"agent '{arguments.agent}' has neither a credential nor an open code")
        write_line(f"agent {arguments.agent}: credential {'ended' if ended else 'none'}, codes withdrawn: {codes}")
        return _bring(file, connection)


def _serve(arguments: argparse.Namespace) -> int:
    service = EnrolmentService(settings_of(arguments).database, _settings(arguments))
    ended = Event()
    on_stop_signals(ended.set)
    service.start()
    ended.wait()
    service.stop()
    return 0


def _apply(arguments: argparse.Namespace) -> int:
    file = PasswordFile(_settings(arguments))
    with _connection(arguments) as connection:
        return _bring(file, connection)


def _bring(file: PasswordFile, connection: Database) -> int:
    try:
        changed = file.apply(lambda: password_lines(connection))
    except NotAppliedError as error:
        return _failed(f"the database says so, but the broker was not told: {error}")
    write_line(f"the broker was told; its password file {'has changed' if changed else 'was right already'}")
    return 0


def _code_state(state: EnrolmentState) -> str:
    if state.code_issued_at is None:
        return ""
    if state.code_spent_at is not None:
        return "used"
    if state.code_revoked_at is not None:
        return "withdrawn"
    return "expired" if state.code_expired else "open"


def _credential_state(state: EnrolmentState) -> str:
    if state.credential_recorded_at is None:
        return "none"
    return "in force" if state.credential_ended_at is None else f"ended by {state.credential_ended_by}"


def _at(instant: datetime | None) -> str:
    return "" if instant is None else instant.isoformat(timespec="seconds")


def _hours(text: str) -> timedelta:
    try:
        valid = timedelta(hours=float(text))
    except (ValueError, OverflowError):
        valid = timedelta()
    if not timedelta(minutes=1) <= valid <= timedelta(days=30):
        msg = "give hours from 0.02 to 720"
        raise argparse.ArgumentTypeError(msg)
    return valid


def _say(text: str) -> None:
    """Tell the person; the last line of standard output is the code, so that it can be piped."""
    sys.stderr.write(f"{text}\n")


def _failed(message: str) -> int:
    sys.stderr.write(f"smartstore-ingest: {message}\n")
    return 1
