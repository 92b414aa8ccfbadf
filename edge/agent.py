"""The agent: sources fill the intake, the sealer empties it into the spool, the uplink sends what the spool holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from random import Random
from threading import Event, Thread

from edge import event_log
from edge.intake import Intake
from edge.liveness import Pulse
from edge.pauses import full_jitter
from edge.reporting.reporter import Reporter
from edge.settings import EdgeSettings, SpoolSettings
from edge.source_states import SourceState, SourceStates, states_path
from edge.sources.source import Source
from edge.spool.acceptance import NamedGroup
from edge.spool.records import SpoolError, SpoolLimits, SpoolUnavailable
from edge.spool.spool import Spool
from edge.supervision import Supervisor
from edge.uplink import Uplink

_LEAST_ROOM = 2000
_IDLE_S = 0.5
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0
_LOOK_S = 0.1
_SEALED_WITHIN_S = 60.0
"""Longest time that one acceptance may take before the agent counts as stuck."""

log = event_log.get(__name__)


class Agent:
    """One run of an agent over an open spool."""

    def __init__(
        self,
        sources: Sequence[Source],
        spool: Spool,
        uplink: Uplink,
        settings: EdgeSettings,
        random: Random,
    ) -> None:
        self._sealing = Pulse()
        self._reporter = Reporter.of(((each.name, each) for each in settings.source), settings.report)
        self._sources = sources
        self._spool = spool
        self._uplink = uplink
        self._settings = settings.spool
        self._random = random
        self._sources_stop = Event()
        self._uplink_stop = Event()
        self._failed = Event()
        self._states = SourceStates([source.name for source in sources], lambda: time.time_ns() // 1000)
        self._intake = Intake(max(_LEAST_ROOM, 2 * settings.spool.batch_readings))
        self._supervisor = Supervisor(spool, self._intake, self._states, random)

    def run(self, stop: Event, *, until_drained: bool, watch: Callable[[bool], None] = lambda _alive: None) -> bool:
        """Play the sources until ``stop`` is set; False where the agent had to give up.

        ``until_drained``: return also once every source has ended and everything is answered.
        ``watch``: told a few times a second whether the threads of spool and uplink make progress.
        """
        log.info(
            "agent_started", sources=[source.name for source in self._sources], pending=self._spool.depth().batches
        )
        players = [self._thread(f"source:{source.name}", partial(self._play, source)) for source in self._sources]
        sealer = self._thread("sealer", self._seal)
        sender = self._thread("uplink", lambda: self._uplink.run(self._uplink_stop))
        while not stop.wait(_LOOK_S) and not self._failed.is_set():
            watch(self._sealing.is_alive and self._uplink.pulse.is_alive)
            self._states.write(states_path(self._settings.path))
            if until_drained and not any(player.is_alive() for player in players) and self._is_drained():
                break
        self._sources_stop.set()
        self._intake.close()
        for thread in (*players, sealer):
            thread.join()
        self._uplink_stop.set()
        self._uplink.wake()
        sender.join()
        self._states.write(states_path(self._settings.path), at_once=True)
        log.info("agent_stopped", pending=None if self._failed.is_set() else self._spool.depth().batches)
        return not self._failed.is_set()

    def source_states(self) -> list[SourceState]:
        """Return how each source does."""
        return self._states.states()

    def _is_drained(self) -> bool:
        return self._intake.is_empty() and not self._reporter.open_windows and self._spool.is_drained()

    def _play(self, source: Source) -> None:
        self._supervisor.play(source, self._sources_stop)

    def _seal(self) -> None:
        """Move groups from the intake to the spool until both sources and intake are done.

        The first of a run are sealed at once, so that whoever starts an agent need not wait to see that it works.
        """
        enough, linger_s = self._settings.batch_readings, 0.0
        while True:
            ending = self._sources_stop.is_set()
            self._sealing.beat(linger_s + _SEALED_WITHIN_S)
            ended = self._ended(ending=ending)  # asked first: what they put before they ended is gathered now
            groups = self._intake.gather(enough, linger_s, _IDLE_S)
            if groups or self._reporter.is_due(ended):
                linger_s = self._settings.seal_after_s
                if not self._accept(groups, ended):
                    self._intake.abandon()
                    return
            elif ending:
                return
            elif self._try(self._spool.enforce_limits):
                self._uplink.wake()

    def _ended(self, *, ending: bool) -> frozenset[str]:
        """Return the sources whose open windows are to be reported as far as they got."""
        return frozenset(state.name for state in self._states.states() if ending or not state.running)

    def _accept(self, groups: Sequence[NamedGroup], ended: Collection[str]) -> bool:
        """Seal groups, trying again while the spool cannot be written; False where the agent stops before."""
        failures = 0
        while True:
            try:
                self._attempt(groups, ended)
            except SpoolUnavailable as error:
                failures += 1
                pause_s = full_jitter(failures, self._random, _FIRST_PAUSE_S, _LONGEST_PAUSE_S)
                log.error("spool_unavailable", problem=error.problem, fix=error.fix, retry_s=round(pause_s, 2))
                self._sealing.beat(pause_s + _SEALED_WITHIN_S)
                if self._sources_stop.wait(pause_s):
                    return False
            else:
                self._intake.accepted(groups)
                self._uplink.wake()
                return True

    def _attempt(self, groups: Sequence[NamedGroup], ended: Collection[str]) -> None:
        """Seal what is reported of the groups that nobody has withdrawn, and tell those who wait for it how it went."""
        wanted = [each for each in groups if each[1].receipt is None or each[1].receipt.begin()]
        accepted = False
        try:
            if reported := self._reporter.report(wanted, ended):
                self._spool.accept(reported)
            self._reporter.commit()
            accepted = True
        finally:
            for _, group in wanted:
                if group.receipt is not None:
                    group.receipt.settle(accepted=accepted)

    def _try(self, housekeeping: Callable[[], int]) -> int:
        try:
            return housekeeping()
        except SpoolUnavailable as error:
            log.warning("spool_unavailable", problem=error.problem, fix=error.fix)
            return 0

    def _thread(self, name: str, work: Callable[[], None]) -> Thread:
        thread = Thread(target=self._guarded, args=(name, work), name=name)
        thread.start()
        return thread

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        """Run a thread's work; what it cannot deal with ends the whole agent, so that it is started anew."""
        try:
            work()
        except SpoolError as error:
            log.error("thread_failed", thread=name, problem=error.problem, fix=error.fix)
            self._failed.set()
        except Exception:  # noqa: BLE001, RUF100 - nobody else would see it
            log.error("thread_failed", exc_info=True, thread=name, fix="restart the agent, and report this")
            self._failed.set()


def limits_of(settings: SpoolSettings) -> SpoolLimits:
    """Return the bounds that the configuration gives the spool."""
    return SpoolLimits(settings.max_bytes, settings.max_age_s, settings.batch_readings, settings.compress)
