"""How each source does: when its device was last heard of, what went wrong last; kept in a small file for ``status``.

The file lies beside the spool. It is written at most every few seconds and never forced onto the disk: it informs a
person, and an update of the agent, which looks at it for minutes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from threading import Lock
from typing import Any

from edge import event_log
from edge.durable_file import beside, read_small, write_passing

_QUIET_US = 10_000_000
"""Two writes of the file are at least this far apart, unless a source is first heard of, begins to fail or recovers."""

_LONGEST_TEXT = 500

log = event_log.get(__name__)


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is known about one source; times in microseconds of UTC, None: never since the agent started."""

    name: str
    running: bool = False
    contact_us: int | None = None
    """When its device or file last gave something that the source could read."""
    readings: int = 0
    refusals: int = 0
    failures: int = 0
    """Failures in a row; 0 where it works."""
    error: str | None = None
    """The last failure, kept after the source has recovered."""
    fix: str | None = None
    error_us: int | None = None


class SourceStates:
    """The states of all sources; thread-safe."""

    def __init__(self, names: Iterable[str], now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._lock = Lock()
        self._states = {name: SourceState(name) for name in names}
        self._changed = self._urgent = True
        self._written_us = 0

    def running(self, name: str, *, running: bool) -> None:
        """Note that a source began to be played, or is played no more."""
        self._note(name, urgent=True, running=running)

    def contact(self, name: str, readings: int = 0, refusals: int = 0) -> None:
        """Note that a source's device was heard of, with how much it gave."""
        with self._lock:
            before = self._states[name]
            self._states[name] = replace(
                before,
                contact_us=self._now_us(),
                readings=before.readings + readings,
                refusals=before.refusals + refusals,
                failures=0,
            )
            self._urgent = self._urgent or before.failures > 0 or before.contact_us is None
            self._changed = True

    def failed(self, name: str, failures: int, error: str, fix: str) -> None:
        """Note that a source failed, and what to do."""
        self._note(name, urgent=True, failures=failures, error=_said(error), fix=_said(fix), error_us=self._now_us())

    def trouble(self, name: str, error: str, fix: str) -> None:
        """Note what went wrong in a source that goes on, such as a sender with a wrong password."""
        self._note(name, urgent=False, error=_said(error), fix=_said(fix), error_us=self._now_us())

    def states(self) -> list[SourceState]:
        """Return the states in the order of the configuration."""
        with self._lock:
            return list(self._states.values())

    def write(self, path: Path, *, at_once: bool = False) -> None:
        """Write the file where there is something new and it is time to; a disk that cannot take it is left alone."""
        now_us = self._now_us()
        with self._lock:
            waited = not 0 <= now_us - self._written_us < _QUIET_US  # a clock set back counts as waited
            if not self._changed or not (at_once or self._urgent or waited):
                return
            self._changed = self._urgent = False
            self._written_us = now_us
            document = {"written_us": now_us, "sources": [asdict(state) for state in self._states.values()]}
        try:
            write_passing(path, json.dumps(document, ensure_ascii=False))
        except OSError as error:
            log.debug("source_states_not_written", file=str(path), error=str(error))

    def _note(self, name: str, *, urgent: bool, **changes: Any) -> None:
        with self._lock:
            self._states[name] = replace(self._states[name], **changes)
            self._changed = True
            self._urgent = self._urgent or urgent


def _said(text: str) -> str:
    """Return a text of a length that a person reads, in which bytes of a file's name that are no UTF-8 are escaped."""
    return text.encode(errors="backslashreplace").decode()[:_LONGEST_TEXT]


def states_path(spool: Path) -> Path:
    """Return where the states of the sources lie: beside the spool."""
    return beside(spool, ".sources.json")


def read_states(spool: Path) -> list[SourceState]:
    """Return the states that an agent wrote last beside this spool; empty where there are none that can be read."""
    known = {field.name for field in fields(SourceState)}
    try:
        document = json.loads(read_small(states_path(spool)))
        return [SourceState(**{k: v for k, v in each.items() if k in known}) for each in document["sources"]]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return []
