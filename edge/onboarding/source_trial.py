"""Trying a source as the agent would play it, until its device is first heard of; nothing is accepted by that."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Protocol

from edge.readings import ReadingGroup
from edge.sources.source import KeepsJournal, Source, SourceTroubleError

_ENDED_WITHIN_S = 5.0


@dataclass(slots=True)
class Trial:
    """What a source did: whether its device was heard of, what it gave, and what went wrong."""

    heard: bool = False
    readings: int = 0
    refusals: list[str] = field(default_factory=list)
    """Reason and detail of each; never content."""
    error: str | None = None
    fix: str | None = None

    def take(self, group: ReadingGroup) -> None:
        """Note what a group holds."""
        self.heard = True
        self.readings += len(group.readings)
        self.refusals += [f"{refusal.reason}: {refusal.detail}" for refusal in group.refusals]


class Buildable(Protocol):
    """Configuration of a source."""

    @property
    def name(self) -> str:
        """Name of the source."""

    def build(self) -> Source:
        """Return the source; raises ``ValueError`` or ``OSError``."""


class _Listening:
    """A journal that ends the trial when the device is first heard of, after what it gave has come as well."""

    def __init__(self, trial: Trial, heard: Event) -> None:
        self._trial = trial
        self._heard = heard

    def contact(self, _name: str, readings: int = 0, refusals: int = 0) -> None:
        """As ``Journal``."""
        self._trial.heard = True
        if not readings and not refusals:
            self._heard.set()

    def trouble(self, _name: str, error: str, fix: str) -> None:
        """As ``Journal``."""
        self._trial.error, self._trial.fix = error, fix
        self._heard.set()


def tried(settings: Buildable, longest_s: float) -> Trial:
    """Play a source from its beginning until its device is heard of, for ``longest_s`` at most.

    A device may be asked a question by that, as the agent would ask it. What a device pushes is answered as not
    accepted, and a broker delivers again what comes meanwhile.
    """
    trial, heard, stop = Trial(), Event(), Event()
    player = Thread(target=_play, args=(settings, trial, heard, stop), name=f"trial:{settings.name}", daemon=True)
    player.start()
    heard.wait(longest_s)
    stop.set()
    player.join(_ENDED_WITHIN_S)
    return trial


def _play(settings: Buildable, trial: Trial, heard: Event, stop: Event) -> None:
    try:
        source = settings.build()
        if isinstance(source, KeepsJournal):
            source.keep(_Listening(trial, heard))
        groups = source.groups(None, stop)
        if (first := next(groups, None)) is not None:
            trial.take(first)
        if isinstance(groups, Generator):
            groups.close()  # gives back sockets and files, and tells a device that nothing was accepted
    except SourceTroubleError as error:
        trial.error, trial.fix = error.problem, error.fix
    except Exception as error:  # noqa: BLE001, RUF100 - whatever a source raises is what the trial is to show
        trial.error = str(error) or type(error).__name__
    finally:
        heard.set()
