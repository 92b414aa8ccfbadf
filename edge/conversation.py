"""What agent and platform say to each other on one connection."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from paho.mqtt.client import MQTTMessageInfo

from edge import event_log
from edge.clock import Clock
from edge.platform_states import PlatformStates
from edge.session import Message, Session
from edge.spool.spool import Spool
from edge.window import Window
from edge.wire.acknowledgement import Acknowledgement, Refused
from edge.wire.configuration import ConfigurationReport
from edge.wire.decode import WireError, decode
from edge.wire.model import canonical
from edge.wire.presence import Birth, Will
from edge.wire.release import ReleaseReport
from edge.wire.topics import INGEST_STATE_FILTER, Subject, topic

_LONGEST_POLL_S = 0.5
_FAREWELL_S = 5.0
_REPEAT_TABLE_S = 1.0

log = event_log.get(__name__)


class Mode(StrEnum):
    """What the uplink is doing."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    PAUSED = "paused"
    """Connected; no ingest worker accepts batches."""
    SENDING = "sending"
    RENEWING = "renewing"
    """The spool goes on under a new id once the batches in flight are answered, or their time is over."""

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the broker."""
        return self not in {Mode.OFFLINE, Mode.CONNECTING}


class Configurations(Protocol):
    """Who deals with remote configurations."""

    @property
    def report(self) -> ConfigurationReport | None:
        """What became of the one dealt with last."""

    def offer(self, payload: bytes) -> None:
        """Take a document from the platform."""


class Releases(Protocol):
    """Who knows of releases of the agent."""

    @property
    def report(self) -> ReleaseReport | None:
        """What became of the one dealt with last."""


class Reports(NamedTuple):
    """What a birth says of what the platform has sent."""

    configuration: ConfigurationReport | None = None
    release: ReleaseReport | None = None


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks, on which of its connections, running what."""

    agent: str
    connection: int
    software: str
    configurations: Configurations | None = None
    """None: the platform does not configure this agent."""
    releases: Releases | None = None
    """None: this agent is not installed by releases."""

    @property
    def reports(self) -> Reports:
        """What became of the remote configuration and of the release dealt with last."""
        configuration = None if self.configurations is None else self.configurations.report
        return Reports(configuration, None if self.releases is None else self.releases.report)

    def will(self, *, clean: bool) -> Message:
        """Return the message that says that this connection is over."""
        will = Will(agent=self.agent, connection=self.connection, clean=clean)
        return topic(self.agent, Subject.WILL), canonical(will)


