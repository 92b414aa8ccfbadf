"""Keeping sources going: from the position in the spool, again and again where it fails."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from random import Random
from threading import Event
from typing import Protocol

from edge import event_log
from edge.intake import Intake
from edge.pauses import full_jitter
from edge.readings import ReadingGroup
from edge.source_states import SourceStates
from edge.sources.source import KeepsJournal, Source, SourceTroubleError

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_FIX = "see to the source's device or file and its configuration; the other sources go on"

log = event_log.get(__name__)


class Positions(Protocol):
    """Who knows where sources go on."""

    def position(self, source: str) -> str | None:
        """Return the position after the last accepted group of a source."""


class Supervisor:
    """Plays sources, each in the thread of its caller."""

    def __init__(self, positions: Positions, intake: Intake, states: SourceStates, random: Random) -> None:
        self._positions = positions
        self._intake = intake
        self._states = states
        self._random = random

    def play(self, source: Source, stop: Event) -> None:
        """Move a source's groups to the intake until it ends or ``stop`` is set; a failing source starts again."""
        if isinstance(source, KeepsJournal):
            source.keep(self._states)
        self._states.running(source.name, running=True)
        try:
            self._keep_going(source, stop)
        finally:
            self._states.running(source.name, running=False)

    def _keep_going(self, source: Source, stop: Event) -> None:
        """Start a source until it ends.

        It starts again only when its groups in memory are in the spool, since the position is read from there.
        """
        failures = 0
        while not stop.is_set():
            began_s = time.monotonic()
            try:
                with _closing(source.groups(self._positions.position(source.name), stop)) as groups:
                    for group in groups:
                        if not self._take(source, group):
                            return
                        failures = 0
            except Exception as error:  # noqa: BLE001, RUF100 - whatever a source raises concerns that source alone
                failures = 1 if time.monotonic() - began_s > _LONGEST_PAUSE_S else failures + 1
                stop.wait(self._failed(source.name, error, failures))
                if not self._intake.wait_until_accepted(source.name):
                    return
            else:
                log.info("source_stopped" if stop.is_set() else "source_ended", source=source.name)
                return

    def _take(self, source: Source, group: ReadingGroup) -> bool:
        if not isinstance(source, KeepsJournal):
            self._states.contact(source.name, len(group.readings), len(group.refusals))
        return self._intake.put(source.name, group)

    def _failed(self, source: str, error: Exception, failures: int) -> float:
        """Say in log and status what went wrong; return how long to wait."""
        pause_s = full_jitter(failures, self._random, _FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        expected = isinstance(error, SourceTroubleError)
        fix = error.fix if isinstance(error, SourceTroubleError) else _FIX
        text = str(error) or type(error).__name__
        log.error("source_failed", exc_info=not expected, source=source, error=text, retry_s=pause_s, fix=fix)
        self._states.failed(source, failures, text, fix)
        return pause_s


@contextmanager
def _closing(groups: Iterator[ReadingGroup]) -> Iterator[Iterator[ReadingGroup]]:
    """Have a source give back its sockets and files at once, also where its last group was not taken."""
    try:
        yield groups
    finally:
        if isinstance(groups, Generator):
            groups.close()
