"""Codes and credentials in the database: rights of each role, and what is forgotten."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import psycopg
import pytest
from sealed_batches import register

from edge.credential import password_line
from edge.wire.configuration import ConfigurationReport, ConfigurationState
from edge.wire.enrolment import Credential, EnrolmentProblem
from edge.wire.presence import Birth
from ingest.store import agent_configurations
from ingest.store.connection import Database
from ingest.store.enrolment import (
    RefusedError,
    add_code,
    approval,
    enrolment_states,
    password_lines,
    revoke,
    rotate,
    spend_code,
)

AGENT = "shop-7"
TODAY = date(2026, 1, 1)
SECRET = b"s" * 16


def credential(proof: bytes = b"p") -> Credential:
    line = password_line(secrets.token_urlsafe(8), secrets.token_bytes(12), 1000)
    return Credential(password_line=line, rotation_sha256=hashlib.sha256(proof).hexdigest())


@pytest.fixture
def enrolled(connection: Database) -> Database:
    connection.autocommit = True
    register(connection, AGENT, ["d1"])
    add_code(connection, AGENT, SECRET, timedelta(hours=1))
    connection.execute("set role smartstore_enrolment")
    return connection


def test_the_service_s_role_may_do_what_the_service_does(enrolled: Database) -> None:
    first, second = credential(b"p1"), credential(b"p2")
    assert approval(enrolled, AGENT, TODAY) is True
    assert approval(enrolled, "stranger", TODAY) is None
    spend_code(enrolled, AGENT, SECRET, first)
    assert password_lines(enrolled) == {AGENT: first.password_line}
    rotate(enrolled, AGENT, b"p1", second)
    assert password_lines(enrolled) == {AGENT: second.password_line}


@pytest.mark.parametrize(
    "forbidden",
    [
        "delete from agent_credentials",
        "update enrolment_codes set expires_at = now() + interval '1 year'",
        "insert into enrolment_codes (agent, secret_sha256, expires_at) values ('x', '', now() + interval '1 h')",
        "select from readings_count",
        "update agents set approved = true",
    ],
)
def test_and_nothing_else(enrolled: Database, forbidden: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        enrolled.execute(forbidden.encode())


@pytest.mark.parametrize("role", ["smartstore_ingest", "smartstore_read"])
@pytest.mark.parametrize("table", ["agent_credentials", "enrolment_codes"])
def test_no_other_role_sees_credentials(enrolled: Database, role: str, table: str) -> None:
    enrolled.execute(f"set role {role}".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        enrolled.execute(f"table {table}".encode())


def test_a_worker_s_role_may_read_configurations_and_keep_reports(connection: Database) -> None:
    agent_configurations.issue_configuration(connection, AGENT, "", 5)
    connection.execute("set role smartstore_ingest")
    assert len(agent_configurations.issued_configurations(connection)) == 1
    report = ConfigurationReport(number=1, sha256="ab" * 32, state=ConfigurationState.TRIAL)
    birth = Birth(
        agent=AGENT, connection=1, spool=UUID(int=1), software="t", at_us=1, pending_batches=0, configuration=report
    )
    agent_configurations.record_report(connection, birth)
    agent_configurations.record_report(connection, birth.model_copy(update={"at_us": 2}))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        agent_configurations.issue_configuration(connection, AGENT, "", 5)


def test_what_has_ended_can_be_used_for_nothing(enrolled: Database) -> None:
    first = credential(b"p1")
    spend_code(enrolled, AGENT, SECRET, first)
    enrolled.execute("reset role")
    assert revoke(enrolled, AGENT) == (True, 0)
    assert password_lines(enrolled) == {AGENT: None}
    assert enrolled.execute("select password_line, rotation_sha256 from agent_credentials").fetchall() == [(None, None)]
    again: list[Callable[[], None]] = [
        lambda: spend_code(enrolled, AGENT, SECRET, first),
        lambda: rotate(enrolled, AGENT, b"p1", first),
    ]
    problems = []
    for each in again:
        with pytest.raises(RefusedError) as caught:
            each()
        problems.append(caught.value.problem)
    assert problems == [EnrolmentProblem.CODE_SPENT, EnrolmentProblem.PROOF_WRONG]
    (state,) = enrolment_states(enrolled)
    assert (state.credential_ended_by, state.code_spent_at is None) == ("revocation", False)


def test_the_same_request_again_changes_nothing(enrolled: Database) -> None:
    first = credential()
    for _ in range(3):
        spend_code(enrolled, AGENT, SECRET, first)
    second = credential(b"p2")
    for _ in range(3):
        rotate(enrolled, AGENT, b"p", second)
    assert enrolled.execute("select count(*) from agent_credentials").fetchone() == (2,)
    with pytest.raises(RefusedError):  # what was recorded with the code is not in force any more
        spend_code(enrolled, AGENT, SECRET, first)
