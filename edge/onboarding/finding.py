"""What an examination of the agent finds: one line a check, with what to do where something is not as it should be."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from edge.onboarding.wording import Words


class Grade(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    """The agent works, but a person should look at this."""
    WRONG = "wrong"
    """The agent does not work like this."""
    SKIPPED = "skipped"
    """Nothing could be found out; the text says why."""


GRADES = {
    Grade.OK: Words("ok", "正常"),
    Grade.WARNING: Words("warning", "警告"),
    Grade.WRONG: Words("wrong", "错误"),
    Grade.SKIPPED: Words("skipped", "跳过"),
}


class Finding(NamedTuple):
    """One line of an examination."""

    check: str
    """Stable name of the check, for programs: ``clock``, ``source.east door``."""
    grade: Grade
    text: Words
    fix: Words | None = None
    """What to do; None where there is nothing to do."""


def ok(check: str, text: Words) -> Finding:
    """Return that a check found nothing to complain of."""
    return Finding(check, Grade.OK, text)


def warning(check: str, text: Words, fix: Words) -> Finding:
    """Return that something should be looked at."""
    return Finding(check, Grade.WARNING, text, fix)


def wrong(check: str, text: Words, fix: Words) -> Finding:
    """Return that something keeps the agent from working."""
    return Finding(check, Grade.WRONG, text, fix)


def skipped(check: str, text: Words) -> Finding:
    """Return that a check could not be made."""
    return Finding(check, Grade.SKIPPED, text)