class Conversation:
    """Sends what a spool holds over an open session; only an acknowledgement takes a batch out of the spool."""

    def __init__(self, session: Session, speaker: Speaker, spool: Spool, window: Window, clock: Clock) -> None:
        self._session = session
        self._speaker = speaker
        self._spool = spool
        self._clock = clock
        self._window = window
        self._platform = PlatformStates()
        self._tables_sent: set[str] = set()
        self._wanted_s: dict[str, float] = {}
        self._copies: dict[int, MQTTMessageInfo] = {}
        self._renewal: Refused | None = None
        self._renewal_due_s = 0.0
        self._reported = Reports()
        self.answered = False
        """Whether the platform has acknowledged anything on this connection."""

    @property
    def mode(self) -> Mode:
        """What is being done: paused, sending or renewing."""
        if self._renewal is not None:
            return Mode.RENEWING
        return Mode.SENDING if self._platform.accepting else Mode.PAUSED

    def begin(self) -> None:
        """Ask for answers and for the platform's state, and tell who is here."""
        filters = [topic(self._speaker.agent, Subject.ACK), INGEST_STATE_FILTER]
        if self._speaker.configurations is not None:
            filters.append(topic(self._speaker.agent, Subject.CONFIG))
        self._session.subscribe(filters)
        self._restart()

    def turn(self) -> None:
        """Wait for something to happen, half a second at most, and do what is due."""
        for message in self._session.poll(self._wait_s()):
            self._receive(message)
        if self._speaker.reports != self._reported:
            self._announce()
        now_s = self._clock.monotonic_s()
        if self._renewal is not None:
            if self._window.in_flight == 0 or now_s >= self._renewal_due_s:
                self._spool.renew(self._renewal.reason)
                self._restart()
        elif self._platform.accepting:
            self._send(now_s)

    def farewell(self) -> None:
        """Say that this agent stops by its own will, after what is on the way has reached the broker."""
        goodbye = self._session.publish(*self._speaker.will(clean=True), retain=True)
        if not self._session.flush([goodbye, *self._copies.values()], _FAREWELL_S):
            log.warning("farewell_unfinished", fix="nothing to do: the next start sends what is pending again")
        self._session.disconnect()

    def _wait_s(self) -> float:
        now_s = self._clock.monotonic_s()
        if self._renewal is not None:
            return min(max(self._renewal_due_s - now_s, 0.0), _LONGEST_POLL_S)
        return self._window.wait_s(now_s, _LONGEST_POLL_S) if self._platform.accepting else _LONGEST_POLL_S

    def _restart(self) -> None:
        """Treat everything that is pending as not sent: on a new connection, or under a new spool id."""
        self._copies.clear()
        self._renewal = None
        self._window.begin(self._clock.monotonic_s(), self._spool.last_sequence)
        self._announce()

    def _announce(self) -> None:
        """Say who is here, with which spool, which configuration and which release."""
        self._reported = self._speaker.reports
        birth = Birth(
            agent=self._speaker.agent,
            connection=self._speaker.connection,
            spool=self._spool.spool_id,
            software=self._speaker.software,
            at_us=self._clock.now_us(),
            pending_batches=self._spool.depth().batches,
            configuration=self._reported.configuration,
            release=self._reported.release,
        )
        self._session.publish(topic(self._speaker.agent, Subject.BIRTH), canonical(birth), retain=True)

    def _send(self, now_s: float) -> None:
        for sequence in self._window.overdue(now_s):
            self._send_again(sequence, now_s)
        while (fresh := self._window.next(now_s, self._spool.first_pending)) is not None:
            self._publish(fresh)

    def _send_again(self, sequence: int, now_s: float) -> None:
        """Send a batch in flight again, unless its last copy still waits on this side of the same connection."""
        copy = self._copies.get(sequence)
        if copy is not None and not copy.is_published():
            self._window.postpone(sequence, now_s)
        elif self._publish(sequence):
            self._window.sent_again(sequence, now_s)
            log.info("batch_sent_again", sequence=sequence)

    def _publish(self, sequence: int) -> bool:
        """Send a batch as it was sealed; False where it is pending no more."""
        batch = self._spool.batch(sequence)
        if batch is None:
            self._forget([sequence])
            return False
        if batch.series_table not in self._tables_sent:
            self._send_table(batch.series_table)
        self._copies[sequence] = self._session.publish(topic(self._speaker.agent, Subject.BATCH), batch.payload)
        return True

    def _send_table(self, digest: str) -> None:
        document = self._spool.series_table(digest)
        if document is None:
            log.warning("series_table_unknown", digest=digest, fix="nothing to do: no pending batch names it")
            return
        self._tables_sent.add(digest)
        self._session.publish(topic(self._speaker.agent, Subject.BATCH), document)

    def _receive(self, message: Message) -> None:
        name, payload = message
        if self._speaker.configurations is not None and name == topic(self._speaker.agent, Subject.CONFIG):
            self._speaker.configurations.offer(payload)
            return
        if name != topic(self._speaker.agent, Subject.ACK):
            self._platform.take(name, payload)
            return
        try:
            document = decode(payload)
        except WireError as error:
            log.warning("answer_unreadable", detail=error.detail, fix="bring agent and platform to matching releases")
            return
        if isinstance(document, Acknowledgement):
            self._apply(document)

    def _apply(self, ack: Acknowledgement) -> None:
        self.answered = True
        trimmed = self._spool.trim(ack)
        self._forget(trimmed.settled)
        for refused in trimmed.refused:
            fix = "see the platform's list of refusals; it keeps the batch with this reason"
            log.warning("batch_refused", sha256=refused.sha256, reason=refused.reason, detail=refused.detail, fix=fix)
        if trimmed.renewal is not None and self._renewal is None:
            self._renewal = trimmed.renewal
            self._renewal_due_s = self._clock.monotonic_s() + self._window.timeout_s
        self._forget(trimmed.to_renew)
        if self._renewal is None:
            for digest in ack.wanted_tables:
                self._answer_want(digest)

    def _answer_want(self, digest: str) -> None:
        """Send a table that ingest lacks, and at once the batches that name it; not again within a moment."""
        now_s = self._clock.monotonic_s()
        last_s = self._wanted_s.get(digest)
        if last_s is not None and now_s - last_s < _REPEAT_TABLE_S:
            return
        self._wanted_s[digest] = now_s
        self._send_table(digest)
        self._window.make_due(self._spool.naming(digest), now_s)

    def _forget(self, sequences: list[int]) -> None:
        self._window.settle(sequences)
        for sequence in sequences:
            self._copies.pop(sequence, None)
