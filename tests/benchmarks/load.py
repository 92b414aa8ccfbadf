"""A load of sealed batches: made before the clock starts, published by plain MQTT clients with a window each."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge.wire.acknowledgement import Acknowledgement
from edge.wire.batch import Batch
from edge.wire.decode import decode
from edge.wire.model import canonical, digest
from edge.wire.series import Kind, Origin, Series, SeriesTable, Unit
from edge.wire.topics import Subject, topic

BASE_US = time.time_ns() // 3_600_000_000_000 * 3_600_000_000
"""The hour that has begun: what is older is late, and costs what late readings cost."""
STEP_US = 5_000_000


@dataclass
class AgentLoad:
    """One agent's table and batches; every batch holds some successive readings of each of its series."""

    agent: str
    spool: UUID
    table: SeriesTable
    payloads: list[bytes]
    readings_each: int
    unacknowledged: set[int] = field(default_factory=set)


def make_load(agent: str, *, series: int, batches: int, steps: int = 1) -> AgentLoad:
    """Return ``batches`` sealed batches of ``steps`` readings, five seconds apart, of each of ``series`` gauges."""
    table = SeriesTable.of(
        [
            Series(device=f"{agent}-d{n:04}", quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=5.0)
            for n in range(series)
        ]
    )
    spool, boot, previous = uuid4(), uuid4(), None
    payloads: list[bytes] = []
    for sequence in range(1, batches + 1):
        payload = canonical(
            Batch(
                spool=spool,
                sequence=sequence,
                previous=previous,
                series_table=table.digest,
                origin=Origin.SIMULATED,
                boot=boot,
                sealed_us=time.time_ns() // 1000,
                monotonic_us=sequence,
                base_us=BASE_US + sequence * steps * STEP_US,
                series=list(range(series)) * steps,
                offset_us=[step * STEP_US for step in range(steps) for _ in range(series)],
                value=[20 + (n * 7 + sequence * 3) % 100 / 10 for n in range(series * steps)],
                flags=[0] * (series * steps),
            )
        )
        payloads.append(payload)
        previous = digest(payload)
    return AgentLoad(agent, spool, table, payloads, series * steps, set(range(1, batches + 1)))


class Publisher:
    """Publishes one agent's batches with at most ``window`` unacknowledged, until every one is committed."""

    def __init__(self, load: AgentLoad, window: int) -> None:
        self._load = load
        self._slots = threading.Semaphore(window)
        self._todo = deque(enumerate(load.payloads, start=1))
        self.done = threading.Event()
        self._ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=load.agent, protocol=mqtt.MQTTv5)
        self._client.max_inflight_messages_set(window + 8)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message

    def connect(self, host: str, port: int, password: str) -> None:
        """Connect, subscribe to acknowledgements and send the series table."""
        self._client.username_pw_set(self._load.agent, password)
        self._client.connect(host, port)
        self._client.loop_start()
        if not self._ready.wait(10):
            msg = f"agent {self._load.agent} could not subscribe at {host}:{port}"
            raise TimeoutError(msg)
        self._client.publish(
            topic(self._load.agent, Subject.BATCH), canonical(self._load.table), qos=1
        ).wait_for_publish(10)

    def run(self) -> None:
        """Publish everything; returns when the last batch has been published."""
        name = topic(self._load.agent, Subject.BATCH)
        while self._todo:
            self._slots.acquire()
            self._client.publish(name, self._todo.popleft()[1], qos=1)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(topic(self._load.agent, Subject.ACK), qos=1)

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        document = decode(bytes(message.payload))
        if not isinstance(document, Acknowledgement):
            return
        if document.refused or document.wanted_tables:
            msg = f"the load was not taken: {document}"
            raise RuntimeError(msg)
        for low, high in document.committed:
            for sequence in range(low, high + 1):
                if sequence in self._load.unacknowledged:
                    self._load.unacknowledged.discard(sequence)
                    self._slots.release()
        if not self._load.unacknowledged:
            self.done.set()
