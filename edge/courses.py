"""The agent from start to end: one course after the other, each with its configuration, over one open spool."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from threading import Event
from typing import NamedTuple

from edge import event_log
from edge.agent import Agent, limits_of
from edge.clock import Clock
from edge.conversation import Releases
from edge.remote.configurator import Configurator, Course
from edge.run_state import RunRecord
from edge.spool.spool import Spool
from edge.uplink import Uplink

log = event_log.get(__name__)


class Running(NamedTuple):
    """What is known of the program that runs, and where it is said."""

    software: str
    """Name and version, for the birth message."""
    record: RunRecord
    releases: Releases


class Courses:
    """Runs the agent, and starts it anew in place where the configuration changes.

    Between two courses every source has ended, and what it had given is in the spool, or will be given again from the
    position that the spool holds: as between two starts of the process, but the spool stays open.
    """

    def __init__(self, spool: Spool, clock: Clock, random: Random, running: Running) -> None:
        self._spool = spool
        self._clock = clock
        self._random = random
        self._running = running
        self._stopped = False
        self._halt = Event()

    def stop(self) -> None:
        """Make ``run`` end; may be called from any thread."""
        self._stopped = True
        self._halt.set()

    def run(self, configurator: Configurator, *, until_drained: bool, watch: Callable[[bool], None]) -> bool:
        """Run until stopped; False where the agent had to give up.

        Parameters
        ----------
        until_drained
            Return also once every source has ended and everything is answered.
        watch
            Told a few times a second whether the threads of spool and uplink make progress.

        Raises
        ------
        ConfigurationError
            Neither a configuration of the platform nor the local one can be run.
        """
        course = configurator.course()
        while self._one(configurator, course, until_drained=until_drained, watch=watch):
            if self._stopped or not self._halt.is_set():
                configurator.stopped()
                return True
            self._halt.clear()
            course = configurator.course()
        return False

    def _one(
        self, configurator: Configurator, course: Course, *, until_drained: bool, watch: Callable[[bool], None]
    ) -> bool:
        self._spool.limit(limits_of(course.settings.spool))
        uplink = Uplink(course.settings, self._spool, self._clock, self._random, self._running.software)
        uplink.configurations = configurator if configurator.enabled else None
        uplink.releases = self._running.releases
        agent = Agent(course.sources, self._spool, uplink, course.settings, self._random)

        def look(alive: bool) -> None:
            watch(alive)
            mode = uplink.mode
            self._running.record.note(str(self._spool.spool_id), mode, connected=mode.is_connected, alive=alive)
            if configurator.look(agent.source_states()):
                self._halt.set()

        if self._stopped:
            self._halt.set()
        return agent.run(self._halt, until_drained=until_drained, watch=look)
