"""One connection to a broker with a session that the broker keeps: what it delivers, and acknowledgements in order."""

from __future__ import annotations

import ssl
from collections import deque
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import BoundedSemaphore, Event, Lock
from typing import Any, Protocol, Self

from paho.mqtt.client import Client, MQTTMessage, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge import event_log
from edge.sources.source import SourceTroubleError

_CONNECT_S = 10.0
ROOM = 100
"""Messages that wait here at most; where there are more, the network is read no further."""
_LOOK_S = 0.2

log = event_log.get(__name__)


class MqttSession(Protocol):
    """Where the broker is, and which session is wanted; as in the configuration of the source."""

    @property
    def host(self) -> str:
        """Host of the broker."""

    @property
    def port(self) -> int:
        """TCP port of the broker."""

    @property
    def topics(self) -> tuple[str, ...]:
        """Filters."""

    @property
    def protocol(self) -> str:
        """5 or 3.1.1."""

    @property
    def session_name(self) -> str:
        """The client id."""

    @property
    def username(self) -> str | None:
        """User name."""

    @property
    def ca_file(self) -> Any:
        """Path of certificates, None: no TLS."""

    @property
    def keep_alive_s(self) -> int:
        """MQTT keep-alive in seconds."""

    @property
    def session_s(self) -> int:
        """How long the broker keeps the session, in seconds."""

    @property
    def retained(self) -> str:
        """Either ignore or accept."""

    @property
    def most_bytes(self) -> int:
        """Longest message that is of use."""

    @property
    def most_unaccepted(self) -> int:
        """Messages that may be on their way at a time."""


@dataclass(slots=True, eq=False)
class Delivery:
    """A message as it was delivered; ``again``: the broker says that it may have delivered it before."""

    topic: str
    payload: bytes
    packet: int
    qos: int
    again: bool
    retained: bool
    taken: bool = False
    """Whether the source has it."""
    done: bool = False

    @property
    def is_acknowledged_by_packet(self) -> bool:
        """Whether the broker waits for an acknowledgement."""
        return self.qos > 0


class MqttConnection:
    """Connected and subscribed within ``with``.

    Every connection has its own client object, whose thread serves the network while the source waits for room.
    """

    def __init__(self, session: MqttSession, password: str | None) -> None:
        self._session = session
        self._where = f"{session.host}:{session.port}"
        self._delivered: Queue[Delivery] = Queue(ROOM)
        self._takable = BoundedSemaphore(session.most_unaccepted)
        """Mosquitto 2.0 keeps to the receive maximum in the first burst only; this holds always."""
        self._unacknowledged: deque[Delivery] = deque()
        self._lock = Lock()
        self._ready = Event()
        self._closing = Event()
        self._ended: SourceTroubleError | None = None
        five = session.protocol == "5"
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=session.session_name,
            clean_session=None if five else False,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._client.connect_timeout = _CONNECT_S
        self._client.username_pw_set(session.username, password)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        """Connect and subscribe.

        Raises
        ------
        SourceTroubleError
            The broker cannot be reached or refuses.
        """
        try:
            self._connect()
            self._client.loop_start()
            if not self._ready.wait(_CONNECT_S):
                fix = "check that an MQTT broker listens there, and that it speaks the configured protocol"
                raise SourceTroubleError(f"{self._where} does not answer", fix)
            if self._ended is not None:
                raise self._ended
        except BaseException:
            self.__exit__()
            raise
        log.info("mqtt_subscribed", broker=self._where, topics=self._session.topics)
        return self

    def __exit__(self, *_: object) -> None:
        """Say goodbye; the broker keeps the session."""
        self._closing.set()
        self._client.on_disconnect = None
        self._client.disconnect()
        self._client.loop_stop()

    def next(self, longest_s: float) -> Delivery | None:
        """Return the next message, None where there is none within ``longest_s``, or too many are not acknowledged.

        Raises
        ------
        SourceTroubleError
            The connection has ended.
        """
        if self._takable.acquire(timeout=longest_s):
            try:
                delivery = self._delivered.get(timeout=longest_s)
            except Empty:
                self._takable.release()
            else:
                delivery.taken = True
                return delivery
        if self._ended is not None:
            raise self._ended
        return None

    def acknowledge(self, delivery: Delivery) -> None:
        """Tell the broker that a message is done with: as soon as all before it are, as MQTT wants; any thread."""
        with self._lock:
            delivery.done = True
            while self._unacknowledged and self._unacknowledged[0].done:
                first = self._unacknowledged.popleft()
                self._client.ack(first.packet, first.qos)
        if delivery.taken:
            self._takable.release()

    def _connect(self) -> None:
        session = self._session
        try:
            if session.ca_file is not None:
                self._client.tls_set(ca_certs=str(session.ca_file))
            if session.protocol == "5":
                properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
                properties.SessionExpiryInterval = session.session_s
                properties.ReceiveMaximum = session.most_unaccepted
                self._client.connect(session.host, session.port, session.keep_alive_s, "", 0, False, properties)
            else:
                self._client.connect(session.host, session.port, session.keep_alive_s)
        except ssl.SSLError as error:
            fix = "check ca_file and the broker's certificate"
            raise SourceTroubleError(f"no TLS with {self._where}: {error}", fix) from error
        except OSError as error:
            fix = "check host, port, ca_file, the network and the broker"
            raise SourceTroubleError(f"no connection to {self._where}: {error}", fix) from error

    def _end(self, problem: str, fix: str) -> None:
        self._ended = self._ended or SourceTroubleError(problem, fix)
        self._ready.set()

    def _on_connect(self, client: Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            fix = "check username, password_file, protocol, and the broker's list of users"
            self._end(f"{self._where} refuses this client: {code}", fix)
            return
        if self._session.protocol == "5":
            handling = (
                SubscribeOptions.RETAIN_DO_NOT_SEND
                if self._session.retained == "ignore"
                else SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
            )
            options = SubscribeOptions(qos=1, retainHandling=handling)
            result, _ = client.subscribe([(each, options) for each in self._session.topics])
        else:
            result, _ = client.subscribe([(each, 1) for each in self._session.topics])
        if result is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._end(f"no subscription at {self._where}: {result.name}", "check topics")

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        refused = [
            f"{name} ({code})" for name, code in zip(self._session.topics, codes, strict=False) if code.is_failure
        ]
        if refused:
            fix = "check topics, and what the broker's access list lets this user read"
            self._end(f"{self._where} refuses {', '.join(refused)}", fix)
        self._ready.set()

    def _on_disconnect(self, _client: Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        fix = f"where this repeats: check the network, and that no other client is named {self._session.session_name}"
        self._end(f"the connection to {self._where} ended: {code}", fix)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        """Take a message in paho's thread, which must not fail; it waits for room, and the broker with it."""
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        delivery = Delivery(topic, bytes(message.payload), message.mid, message.qos, message.dup, message.retain)
        if delivery.qos > 0:
            with self._lock:
                self._unacknowledged.append(delivery)
        if not any(topic_matches_sub(each, topic) for each in self._session.topics):
            self.acknowledge(delivery)  # of a filter that the broker's session still has from an older configuration
            return
        while not self._closing.is_set():
            try:
                self._delivered.put(delivery, timeout=_LOOK_S)
            except Full:
                continue
            return
