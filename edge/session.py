"""One MQTT 5 connection, from CONNECT to its end, driven by the thread that uses it.

Every connection has its own client object: what paho would send again by itself is the spool's to send again.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge import event_log
from edge.broker_settings import BrokerSettings

_CONNECT_TIMEOUT_S = 10.0
_HOUSEKEEPING_S = 1.0

log = event_log.get(__name__)

Message = tuple[str, bytes]
"""Topic and payload."""


class ConnectionEnded(Exception):  # noqa: N818 - the normal end of every connection
    """There is no connection (any more); ``fix`` says what to do where it does not come back by itself."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix


class Session:
    """A connection to the broker as one client: clean start, no session kept by the broker.

    Not for several threads, except ``wake``.
    """

    def __init__(self, broker: BrokerSettings, client_id: str, will: Message) -> None:
        self._broker = broker
        self._client_id = client_id
        self._received: list[Message] = []
        self._answer: ReasonCode | None = None
        self._ended: str | None = None
        self._wake_end, self._sleep_end = socket.socketpair()
        for end in (self._wake_end, self._sleep_end):
            end.setblocking(False)
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = _CONNECT_TIMEOUT_S
        self._client.will_set(*will, qos=1, retain=True)
        self._client.on_socket_open = _send_at_once
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = _on_publish

    def open(self, stopped: Callable[[], bool]) -> bool:
        """Connect and wait for the broker's answer; False where ``stopped`` ended the waiting.

        Raises
        ------
        ConnectionEnded
            The broker cannot be reached, or it refuses this client.
        """
        where = f"{self._broker.host}:{self._broker.port}"
        self._identify()
        self._connect(where)
        deadline = time.monotonic() + _CONNECT_TIMEOUT_S
        while self._answer is None and not stopped():
            if time.monotonic() > deadline:
                raise ConnectionEnded(f"{where} does not answer", "check that an MQTT 5 broker listens there")
            try:
                self.poll(0.2)
            except ConnectionEnded:
                if self._answer is None:
                    raise
        if self._answer is None:
            return False
        if self._answer.is_failure:
            fix = "check broker.username, broker.password_file and the broker's list of users"
            raise ConnectionEnded(f"{where} refuses this client: {self._answer}", fix)
        return True

    def poll(self, longest_s: float) -> list[Message]:
        """Serve the connection until something came, was woken, or ``longest_s`` is over; return what came."""
        end = self._client.socket()
        if end is None:
            raise self._end()
        pending_tls = isinstance(end, ssl.SSLSocket) and end.pending() > 0
        writers = [end] if self._client.want_write() else []
        wait_s = 0.0 if pending_tls else min(longest_s, _HOUSEKEEPING_S)
        readable, writable, _ = select.select([end, self._sleep_end], writers, [], wait_s)
        if self._sleep_end in readable:
            self._drain_wakes()
        if end in readable or pending_tls:
            self._checked(self._client.loop_read())
        if writable:
            self._checked(self._client.loop_write())
        self._checked(self._client.loop_misc())
        if self._ended is not None:
            raise self._end()
        received, self._received = self._received, []
        return received

    def subscribe(self, filters: Iterable[str]) -> None:
        """Subscribe with at-least-once delivery."""
        self._checked(self._client.subscribe([(each, 1) for each in filters])[0])

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> MQTTMessageInfo:
        """Send a message with at-least-once delivery; the answer tells when the broker has it."""
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc not in {MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_QUEUE_SIZE}:
            self._checked(info.rc)
        return info

    def flush(self, infos: Iterable[MQTTMessageInfo], longest_s: float) -> bool:
        """Serve the connection until the broker has these messages; False where ``longest_s`` was not enough."""
        deadline = time.monotonic() + longest_s
        waited = list(infos)
        while not all(info.is_published() for info in waited):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            self.poll(left_s)
        return True

    def wake(self) -> None:
        """End a ``poll`` of another thread."""
        try:
            self._wake_end.send(b"w")
        except (BlockingIOError, OSError):
            return  # enough wakes wait already, or the connection is over

    def disconnect(self) -> None:
        """Say goodbye, so that the broker forgets the will."""
        self._client.disconnect()

    def close(self) -> None:
        """Give the sockets back; without a ``disconnect`` before, the broker publishes the will."""
        self._client.on_disconnect = None
        for end in (self._client.socket(), self._wake_end, self._sleep_end):
            if end is not None:
                end.close()

    def _connect(self, where: str) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0
        try:
            self._client.connect(
                self._broker.host,
                self._broker.port,
                keepalive=self._broker.keep_alive_s,
                clean_start=True,
                properties=properties,
            )
        except ssl.SSLError as error:
            problem = f"no TLS with {where}: {error}"
            raise ConnectionEnded(problem, "check broker.ca_file and the broker's certificate") from error
        except OSError as error:
            problem = f"no connection to {where}: {error}"
            raise ConnectionEnded(problem, "check broker.host, broker.port, the network and the broker") from error

    def _identify(self) -> None:
        try:
            self._client.username_pw_set(self._broker.username or self._client_id, self._broker.password())
            if self._broker.ca_file is not None:
                self._client.tls_set(ca_certs=str(self._broker.ca_file))
        except (OSError, UnicodeDecodeError) as error:
            problem = f"the password or the certificates cannot be read: {error}"
            raise ConnectionEnded(
                problem, "check the files that broker.password_file and broker.ca_file name"
            ) from error

    def _drain_wakes(self) -> None:
        try:
            while self._sleep_end.recv(4096):
                pass
        except BlockingIOError:
            return

    def _checked(self, code: MQTTErrorCode) -> None:
        if code is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._ended = self._ended or str(code.name)
            raise self._end()

    def _end(self) -> ConnectionEnded:
        return ConnectionEnded(
            f"the connection ended: {self._ended or 'closed'}",
            "where it keeps ending: check the network, and that no other client uses this agent's id",
        )

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        self._answer = code

    def _on_disconnect(self, _client: Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        self._ended = str(code)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._received.append((message.topic, bytes(message.payload)))


def _send_at_once(_client: Client, _data: Any, end: Any) -> None:
    """Have small messages sent without waiting for the answer to the one before (Nagle's algorithm: 40 ms each)."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _on_publish(_client: Client, _data: Any, _mid: int, code: ReasonCode, _properties: Any) -> None:
    if code.is_failure:
        fix = "check the broker's access list: this client may not publish to one of its topics"
        log.error("publish_refused", reason=str(code), fix=fix)
