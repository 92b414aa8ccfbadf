"""Which configuration the agent runs with: the platform's latest once it has proved itself, else what did so before.

A document is checked, kept on the disk as a trial, and run. If a source that it brings or changes has not worked once
when the probation is over, or the agent dies over it again and again, what ran before runs again. Each step is one
replacement of one file, so that a kill at any moment leaves either the step before or the step after.
A release that the configuration in force announces is written down beside it, for the command that installs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from edge import event_log
from edge.configuration import ConfigurationError
from edge.remote.held import Held, HeldFile
from edge.remote.tables import announcement_of, laid_over, local_tables
from edge.settings import EdgeSettings
from edge.source_states import SourceState
from edge.sources.source import Source
from edge.update.announcement import Announcement, AnnouncementFile
from edge.wire.configuration import Configuration, ConfigurationReport
from edge.wire.decode import WireError, decode

_MOST_STARTS = 3
"""Starts of the agent within one probation, after which the configuration counts as what ends it."""

log = event_log.get(__name__)


class Course(NamedTuple):
    """What one run of the agent is made of."""

    settings: EdgeSettings
    sources: list[Source]


class Configurator:
    """Decides between runs of the agent, and watches each.

    ``offer`` and ``report`` are for the uplink's thread, everything else for the one that runs the agent.

    Parameters
    ----------
    local, config
        The local settings, and the file that they are from.
    monotonic_s
        The clock of the probation.
    """

    def __init__(self, local: EdgeSettings, config: Path, monotonic_s: Callable[[], float]) -> None:
        self._local = local
        self._config = config
        self._monotonic_s = monotonic_s
        self._enabled = local.remote_configuration.enabled
        self._file = HeldFile(local.spool.path)
        self._held = self._file.read() if self._enabled else Held()
        self._offered: bytes | None = None
        self._lock = Lock()
        self._judged_s = 0.0
        self._watched: frozenset[str] = frozenset()
        self._resumes = self._held.trial is not None
        self._running: EdgeSettings | None = None
        self._announcements = AnnouncementFile(local.spool.path)
        self._announce_anew()

    @property
    def enabled(self) -> bool:
        """Whether the local file lets the platform configure this agent."""
        return self._enabled

    @property
    def report(self) -> ConfigurationReport | None:
        """What the birth says."""
        return self._held.report

    def offer(self, payload: bytes) -> None:
        """Take a document from the platform; it is looked at by ``look``."""
        with self._lock:
            self._offered = payload

    def course(self) -> Course:
        """Return what to run now.

        Raises
        ------
        ConfigurationError
            The local file's own sources cannot be built, and it is they that are to run.
        """
        course = self._chosen()
        self._running = course.settings
        return course

    def _chosen(self) -> Course:
        if self._held.trial is not None and (course := self._course_of_trial(self._held.trial)):
            return course
        if self._held.good is not None:
            try:
                return self._built(self._laid_over(self._held.good))
            except ConfigurationError as error:
                fix = "correct the local file or the platform's configuration; the local file holds alone until then"
                log.error("configuration_unusable", number=self._held.good.number, error=str(error), fix=fix)
                self._keep(self._held.without_good(f"no longer usable: {error}"))
        return self._built(self._local)

    def look(self, states: Sequence[SourceState]) -> bool:
        """Deal with what was offered, and with a probation that is over; True where another course is to be run."""
        with self._lock:
            payload, self._offered = self._offered, None
        return (payload is not None and self._consider(payload)) or self._judge(states)

    def stopped(self) -> None:
        """Note that the agent ends by its own will, which says nothing against a configuration on trial."""
        if self._held.trial is not None and self._held.trial_starts:
            self._keep(self._held.started(self._held.trial_starts - 1))

    def _consider(self, payload: bytes) -> bool:
        """Take up a document where it is newer than what is known and can be run."""
        fresh = _read(payload)
        if fresh is None or fresh.number <= self._held.number:
            return False
        try:
            settings = self._laid_over(fresh)
            self._built(settings)
        except ConfigurationError as error:
            log.warning("configuration_refused", number=fresh.number, error=str(error), fix="send a corrected one")
            self._keep(self._held.refusing(fresh, str(error)))
            return False
        if self._announces_alone(fresh, settings):
            log.info("configuration_applied", number=fresh.number)
            self._keep(self._held.trying(fresh).proved())
            return False
        log.info("configuration_tried", number=fresh.number)
        self._resumes = False
        return self._keep(self._held.trying(fresh))  # or it is not tried: a restart must find what runs

    def _announces_alone(self, fresh: Configuration, settings: EdgeSettings) -> bool:
        """Tell whether a document changes the announced release and nothing else: then nothing is started anew."""
        if self._held.trial is not None or announcement_of(fresh.toml) == _announced(self._held):
            return False
        return settings == self._running

    def _course_of_trial(self, trial: Configuration) -> Course | None:
        """Return the course of what is tried, its probation begun; None where it was taken back."""
        if self._resumes and self._held.trial_starts >= _MOST_STARTS:
            self._take_back("the agent ended again and again while it ran")
            return None
        try:
            course = self._built(self._laid_over(trial))
            before = self._laid_over(self._held.good) if self._held.good else self._local
        except ConfigurationError as error:
            self._take_back(str(error))
            return None
        self._keep(self._held.started(self._held.trial_starts + 1))
        self._resumes = True
        known = list(before.source)
        self._watched = frozenset(each.name for each in course.settings.source if each not in known)
        self._judged_s = self._monotonic_s() + self._local.remote_configuration.probation_s
        return course

    def _judge(self, states: Sequence[SourceState]) -> bool:
        """End a probation that is over; True where the configuration is taken back."""
        trial = self._held.trial
        if trial is None or self._monotonic_s() < self._judged_s:
            return False
        failing = [s for s in states if s.name in self._watched and s.failures and s.contact_us is None]
        if failing:
            self._take_back("; ".join(f"source {s.name} has not worked: {s.error}" for s in failing))
            return True
        log.info("configuration_applied", number=trial.number)
        self._keep(self._held.proved())
        return False

    def _take_back(self, why: str) -> None:
        number = self._held.trial.number if self._held.trial else None
        log.error("configuration_rolled_back", number=number, error=why, fix="send a corrected one")
        self._keep(self._held.taken_back(why))

    def _laid_over(self, configuration: Configuration) -> EdgeSettings:
        return laid_over(local_tables(self._local), configuration.toml, self._config.parent)

    def _built(self, settings: EdgeSettings) -> Course:
        sources: list[Source] = []
        for number, each in enumerate(settings.source):
            try:
                sources.append(each.build())
            except (ValueError, OSError) as error:
                msg = f"{self._config}: source[{number}] ({each.name}): {error}"
                raise ConfigurationError(msg) from error
        return Course(settings, sources)

    def _keep(self, held: Held) -> bool:
        """Keep a state; False where the disk cannot take it now, so that all is as before."""
        try:
            self._announcements.keep(_announced(held))  # first: a start before the next line puts it back
            self._file.write(held)
        except OSError as error:
            fix = "give the agent room and the right to write beside its spool; it goes on with what it has"
            log.error("configuration_not_kept", error=str(error), fix=fix)
            return False
        self._held = held
        return True

    def _announce_anew(self) -> None:
        """Have the file say what the kept state says, which an end between the two may have left apart."""
        try:
            self._announcements.keep(_announced(self._held))
        except OSError as error:
            fix = "give the agent room and the right to write beside its spool, and restart it"
            log.error("announcement_not_kept", error=str(error), fix=fix)


def _announced(held: Held) -> Announcement | None:
    """Return the release that the configuration in force announces."""
    try:
        return None if held.good is None else announcement_of(held.good.toml)
    except ConfigurationError:  # of another release of the agent; whether it can be run is seen elsewhere
        return None


def _read(payload: bytes) -> Configuration | None:
    """Return the document in a payload; None for an empty one, which takes a retained document off the broker."""
    if not payload:
        return None
    try:
        document = decode(payload)
    except WireError as error:
        log.warning(
            "configuration_unreadable", detail=error.detail, fix="bring agent and platform to matching releases"
        )
        return None
    return document if isinstance(document, Configuration) else None
