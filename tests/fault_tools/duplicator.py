"""A second voice on the broker: says a share of the batches again, later and out of order."""

from __future__ import annotations

import random
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.wire.topics import Subject, every_agent


class Duplicator:
    """Subscribes to every agent's batches and publishes ``share`` of them again, shuffled, ``hold`` at a time."""

    def __init__(self, *, share: float, seed: int, hold: int = 7) -> None:
        self._random = random.Random(seed)
        self._share = share
        self._hold = hold
        self._held: list[tuple[str, bytes]] = []
        self._lock = threading.Lock()
        self.seen = 0
        self.said_again = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="duplicator", protocol=mqtt.MQTTv5)
        self._client.on_connect = self._subscribe
        self._client.on_message = self._on_message

    def start(self, host: str, port: int, username: str, password: str) -> None:
        """Connect as a user who may read and write every agent's batches."""
        self._client.username_pw_set(username, password)
        self._client.connect(host, port)
        self._client.loop_start()

    def stop(self) -> None:
        """Say what is still held, and disconnect."""
        with self._lock:
            self._say_again()
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribe(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(every_agent(Subject.BATCH), options=SubscribeOptions(qos=1, noLocal=True))

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        with self._lock:
            self.seen += 1
            if self._random.random() < self._share:
                self._held.append((message.topic, bytes(message.payload)))
            if len(self._held) >= self._hold:
                self._say_again()

    def _say_again(self) -> None:
        self._random.shuffle(self._held)
        for topic, payload in self._held:
            self._client.publish(topic, payload, qos=1)
            self.said_again += 1
        self._held.clear()
