"""What ingest does about an error of the database: a verdict for each class of SQLSTATE, and for codes that differ.

The classes are those of PostgreSQL's appendix A, and TimescaleDB's own ``TS``. Nothing is refused for what the line,
the server or its set-up did: such work is repeated, and agents pause meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import psycopg


class Verdict(StrEnum):
    """What becomes of work that met an error."""

    RETRY = "retry"
    """It is repeated as it is until the database takes it."""
    CUT_UP = "cut_up"
    """It was too much at once: it is cut in halves; a single batch is repeated until the database takes it."""
    QUARANTINE = "quarantine"
    """Something in it is not taken: it is cut in halves, until what fails is a single batch, which is refused."""
    STOP = "stop"
    """The worker ends, and its supervisor starts it anew; what it had is sent again to whoever takes it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A verdict and why.

    Parameters
    ----------
    certain
        The same data will always fail, so that trying a batch again is no use.
    collision
        Two transactions met and one gave way, which by itself says nothing about the state of the server.
    session_stays
        A new session would do no better.
    """

    verdict: Verdict
    why: str
    certain: bool = False
    collision: bool = False
    session_stays: bool = False


def _retry(why: str, *, session_stays: bool = False) -> Rule:
    return Rule(Verdict.RETRY, why, session_stays=session_stays)


def _cut_up(why: str) -> Rule:
    return Rule(Verdict.CUT_UP, why, session_stays=True)


def _quarantine(why: str) -> Rule:
    return Rule(Verdict.QUARANTINE, why)


def _data(why: str) -> Rule:
    return Rule(Verdict.QUARANTINE, why, certain=True, session_stays=True)


def _stop(why: str) -> Rule:
    return Rule(Verdict.STOP, why)


def _collision(why: str) -> Rule:
    return Rule(Verdict.RETRY, why, collision=True, session_stays=True)


CLASSES: dict[str, Rule] = {
    "00": _stop("success reported as an error: this program and the driver disagree"),
    "01": _stop("a warning reported as an error: this program and the driver disagree"),
    "02": _stop("no data where this program counts on some"),
    "03": _stop("a statement was sent before the one before had ended"),
    "08": _retry("the line failed"),
    "09": _quarantine("a trigger of the installation failed on some rows"),
    "0A": _quarantine("the server cannot do this with some rows, such as late ones in old chunks"),
    "0B": _stop("the session's transaction is not where this program believes it"),
    "0F": _quarantine("a value could not be located"),
    "0L": _retry("rights are not set up"),
    "0P": _retry("the role is not set up"),
    "0Z": _quarantine("a trigger of the installation failed on some rows"),
    "10": _quarantine("a function of the installation failed on some rows"),
    "20": _quarantine("a trigger of the installation met a case that it does not know"),
    "21": _data("one row was wanted, the data gave several"),
    "22": _data("a value that its type cannot hold"),
    "23": _data("a rule of the tables forbids these rows"),
    "24": _stop("the session's cursor is not where this program believes it"),
    "25": _stop("the session's transaction is not where this program believes it"),
    "26": _retry("a prepared statement is gone: a pooler gave another session"),
    "27": _quarantine("a trigger of the installation changed rows under the write"),
    "28": _retry("the log-in is not accepted (yet, or since its password changed)"),
    "2B": _retry("rights or tables are being changed"),
    "2D": _stop("the session's transaction is not where this program believes it"),
    "2F": _quarantine("a function of the installation failed on some rows"),
    "34": _stop("the session's cursor is not where this program believes it"),
    "38": _quarantine("a function of the installation failed on some rows"),
    "39": _quarantine("a trigger of the installation failed on some rows"),
    "3B": _stop("the session's savepoint is not where this program believes it"),
    "3D": _retry("the database is not there (yet)"),
    "3F": _retry("the schema is not there (yet)"),
    "40": _collision("another transaction was in the way and this one gave way"),
    "42": _retry("tables or rights are not those of this release; a new connection looks at the schema"),
    "44": _data("a rule of a view forbids these rows"),
    "53": _retry("the server is out of something"),
    "54": _quarantine("more than the server can do with some rows"),
    "55": _quarantine("a table or chunk is in a state that does not let some rows in"),
    "57": _retry("the server is stopping, starting or was told to stop this"),
    "58": _retry("the server's files or system failed"),
    "72": _retry("the snapshot was too old"),
    "F0": _retry("the server's configuration is being changed"),
    "HV": _retry("a foreign server behind the database failed"),
    "P0": _quarantine("a trigger of the installation failed on some rows"),
    "TS": _quarantine("TimescaleDB cannot do this with some rows"),
    "XX": _quarantine("the server failed over some rows"),
}
"""Rules by class."""

CODES: dict[str, Rule] = {
    "23505": _quarantine("a key that is taken, perhaps by another write a moment ago"),
    "25006": _retry("this server only reads, as a standby does: a new connection may find the one that writes"),
    "25P03": _retry("the server ended an idle transaction"),
    "25P04": _cut_up("longer than the server lets a transaction take"),
    "40002": _data("a rule of the tables forbids these rows"),
    "53200": _cut_up("more locks or memory than the server has"),
    "53400": _quarantine("more than a limit of the server allows, such as rows decompressed for late ones"),
    "55006": _retry("what is needed is in use"),
    "55P02": _retry("the connection asks for a setting that the server refuses"),
    "55P03": _retry("a lock was not to be had in time", session_stays=True),
    "57014": _cut_up("longer than the server lets a statement take, or cancelled"),
    "TS001": _retry("a table is no hypertable (yet)"),
    "XX001": _retry("the server's data are damaged: nothing is wrong with these"),
    "XX002": _retry("an index is damaged: nothing is wrong with these data"),
}
"""Rules of single codes, before those of their classes."""

_LINE = _retry("the line failed")
_NOT_SENT = _data("a value that cannot be sent")
_UNKNOWN = _quarantine("an error of an extension that this release does not know")


def message_of(error: BaseException) -> str:
    """Return what an error says, without the server's details, which hold values of the rows that it concerns."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return primary or str(error).strip() or type(error).__name__


def rule_of(error: BaseException) -> Rule:
    """Return the rule for an error; without an SQLSTATE it is the line's, or the data never left the program."""
    state = getattr(error, "sqlstate", None)
    if state is None:
        return _LINE if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else _NOT_SENT
    return CODES.get(state) or CLASSES.get(state[:2]) or _UNKNOWN
