"""The agent's one way to the platform: a connection after the other, with pauses that grow where they fail."""

from __future__ import annotations

from random import Random
from threading import Event

from edge import event_log
from edge.clock import Clock
from edge.conversation import Configurations, Conversation, Mode, Releases, Speaker
from edge.liveness import Pulse
from edge.pauses import full_jitter
from edge.session import ConnectionEnded, Session
from edge.settings import EdgeSettings
from edge.spool.records import SpoolUnavailable
from edge.spool.spool import Spool
from edge.window import Window

_FIRST_PAUSE_S = 0.5
_CONNECTED_WITHIN_S = 120.0
"""For a name to be looked up, a connection to be made and the broker to answer; their own limits are shorter."""
_TURN_WITHIN_S = 60.0

log = event_log.get(__name__)


class Uplink:
    """Sends one spool's batches as one agent, from ``run`` until it is stopped.

    Parameters
    ----------
    software
        Name and version of the program, for the birth message.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        spool: Spool,
        clock: Clock,
        random: Random,
        software: str,
    ) -> None:
        self._agent = settings.agent.id
        self._broker = settings.broker
        self._settings = settings.uplink
        self._spool = spool
        self._clock = clock
        self._random = random
        self._software = software
        self.configurations: Configurations | None = None
        """Who deals with the platform's configurations; to be set before ``run``."""
        self.releases: Releases | None = None
        """Who knows of releases; likewise."""
        self._session: Session | None = None
        self._failures = 0
        self._mode = Mode.OFFLINE
        self.pulse = Pulse(clock.monotonic_s)
        """Sign of life of the thread in ``run``."""

    @property
    def mode(self) -> Mode:
        """What the uplink is doing now."""
        return self._mode

    def wake(self) -> None:
        """Have a look at the spool now: something was sealed, or ``stop`` was set."""
        if session := self._session:
            session.wake()

    def run(self, stop: Event) -> None:
        """Connect and send until ``stop`` is set; then say goodbye and return.

        Raises
        ------
        SpoolCorrupt
            The spool's file is damaged.
        """
        while not stop.is_set():
            try:
                self._hold_connection(stop)
            except (ConnectionEnded, SpoolUnavailable) as error:
                self._failures += 1
                pause_s = full_jitter(self._failures, self._random, _FIRST_PAUSE_S, self._settings.reconnect_cap_s)
                log.warning("uplink_offline", problem=error.problem, retry_s=round(pause_s, 2), fix=error.fix)
                self._enter(Mode.OFFLINE)
                self.pulse.beat(pause_s + _TURN_WITHIN_S)
                stop.wait(pause_s)
        self._enter(Mode.OFFLINE)

    def _hold_connection(self, stop: Event) -> None:
        self._enter(Mode.CONNECTING)
        self.pulse.beat(_CONNECTED_WITHIN_S)
        number = self._spool.next_connection()
        speaker = Speaker(self._agent, number, self._software, self.configurations, self.releases)
        session = Session(self._broker, self._agent, speaker.will(clean=False))
        self._session = session
        try:
            if not session.open(stop.is_set):
                return
            log.info("uplink_connected", connection=speaker.connection)
            conversation = Conversation(session, speaker, self._spool, self._window(), self._clock)
            conversation.begin()
            while not stop.is_set():
                self.pulse.beat(_TURN_WITHIN_S)
                conversation.turn()
                self._enter(conversation.mode)
                if conversation.answered:
                    self._failures = 0
            conversation.farewell()
            log.info("uplink_disconnected", connection=speaker.connection)
        finally:
            self._session = None
            session.close()

    def _window(self) -> Window:
        settings = self._settings
        return Window(settings.window, settings.acknowledgement_timeout_s, settings.backlog_batches_per_s, self._random)

    def _enter(self, mode: Mode) -> None:
        if mode is not self._mode:
            log.info("uplink_mode", mode=mode, before=self._mode)
            self._mode = mode
