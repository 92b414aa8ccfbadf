"""Enrolment codes and agents' credentials.

A code is spent in the transaction that records the credential, so that of two devices with one code exactly one wins,
and a device that did not hear the answer asks again with the same credential and gets the same one.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from psycopg.rows import class_row
from psycopg.types.numeric import Int4

from edge.wire.enrolment import Credential, EnrolmentProblem
from ingest.store.connection import Database
from ingest.store.registry import current_version

_LOCK = 0x656E726F  # "enro": with an agent's hash, one change of its codes and credential at a time


class RefusedError(Exception):
    """No credential was recorded."""

    def __init__(self, problem: EnrolmentProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class EnrolmentState:
    """What an operator sees of one agent; instants None: it did not happen."""

    agent: str
    code_issued_at: datetime | None
    """Of its latest code."""
    code_expires_at: datetime | None
    code_spent_at: datetime | None
    code_revoked_at: datetime | None
    code_expired: bool | None
    credential_recorded_at: datetime | None
    """Of its latest credential."""
    credential_ended_at: datetime | None
    credential_ended_by: str | None


def add_code(c: Database, agent: str, secret: bytes, valid: timedelta) -> datetime:
    """Record a code's hash, withdraw the agent's earlier codes that nobody used, and return when it expires."""
    with c.transaction():
        _lock(c, agent)
        _withdraw_open_codes(c, agent)
        row = c.execute(
            """insert into enrolment_codes (agent, secret_sha256, expires_at)
               values (%s, %s, clock_timestamp() + %s) returning expires_at""",
            [agent, hashlib.sha256(secret).digest(), valid],
        ).fetchone()
    assert row  # noqa: S101 - an insert returns its row
    expires_at: datetime = row[0]
    return expires_at


def spend_code(c: Database, agent: str, secret: bytes, credential: Credential) -> None:
    """Record an agent's credential against a code; once more with the same credential changes nothing.

    Raises
    ------
    RefusedError
        The code is unknown, withdrawn, expired, or was spent on another credential.
    """
    with c.transaction():
        _lock(c, agent)
        rows = c.execute(
            """select code_id, secret_sha256, spent_at is not null, revoked_at is not null,
                      expires_at <= clock_timestamp()
                 from enrolment_codes where agent = %s order by code_id""",
            [agent],
        ).fetchall()
        wanted = hashlib.sha256(secret).digest()
        found = [row for row in rows if hmac.compare_digest(bytes(row[1]), wanted)]
        if not found:
            raise RefusedError(EnrolmentProblem.CODE_UNKNOWN)
        code_id, _, spent, revoked, expired = found[0]
        if spent:
            if _in_force(c, agent) == credential:
                return
            raise RefusedError(EnrolmentProblem.CODE_SPENT)
        if revoked:
            raise RefusedError(EnrolmentProblem.CODE_REVOKED)
        if expired:
            raise RefusedError(EnrolmentProblem.CODE_EXPIRED)
        c.execute("update enrolment_codes set spent_at = clock_timestamp() where code_id = %s", [code_id])
        _end(c, agent, "enrolment")
        _record(c, agent, code_id, credential)


def rotate(c: Database, agent: str, proof: bytes, credential: Credential) -> None:
    """Replace an agent's credential, proven by the holder of the present one; once more changes nothing.

    Raises
    ------
    RefusedError
        The proof is not that of the credential in force.
    """
    with c.transaction():
        _lock(c, agent)
        present = _in_force(c, agent)
        if present == credential:
            return
        proven = hashlib.sha256(proof).hexdigest()
        if present is None or not hmac.compare_digest(proven, present.rotation_sha256):
            raise RefusedError(EnrolmentProblem.PROOF_WRONG)
        _end(c, agent, "rotation")
        _record(c, agent, None, credential)


def revoke(c: Database, agent: str) -> tuple[bool, int]:
    """End an agent's credential and withdraw its open codes; return whether there was one, and how many codes."""
    with c.transaction():
        _lock(c, agent)
        codes = _withdraw_open_codes(c, agent)
        return _end(c, agent, "revocation"), codes


def password_lines(c: Database) -> dict[str, str | None]:
    """Return the password line of every agent that ever enrolled; None where it may not connect any more."""
    return dict(
        c.execute(
            """select agent, max(password_line) filter (where ended_at is null)
                 from agent_credentials group by agent order by agent"""
        ).fetchall()
    )


def enrolment_states(c: Database) -> list[EnrolmentState]:
    """Return every agent that has a code or a credential, by name."""
    with c.cursor(row_factory=class_row(EnrolmentState)) as cursor:
        return cursor.execute(
            """
            with codes as (
                select distinct on (agent) * from enrolment_codes order by agent, code_id desc
            ), credentials as (
                select distinct on (agent) * from agent_credentials order by agent, credential_id desc
            )
            select agent, o.issued_at as code_issued_at, o.expires_at as code_expires_at,
                   o.spent_at as code_spent_at, o.revoked_at as code_revoked_at,
                   o.expires_at <= clock_timestamp() as code_expired,
                   r.recorded_at as credential_recorded_at, r.ended_at as credential_ended_at,
                   r.ended_by as credential_ended_by
              from codes o full join credentials r using (agent)
             order by agent"""
        ).fetchall()


def approval(c: Database, agent: str, on: date) -> bool | None:
    """Return whether the registry approves an agent on a day; None where it does not know it then."""
    row = c.execute(
        """select approved from agents
            where agent_id = %s and int4range(version_from, version_to) @> %s
              and daterange(valid_from, valid_to) @> %s""",
        [agent, Int4(current_version(c)), on],
    ).fetchone()
    return bool(row[0]) if row else None


def _lock(c: Database, agent: str) -> None:
    c.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", [Int4(_LOCK), agent])


def _withdraw_open_codes(c: Database, agent: str) -> int:
    return c.execute(
        "update enrolment_codes set revoked_at = clock_timestamp()"
        " where agent = %s and spent_at is null and revoked_at is null",
        [agent],
    ).rowcount


def _in_force(c: Database, agent: str) -> Credential | None:
    row = c.execute(
        """select password_line, encode(rotation_sha256, 'hex')
             from agent_credentials where agent = %s and ended_at is null""",
        [agent],
    ).fetchone()
    return Credential(password_line=row[0], rotation_sha256=row[1]) if row else None


def _end(c: Database, agent: str, by: str) -> bool:
    """End the credential in force, if there is one, and forget what it could be used with."""
    return bool(
        c.execute(
            """update agent_credentials
                  set ended_at = clock_timestamp(), ended_by = %s, password_line = null, rotation_sha256 = null
                where agent = %s and ended_at is null""",
            [by, agent],
        ).rowcount
    )


def _record(c: Database, agent: str, code_id: int | None, credential: Credential) -> None:
    c.execute(
        "insert into agent_credentials (agent, code_id, password_line, rotation_sha256) values (%s, %s, %s, %s)",
        [agent, code_id, credential.password_line, bytes.fromhex(credential.rotation_sha256)],
    )
