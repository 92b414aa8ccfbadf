"""What the enrolment service answers: from a request's bytes to a status and a document, without the network."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from pathlib import Path

import psycopg
from pydantic import ValidationError

from edge import event_log
from edge.wire.enrolment import (
    ENROL_PATH,
    ROTATE_PATH,
    Enrolled,
    EnrolmentProblem,
    EnrolmentRefused,
    EnrolRequest,
    RotateRequest,
)
from ingest.admission import today
from ingest.enrolment.allowance import Allowance
from ingest.enrolment.applier import Applier
from ingest.store import enrolment
from ingest.store.connection import Database, connect
from ingest.store.enrolment import RefusedError

Reply = tuple[HTTPStatus, Enrolled | EnrolmentRefused]

_DETAILS = {
    EnrolmentProblem.MALFORMED: "this is not a request for a credential",
    EnrolmentProblem.CODE_UNKNOWN: "the code is not known; have another one issued",
    EnrolmentProblem.CODE_EXPIRED: "the code has expired; have another one issued",
    EnrolmentProblem.CODE_SPENT: "the code was used for another credential; have another one issued",
    EnrolmentProblem.CODE_REVOKED: "the code was withdrawn or replaced; have another one issued",
    EnrolmentProblem.PROOF_WRONG: "the proof is not that of the password in force; enrol with a code",
    EnrolmentProblem.TOO_MANY: "too many requests from this address; wait a minute",
    EnrolmentProblem.AWAY: "the database is away; try again in a minute",
}
_STATUS = {
    EnrolmentProblem.MALFORMED: HTTPStatus.BAD_REQUEST,
    EnrolmentProblem.TOO_MANY: HTTPStatus.TOO_MANY_REQUESTS,
    EnrolmentProblem.AWAY: HTTPStatus.SERVICE_UNAVAILABLE,
}

log = event_log.get(__name__)


class Desk:
    """Answers one request at a time, for any number of threads."""

    def __init__(
        self,
        dsn: str,
        applier: Applier,
        broker_ca_file: Path | None,
        allowance: Allowance,
        on: Callable[[], date] = today,
    ) -> None:
        self._dsn = dsn
        self._applier = applier
        self._broker_ca_file = broker_ca_file
        self._allowance = allowance
        self._on = on

    def answer(self, path: str, body: bytes, address: str) -> Reply:
        """Return the answer to a request that came from an address; what it held is never logged."""
        if not self._allowance.allows(address):
            return _refusal(EnrolmentProblem.TOO_MANY, address)
        try:
            request = _read(path, body)
        except ValidationError:
            return _refusal(EnrolmentProblem.MALFORMED, address)
        if request is None:
            return _refusal(EnrolmentProblem.MALFORMED, address)
        try:
            with connect(self._dsn, "enrolment") as connection:
                return HTTPStatus.OK, self._serve(connection, request, address)
        except RefusedError as refused:
            return _refusal(refused.problem, address, request.agent)
        except (psycopg.Error, OSError) as error:
            fix = "check the database, [database] in the settings and broker_ca_file; devices try again"
            log.error("enrolment_failed", agent=request.agent, error=str(error).strip(), fix=fix)
            return _refusal(EnrolmentProblem.AWAY, address, request.agent)

    def _serve(self, connection: Database, request: EnrolRequest | RotateRequest, address: str) -> Enrolled:
        broker_ca = self._broker_ca_file.read_text(encoding="utf-8") if self._broker_ca_file else None
        if isinstance(request, EnrolRequest):
            enrolment.spend_code(connection, request.agent, bytes.fromhex(request.secret), request.credential)
        else:
            enrolment.rotate(connection, request.agent, bytes.fromhex(request.proof), request.credential)
        log.info("credential_recorded", agent=request.agent, by=request.type, address=address)
        return Enrolled(
            agent=request.agent,
            applied=self._applier.apply(connection),
            approved=bool(enrolment.approval(connection, request.agent, self._on())),
            broker_ca=broker_ca,
        )


def _read(path: str, body: bytes) -> EnrolRequest | RotateRequest | None:
    if path == ENROL_PATH:
        return EnrolRequest.model_validate_json(body)
    if path == ROTATE_PATH:
        return RotateRequest.model_validate_json(body)
    return None


def _refusal(problem: EnrolmentProblem, address: str, agent: str | None = None) -> Reply:
    fix = "none, where an operator mistyped; many of them: somebody tries"
    log.warning("credential_refused", problem=problem, agent=agent, address=address, fix=fix)
    return _STATUS.get(problem, HTTPStatus.FORBIDDEN), EnrolmentRefused(problem=problem, detail=_DETAILS[problem])
