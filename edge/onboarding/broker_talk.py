"""A short talk with a broker that keeps every answer's reason: for examinations, not for sending data."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Condition
from typing import Any, NamedTuple, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

_MOST_HELD = 5_000
_MOST_BYTES = 256 * 1024

Message = tuple[str, bytes]
"""Topic and payload."""


class Login(NamedTuple):
    """Where a broker is, and as whom to speak to it; ``client_id`` empty: the broker gives one."""

    host: str
    port: int
    client_id: str = ""
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None


class NoAnswerError(Exception):
    """The broker did not answer in time, or ended the connection."""


class BrokerTalk:
    """One connection with an empty session; answers are waited for, each for ``timeout_s`` at most."""

    def __init__(
        self, login: Login, timeout_s: float, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5
    ) -> None:
        self._login = login
        self.timeout_s = timeout_s
        self._changed = Condition()
        self._messages: deque[Message] = deque(maxlen=_MOST_HELD)
        self._connected: ReasonCode | None = None
        self._subscribed: dict[int, list[ReasonCode]] = {}
        self._published: dict[int, ReasonCode] = {}
        self._lost: str | None = None
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=login.client_id,
            protocol=protocol,
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = timeout_s
        if login.username is not None:
            self._client.username_pw_set(login.username, login.password)
        if login.ca_file is not None:
            self._client.tls_set(ca_certs=str(login.ca_file))
        self._client.on_connect = lambda _client, _data, _flags, code, _properties: self._note(connected=code)
        self._client.on_disconnect = lambda _client, _data, _flags, code, _properties: self._note(lost=str(code))
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Say goodbye."""
        self._client.disconnect()
        self._client.loop_stop()

    def connect(self) -> ReasonCode:
        """Connect and return the broker's answer; raises ``OSError``, or ``NoAnswerError``."""
        self._client.connect(self._login.host, self._login.port)
        self._client.loop_start()
        self._wait(lambda: self._connected is not None)
        if self._connected is None:
            raise NoAnswerError(self._lost or "no answer")
        return self._connected

    def subscribe(self, filters: Iterable[str], qos: int = 1) -> list[ReasonCode]:
        """Subscribe and return the broker's answer to each filter; raises ``NoAnswerError``."""
        _, number = self._client.subscribe([(each, qos) for each in filters])
        self._wait(lambda: number in self._subscribed)
        if number is None or number not in self._subscribed:
            raise NoAnswerError(self._lost or "no answer to the subscription")
        return self._subscribed[number]

    def publish(self, topic: str, payload: bytes) -> ReasonCode:
        """Publish with at-least-once delivery and return the broker's answer; raises ``NoAnswerError``."""
        number = self._client.publish(topic, payload, qos=1).mid
        self._wait(lambda: number in self._published)
        if number not in self._published:
            raise NoAnswerError(self._lost or "no answer to the publication")
        return self._published[number]

    def receive(self, longest_s: float, enough: Callable[[Message], bool] = lambda _: False) -> list[Message]:
        """Return what comes within ``longest_s``, or until a message is ``enough``; the latest messages are held."""
        taken: list[Message] = []
        end_s = time.monotonic() + longest_s
        while True:
            with self._changed:
                while not self._messages and (left_s := end_s - time.monotonic()) > 0 and self._lost is None:
                    self._changed.wait(left_s)
                taken += self._messages
                fresh = list(self._messages)
                self._messages.clear()
            if not fresh or any(map(enough, fresh)) or time.monotonic() >= end_s:
                return taken

    def _wait(self, come: Callable[[], bool]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: come() or self._lost is not None, self.timeout_s)

    def _note(self, connected: ReasonCode | None = None, lost: str | None = None) -> None:
        with self._changed:
            self._connected = connected or self._connected
            self._lost = lost or self._lost
            self._changed.notify_all()

    def _on_subscribe(
        self, _client: Client, _data: Any, number: int, codes: list[ReasonCode], _properties: Any
    ) -> None:
        with self._changed:
            self._subscribed[number] = codes
            self._changed.notify_all()

    def _on_publish(self, _client: Client, _data: Any, number: int, code: ReasonCode, _properties: Any) -> None:
        with self._changed:
            self._published[number] = code
            self._changed.notify_all()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        if len(message.payload) > _MOST_BYTES:
            return
        with self._changed:
            self._messages.append((topic, bytes(message.payload)))
            self._changed.notify_all()
