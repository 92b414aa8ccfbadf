"""An agent reduced to its promise: send what is not acknowledged, again and again; keep nothing that is."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from sealed_batches import SealingAgent
from standalone.broker import PrivateBroker

from edge.wire.acknowledgement import Acknowledgement
from edge.wire.decode import decode
from edge.wire.model import digest
from edge.wire.presence import IngestState
from edge.wire.topics import INGEST_STATE_FILTER, Subject, topic


class ResendingAgent:
    """Publishes sealed payloads until each is committed or refused; reconnects by paho's own means."""

    def __init__(self, agent: SealingAgent, broker: PrivateBroker) -> None:
        self.agent = agent
        self.pending: dict[int, bytes] = {}
        self.refused: dict[str, str] = {}
        self.heard: list[Acknowledgement] = []
        self.states: list[IngestState] = []
        self._changed = threading.Condition()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=agent.name, protocol=mqtt.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(1000)
        self._client.username_pw_set(agent.name, broker.add_user(agent.name))
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, payload: bytes, subject: Subject = Subject.BATCH, *, retain: bool = False, qos: int = 1) -> None:
        self._client.publish(topic(self.agent.name, subject), payload, qos=qos, retain=retain)

    def send(self, payloads: Sequence[bytes], *, qos: int = 1) -> None:
        """Take the next batches of the agent into the pending ones and publish them with their table."""
        first = self.agent.sequence - len(payloads) + 1
        with self._changed:
            self.pending |= dict(enumerate(payloads, start=first))
        self.publish(self.agent.table_payload)
        for payload in payloads:
            self.publish(payload, qos=qos)

    def wait_until_settled(self, timeout_s: float = 30.0, resend_s: float = 0.5) -> None:
        """Send what is pending again every ``resend_s`` until nothing is."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: not self.pending, resend_s):
                    return
                again = list(self.pending.values())
            assert time.monotonic() < deadline, f"{len(again)} batches are neither committed nor refused"
            self.publish(self.agent.table_payload)
            for payload in again:
                self.publish(payload)

    def wait_for_state(self, *, accepting: bool, timeout_s: float = 30.0) -> None:
        """Wait until the last state that ingest published is this one."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: bool(self.states) and self.states[-1].accepting is accepting, timeout_s
            ), f"states: {self.states}"

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe([(topic(self.agent.name, Subject.ACK), 1), (INGEST_STATE_FILTER, 1)])

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        document = decode(bytes(message.payload))
        with self._changed:
            if isinstance(document, IngestState):
                self.states.append(document)
            elif isinstance(document, Acknowledgement):
                self._settle(document)
            self._changed.notify_all()

    def _settle(self, answer: Acknowledgement) -> None:
        self.heard.append(answer)
        if answer.spool == self.agent.spool:
            for low, high in answer.committed:
                for sequence in range(low, high + 1):
                    self.pending.pop(sequence, None)
        for refused in answer.refused:
            self.refused[refused.sha256] = refused.reason
            for sequence, payload in list(self.pending.items()):
                if digest(payload) == refused.sha256:
                    del self.pending[sequence]
