"""What an update has decided so far, in one small file: whoever finds it after a kill knows what is to be done next."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge import event_log
from edge.durable_file import read_small, write_durably
from edge.update.announcement import Announcement
from edge.update.reported import journal_path
from edge.wire.release import ReleaseReport, ReleaseState, ReleaseVersion

_READABLE = 0o644
"""The agent reads the report, as another user."""
_MOST_REJECTED = 50

log = event_log.get(__name__)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(StrEnum):
    """What is to be done with an installed release; each can be done again from its beginning."""

    TRY = "try"
    """Make it current, restart the agent, and watch it."""
    ROLL_BACK = "roll_back"
    """Make the version before current again, and restart the agent."""
    PROVE = "prove"
    """Make it what is gone back to."""


class Baseline(_Part):
    """How the agent did under the version before, as far as it was seen: the new one is to do as well."""

    run: str | None = None
    spool: str | None = None
    connected: bool = False
    sources: tuple[str, ...] = ()
    """Those that worked."""


class Attempt(_Part):
    """A release that is installed and about which it is not decided yet."""

    release: Announcement
    before: ReleaseVersion
    step: Step
    starts: Annotated[int, Field(ge=0)] = 0
    """How often it was begun to try it."""
    baseline: Baseline = Baseline()
    reason: str = ""
    """Why it is rolled back."""


class Rejected(_Part):
    """A release that is not to be tried once more."""

    version: ReleaseVersion
    sha256: str
    state: ReleaseState
    by: ReleaseVersion
    """The version that rejected it: what one refuses, a later one may understand."""


class Journal(_Part):
    """The state of the file; each change of it is a new value that replaces the whole."""

    report: ReleaseReport | None = None
    attempt: Attempt | None = None
    previous: ReleaseVersion | None = None
    """The version that was proven before the one that is."""
    applied: Announcement | None = None
    """The release that was proven last."""
    rejected: tuple[Rejected, ...] = ()

    def saying(self, version: str, state: ReleaseState, detail: str = "") -> Self:
        """Return the state in which a report is told."""
        return self._with(report=ReleaseReport(version=version, state=state, detail=detail[:500]))

    def trying(self, attempt: Attempt) -> Self:
        """Return the state in which an installed release is tried; what was said against it before is forgotten."""
        kept = tuple(each for each in self.rejected if each.sha256 != attempt.release.sha256)
        said = self.saying(attempt.release.version, ReleaseState.TRIAL)
        return said._with(attempt=attempt, rejected=kept)

    def at_step(self, **changes: object) -> Self:
        """Return the state in which some of what is written about the attempt is different."""
        if self.attempt is None:
            return self
        return self._with(attempt=self.attempt.model_copy(update=changes))

    def proved(self) -> Self:
        """Return the state after all: the release is what runs."""
        if self.attempt is None:
            return self
        said = self.saying(self.attempt.release.version, ReleaseState.APPLIED)
        return said._with(attempt=None, previous=self.attempt.before, applied=self.attempt.release)

    def rolled_back(self) -> Self:
        """Return the state after all: the version before runs again, and this release is not tried once more."""
        if self.attempt is None:
            return self
        release, reason = self.attempt.release, self.attempt.reason
        ended = self.rejecting(release, ReleaseState.ROLLED_BACK, self.attempt.before, reason)._with(attempt=None)
        return ended._with(previous=None, applied=None) if release == self.applied else ended

    def rejecting(self, release: Announcement, state: ReleaseState, by: str, reason: str) -> Self:
        """Return the state in which a release is not to be tried once more."""
        fresh = Rejected(version=release.version, sha256=release.sha256, state=state, by=by)
        kept = [each for each in self.rejected if (each.version, each.sha256) != (fresh.version, fresh.sha256)]
        said = self.saying(release.version, state, reason)
        return said._with(rejected=(*kept, fresh)[-_MOST_REJECTED:])

    def rejects(self, release: Announcement, current: str) -> bool:
        """Tell whether a release is not to be tried once more."""
        return any(
            (each.version, each.sha256) == (release.version, release.sha256)
            and (each.state is ReleaseState.ROLLED_BACK or each.by == current)
            for each in self.rejected
        )

    def _with(self, **changes: object) -> Self:
        return self.model_copy(update=changes)


class JournalFile:
    """The file."""

    def __init__(self, root: Path) -> None:
        self._path = journal_path(root)

    def read(self) -> Journal:
        """Return what was decided; nothing where the file is missing or damaged: the links tell what matters."""
        try:
            return Journal.model_validate_json(read_small(self._path))
        except FileNotFoundError:
            return Journal()
        except (OSError, ValidationError) as error:
            fix = "none: a version that was on trial is taken back"
            log.error("update_journal_unreadable", file=str(self._path), error=type(error).__name__, fix=fix)
            return Journal()

    def write(self, journal: Journal) -> None:
        """Keep a state; returns when the disk has it.

        Raises
        ------
        OSError
            The disk cannot take it; the file is as it was.
        """
        write_durably(self._path, journal.model_dump_json().encode(), _READABLE)
