"""Keeping one source going: from the position in the spool, again and again where it fails."""

from __future__ import annotations

from random import Random
from threading import Event
from typing import Protocol

from edge import event_log
from edge.intake import Intake
from edge.pauses import full_jitter
from edge.sources.source import Source

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0

log = event_log.get(__name__)


class Positions(Protocol):
    """Who knows where sources go on."""

    def position(self, source: str) -> str | None:
        """Return the position after the last accepted group of a source."""


def play(source: Source, positions: Positions, intake: Intake, stop: Event, random: Random) -> None:
    """Move a source's groups to the intake until it ends or ``stop`` is set; a failing source starts again.

    It starts again only when its groups in memory are in the spool, since the position is read from there.
    """
    failures = 0
    while not stop.is_set():
        try:
            for group in source.groups(positions.position(source.name), stop):
                if not intake.put(source.name, group):
                    return
                failures = 0
        except Exception as error:  # noqa: BLE001, RUF100 - whatever a source raises concerns that source alone
            failures += 1
            pause_s = full_jitter(failures, random, _FIRST_PAUSE_S, _LONGEST_PAUSE_S)
            fix = "see to the source's device or file and its configuration; the other sources go on"
            log.error("source_failed", exc_info=True, source=source.name, error=str(error), retry_s=pause_s, fix=fix)
            stop.wait(pause_s)
            if not intake.wait_until_accepted(source.name):
                return
        else:
            log.info("source_stopped" if stop.is_set() else "source_ended", source=source.name)
            return
