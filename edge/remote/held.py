"""What the agent keeps of remote configurations over its restarts: one small file beside the spool."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from edge import event_log
from edge.durable_file import write_durably
from edge.wire.configuration import Configuration, ConfigurationReport, ConfigurationState
from edge.wire.model import InstantUs, canonical, digest

log = event_log.get(__name__)


class Held(BaseModel):
    """The state of the file; each change of it is a new value that replaces the whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    good: Configuration | None = None
    """What has proved itself; None: the local file alone."""
    trial: Configuration | None = None
    """What is being tried."""
    trial_starts: Annotated[int, Field(ge=0)] = 0
    """How often the agent has started with it; a clean stop takes its start back."""
    report: ConfigurationReport | None = None
    reported_us: InstantUs | None = None
    """The agent's wall clock when the report became what it is."""

    @property
    def number(self) -> int:
        """Number of the configuration dealt with last, 0 where there was none."""
        return 0 if self.report is None else self.report.number

    def trying(self, fresh: Configuration) -> Self:
        """Return the state in which a configuration is tried."""
        said = _report(fresh, ConfigurationState.TRIAL)
        return self.model_copy(update={"trial": fresh, "trial_starts": 0, "report": said})

    def started(self, starts: int) -> Self:
        """Return the state after so many starts with the configuration that is tried."""
        return self.model_copy(update={"trial_starts": starts})

    def proved(self) -> Self:
        """Return the state in which what was tried is good."""
        if self.trial is None:
            return self
        said = _report(self.trial, ConfigurationState.APPLIED)
        return self.model_copy(update={"good": self.trial, "trial": None, "trial_starts": 0, "report": said})

    def taken_back(self, why: str) -> Self:
        """Return the state in which what was tried is forgotten, with the reason told."""
        if self.trial is None:
            return self
        said = _report(self.trial, ConfigurationState.ROLLED_BACK, why)
        return self.model_copy(update={"trial": None, "trial_starts": 0, "report": said})

    def without_good(self, why: str) -> Self:
        """Return the state in which only the local file is left, since what was good cannot be used any more."""
        if self.good is None:
            return self
        said = _report(self.good, ConfigurationState.ROLLED_BACK, why)
        return self.model_copy(update={"good": None, "report": said})

    def refusing(self, fresh: Configuration, why: str) -> Self:
        """Return the state in which a configuration was refused and everything else is as it was."""
        return self.model_copy(update={"report": _report(fresh, ConfigurationState.REFUSED, why)})


class HeldFile:
    """The file; ``now_us`` is the wall clock, by which reports are dated."""

    def __init__(self, spool: Path, now_us: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._path = spool.with_name(f"{spool.name}.configuration.json")
        self._now_us = now_us
        self._reported: tuple[ConfigurationReport | None, int | None] = None, None

    def read(self) -> Held:
        """Return what is kept; nothing where the file is missing or damaged: the platform sends its document again."""
        try:
            held = self.kept()
        except (OSError, ValueError) as error:
            fix = "none: the local file holds until the platform's document has come again"
            log.warning("held_configuration_unreadable", file=str(self._path), error=type(error).__name__, fix=fix)
            return Held()
        self._reported = held.report, held.reported_us
        return held

    def kept(self) -> Held:
        """Return what is kept, nothing where the file is missing.

        Raises
        ------
        OSError
            The file cannot be read.
        ValueError
            It is damaged.
        """
        try:
            return Held.model_validate_json(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Held()

    def write(self, held: Held) -> None:
        """Keep a state, its report dated where it is a new one; returns when the disk has it.

        Raises
        ------
        OSError
            The disk cannot take it; the file is as it was.
        """
        reported = self._reported if held.report == self._reported[0] else (held.report, self._now_us())
        write_durably(self._path, held.model_copy(update={"reported_us": reported[1]}).model_dump_json().encode())
        self._reported = reported


def _report(configuration: Configuration, state: ConfigurationState, detail: str = "") -> ConfigurationReport:
    sha256 = digest(canonical(configuration))
    return ConfigurationReport(number=configuration.number, sha256=sha256, state=state, detail=detail[:500])
