"""Basic and digest access (RFC 7617, RFC 7616): what a client answers to a challenge, and how it is checked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from enum import Enum, auto
from threading import Lock
from typing import NamedTuple

_PART = re.compile(r"([A-Za-z0-9_*-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]+))|([A-Za-z][A-Za-z0-9_-]*)(?=\s|,|$)")
_HASHES: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),  # what most cameras speak
}
"""From the strongest to the weakest."""
_NONCE_S = 300.0
_MOST_NONCES = 1000


class Credentials(NamedTuple):
    """A user and its password."""

    username: str
    password: str

    def basic(self) -> str:
        """Return the value of ``Authorization`` for basic access."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


class Challenge(NamedTuple):
    """One way in that a server offers: the scheme in lower case, and its parameters."""

    scheme: str
    parameters: dict[str, str]


def challenges(headers: Iterable[str]) -> list[Challenge]:
    """Return what the values of ``WWW-Authenticate``, or one of ``Authorization``, hold."""
    found: list[Challenge] = []
    for header in headers:
        for match in _PART.finditer(header):
            name, quoted, plain, scheme = match.groups()
            if scheme:
                found.append(Challenge(scheme.lower(), {}))
            elif found:
                value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                found[-1].parameters[name.lower()] = value
    return found


class DigestAnswers:
    """Answers one digest challenge for as long as the server lets its nonce live."""

    def __init__(self, credentials: Credentials, parameters: dict[str, str]) -> None:
        self._credentials = credentials
        self._parameters = parameters
        self._count = 0

    def authorization(self, method: str, uri: str) -> str:
        """Return the value of ``Authorization`` for the next request."""
        self._count += 1
        given = self._parameters
        answer = {
            "username": self._credentials.username,
            "realm": given.get("realm", ""),
            "nonce": given["nonce"],
            "uri": uri,
            "algorithm": given.get("algorithm", "MD5"),
        }
        if "qop" in given:
            answer |= {"qop": "auth", "nc": f"{self._count:08x}", "cnonce": secrets.token_hex(8)}
        answer["response"] = _response(answer, self._credentials.password, method)
        answer |= {"opaque": given["opaque"]} if "opaque" in given else {}
        unquoted = {"algorithm", "qop", "nc"}
        return "Digest " + ", ".join(
            f"{name}={value}" if name in unquoted else f'{name}="{_quoted(value)}"' for name, value in answer.items()
        )


def digest_answers(credentials: Credentials, offered: Iterable[Challenge]) -> DigestAnswers | None:
    """Return what answers the strongest digest challenge that is understood; None where there is none."""
    usable = {
        _hash_name(each.parameters): each.parameters
        for each in offered
        if each.scheme == "digest"
        and "nonce" in each.parameters
        and _hash_name(each.parameters) in _HASHES
        and "auth" in re.split(r"[\s,]+", each.parameters.get("qop", "auth"))
    }
    return next((DigestAnswers(credentials, usable[name]) for name in _HASHES if name in usable), None)


class Verdict(Enum):
    """What a gate says to a request."""

    LET_IN = auto()
    STALE = auto()
    """The password is right, the nonce is not (any more): ask again."""
    REFUSED = auto()


class DigestGate:
    """The server's side of digest access for one user; thread-safe.

    A nonce proves by itself that this gate made it, and lives for five minutes; a request is let in once.
    """

    def __init__(self, realm: str, credentials: Credentials, monotonic_s: Callable[[], float]) -> None:
        self._realm = realm
        self._credentials = credentials
        self._monotonic_s = monotonic_s
        self._secret = secrets.token_bytes(32)
        self._lock = Lock()
        self._counts: OrderedDict[str, int] = OrderedDict()

    def challenges(self, *, stale: bool) -> list[str]:
        """Return the values of ``WWW-Authenticate``; MD5 first, since old devices look at the first alone."""
        issued = f"{round(self._monotonic_s() * 1000):x}.{secrets.token_hex(8)}"
        nonce = f"{issued}.{self._proof(issued)}"
        extra = ", stale=true" if stale else ""
        return [
            f'Digest realm="{self._realm}", nonce="{nonce}", qop="auth", algorithm={name}{extra}'
            for name in reversed(_HASHES)
        ]

    def verdict(self, authorization: str, method: str, target: str) -> Verdict:
        """Judge the value of ``Authorization`` of a request."""
        (challenge, *_) = challenges([authorization]) or [Challenge("", {})]
        given = challenge.parameters
        if challenge.scheme != "digest" or not {"username", "nonce", "uri", "response"} <= given.keys():
            return Verdict.REFUSED
        if given["uri"] != target or _hash_name(given) not in _HASHES or given.get("qop", "auth") != "auth":
            return Verdict.REFUSED
        expected = _response({"realm": self._realm, **given}, self._credentials.password, method)
        right_user = hmac.compare_digest(given["username"].encode(), self._credentials.username.encode())
        if not hmac.compare_digest(given["response"].lower().encode(), expected.encode()) or not right_user:
            return Verdict.REFUSED
        return Verdict.LET_IN if self._is_fresh(given["nonce"], given.get("nc", "1")) else Verdict.STALE

    def _is_fresh(self, nonce: str, count: str) -> bool:
        issued, _, proof = nonce.rpartition(".")
        if not hmac.compare_digest(proof.encode(), self._proof(issued).encode()):
            return False
        try:
            age_s, number = self._monotonic_s() - int(issued.partition(".")[0], 16) / 1000, int(count, 16)
        except ValueError:
            return False
        with self._lock:
            if age_s > _NONCE_S or number <= self._counts.get(nonce, 0):
                return False
            self._counts[nonce] = number
            self._counts.move_to_end(nonce)
            while len(self._counts) > _MOST_NONCES:
                self._counts.popitem(last=False)
            return True

    def _proof(self, issued: str) -> str:
        return hmac.new(self._secret, issued.encode(), hashlib.sha256).hexdigest()[:32]


def _response(given: dict[str, str], password: str, method: str) -> str:
    """Return the response of RFC 7616, section 3.4.1, or, without ``qop``, that of RFC 2069."""
    digest = _HASHES[_hash_name(given)]
    user = digest(f"{given['username']}:{given['realm']}:{password}".encode())
    if given.get("algorithm", "").upper().endswith("-SESS"):
        user = digest(f"{user}:{given['nonce']}:{given.get('cnonce', '')}".encode())
    asked = digest(f"{method}:{given['uri']}".encode())
    if "qop" in given:
        middle = f"{given['nonce']}:{given.get('nc', '')}:{given.get('cnonce', '')}:{given['qop']}"
    else:
        middle = given["nonce"]
    return digest(f"{user}:{middle}:{asked}".encode())


def _hash_name(parameters: dict[str, str]) -> str:
    return parameters.get("algorithm", "MD5").upper().removesuffix("-SESS")


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
