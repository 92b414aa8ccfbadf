"""How a device gets its credential: the one-time code, and what device and platform say to each other with it.

The device makes its password and sends only what a broker needs to check it, a PBKDF2 line from which it cannot be
found. To change the password later, the device shows a proof that only the holder of the present one can make; the
platform keeps that proof's SHA-256, and forgets it with the password.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from edge.wire.model import WIRE_VERSION, AgentName, Sha256Hex, WireModel

ENROL_PATH = "/v1/enrol"
ROTATE_PATH = "/v1/rotate"
MAX_REQUEST_BYTES = 4096
MAX_ANSWER_BYTES = 128 * 1024
"""Room for a file of CA certificates."""

_FORM = 1
_SECRET_BYTES = 16
_FINGERPRINT_BYTES = 32
_CHECK_BYTES = 4
_GROUP = 8
_COPY = "copy it again, from its first letter to its last"
_AGENT: TypeAdapter[str] = TypeAdapter(AgentName)

PasswordLine = Annotated[
    str, StringConstraints(pattern=r"^\$7\$[1-9][0-9]{3,4}\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}==$")
]
"""Mosquitto's form of a password, without the user: PBKDF2 with SHA-512, 1,000 to 99,999 rounds, salt of 12 bytes."""


class CodeError(ValueError):
    """A text that is not an enrolment code; the message says what to do."""


@dataclass(frozen=True, slots=True)
class EnrolmentCode:
    """What an operator carries from the platform to the device: whose it is, what it proves, whom to trust with it."""

    agent: str
    secret: bytes = field(repr=False)
    """128 random bits, good for one enrolment."""
    fingerprint: bytes
    """SHA-256 of the certificate that the platform's enrolment service shows, in its DER form."""

    def text(self) -> str:
        """Return the code to be typed or pasted: base32 in groups, with a check against mistypes."""
        body = bytes([_FORM]) + self.secret + self.fingerprint + self.agent.encode("ascii")
        text = base64.b32encode(body + _check(body)).decode().rstrip("=")
        return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))

    @classmethod
    def parse(cls, text: str) -> EnrolmentCode:
        """Return the code that a text holds, whatever its case, spaces and dashes; the inverse of ``text``.

        Raises
        ------
        CodeError
            The text is cut off, mistyped, or of a newer form.
        """
        letters = "".join(text.split()).replace("-", "").upper()
        try:
            raw = base64.b32decode(letters + "=" * (-len(letters) % 8))
        except ValueError:
            raise CodeError(f"this is not an enrolment code: {_COPY}") from None
        body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
        if len(body) <= 1 + _SECRET_BYTES + _FINGERPRINT_BYTES or check != _check(body):
            raise CodeError(
                "the enrolment code is cut off or mistyped: copy it again, from its first letter to its last"
            )
        if body[0] != _FORM:
            raise CodeError("the enrolment code is of a newer form: install the agent's current release")
        secret, rest = body[1 : 1 + _SECRET_BYTES], body[1 + _SECRET_BYTES :]
        try:
            agent = _AGENT.validate_python(rest[_FINGERPRINT_BYTES:].decode("ascii"))
        except (ValidationError, UnicodeDecodeError):
            raise CodeError("the enrolment code names no agent: have the platform issue another") from None
        return cls(agent=agent, secret=secret, fingerprint=rest[:_FINGERPRINT_BYTES])


def _check(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_CHECK_BYTES]


class Credential(WireModel):
    """What the platform needs to know of a password; the password cannot be found from it."""

    password_line: PasswordLine
    rotation_sha256: Sha256Hex
    """SHA-256 of the proof that allows its holder to replace this credential."""


class EnrolRequest(WireModel):
    """Device to platform: a one-time code's secret, and the credential to take up."""

    type: Literal["enrol"] = "enrol"
    version: Literal[1] = WIRE_VERSION
    agent: AgentName
    secret: Annotated[str, Field(repr=False), StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    credential: Credential


class RotateRequest(WireModel):
    """Device to platform: the proof of the present password, and the credential that follows it."""

    type: Literal["rotate"] = "rotate"
    version: Literal[1] = WIRE_VERSION
    agent: AgentName
    proof: Annotated[Sha256Hex, Field(repr=False)]
    credential: Credential


class Enrolled(WireModel):
    """Platform to device: the credential is recorded."""

    type: Literal["enrolled"] = "enrolled"
    version: Literal[1] = WIRE_VERSION
    agent: AgentName
    applied: bool
    """Whether the broker was told already; if not, it will be, without anything more to do for the device."""
    approved: bool
    """Whether the platform takes this agent's batches already."""
    broker_ca: Annotated[str, StringConstraints(max_length=100_000)] | None = None
    """Certificates (PEM) by which the broker is to be known; None: the platform leaves that to the operator."""


class EnrolmentProblem(StrEnum):
    """Why the platform does not take a credential."""

    MALFORMED = "malformed"
    CODE_UNKNOWN = "code_unknown"
    CODE_EXPIRED = "code_expired"
    CODE_SPENT = "code_spent"
    CODE_REVOKED = "code_revoked"
    PROOF_WRONG = "proof_wrong"
    TOO_MANY = "too_many"
    AWAY = "away"


class EnrolmentRefused(WireModel):
    """Platform to device: nothing was changed."""

    type: Literal["enrolment_refused"] = "enrolment_refused"
    version: Literal[1] = WIRE_VERSION
    problem: EnrolmentProblem
    detail: Annotated[str, StringConstraints(max_length=500)]


Answer = Annotated[Enrolled | EnrolmentRefused, Field(discriminator="type")]
EnrolmentAnswer: TypeAdapter[Enrolled | EnrolmentRefused] = TypeAdapter(Answer)
