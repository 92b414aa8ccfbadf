"""The agent's own password: made here, kept in files of mode 0600, and never sent.

A new password lies in a waiting file from before the platform is told of it until it is in the password file, so that
an enrolment that was interrupted anywhere goes on with the same password and ends the same.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.durable_file import remove_durably, write_durably
from edge.wire.enrolment import Credential, PasswordLine
from edge.wire.model import Sha256Hex

_ROUNDS = 10_000
"""The broker repeats them at every CONNECT; the strength is in the password's 192 random bits, not in their number."""
_PASSWORD_BYTES = 24
_PURPOSE = b"smartstore: replace this password"


class _Waiting(BaseModel):
    """What the waiting file holds; the line is kept since its salt is random and a repetition must be the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    password: Annotated[str, Field(repr=False)]
    line: PasswordLine


class _Platform(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: Sha256Hex


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password that is not in use yet."""

    password: str = field(repr=False)
    credential: Credential


def proof_of(password: str) -> bytes:
    """Return what only a holder of the password can make; it tells nothing about the password."""
    return hmac.digest(password.encode(), _PURPOSE, "sha256")


def password_line(password: str, salt: bytes, rounds: int = _ROUNDS) -> str:
    """Return a password as Mosquitto's password file has it, without the user: PBKDF2-HMAC-SHA512 (RFC 8018)."""
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, 64)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


class CredentialFiles:
    """The password file, and beside it the waiting password and the platform's fingerprint."""

    def __init__(self, password_file: Path) -> None:
        self._password_file = password_file
        self._waiting_file = password_file.with_name(f"{password_file.name}.waiting")
        self._platform_file = password_file.with_name(f"{password_file.name}.platform")

    def present_password(self) -> str | None:
        """Return the password in use, None where there is none."""
        try:
            return self._password_file.read_text(encoding="utf-8").rstrip("\r\n") or None
        except FileNotFoundError:
            return None

    def new_password(self) -> NewPassword:
        """Return the waiting password, made and written down now where there is none.

        Raises
        ------
        OSError
            The folder of the password file cannot be written.
        """
        waiting = self._waiting()
        if waiting is None:
            password = secrets.token_urlsafe(_PASSWORD_BYTES)
            waiting = _Waiting(password=password, line=password_line(password, secrets.token_bytes(12)))
            self._password_file.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._waiting_file, waiting.model_dump_json().encode())
        verifier = hashlib.sha256(proof_of(waiting.password)).hexdigest()
        return NewPassword(waiting.password, Credential(password_line=waiting.line, rotation_sha256=verifier))

    def take_up(self, new: NewPassword, fingerprint: bytes) -> None:
        """Put a password that the platform has recorded into use, with the platform's fingerprint."""
        platform = _Platform(fingerprint=fingerprint.hex())
        write_durably(self._platform_file, platform.model_dump_json().encode())
        write_durably(self._password_file, f"{new.password}\n".encode())
        remove_durably(self._waiting_file)

    def fingerprint(self) -> bytes | None:
        """Return the fingerprint of the platform that this device enrolled with, None where it is not known."""
        try:
            text = self._platform_file.read_text(encoding="utf-8")
            return bytes.fromhex(_Platform.model_validate_json(text).fingerprint)
        except (FileNotFoundError, ValidationError):
            return None

    def _waiting(self) -> _Waiting | None:
        try:
            return _Waiting.model_validate_json(self._waiting_file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):
            return None
