"""A platform in memory: it keeps what agents send, and answers as a test wants."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition
from typing import Any, Protocol
from uuid import UUID

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.wire.acknowledgement import Acknowledgement, RefusalReason, Refused
from edge.wire.batch import Batch
from edge.wire.decode import decode
from edge.wire.model import WireModel, canonical, digest
from edge.wire.presence import Birth, IngestState, Will
from edge.wire.series import SeriesTable
from edge.wire.topics import Subject, every_agent, ingest_state_topic, parse_topic, topic

Identity = tuple[UUID, int]
Answer = Callable[[Batch, str], Acknowledgement | None]
"""(batch, SHA-256 of its payload) → what to answer, None: nothing."""
DEADLINE_S = 30.0


class Broker(Protocol):
    host: str
    port: int

    def password_file(self, user: str) -> Any: ...


def committed(batch: Batch, _sha256: str) -> Acknowledgement:
    return Acknowledgement(spool=batch.spool, committed=[(batch.sequence, batch.sequence)], at_us=1)


def refused(batch: Batch, sha256: str, reason: RefusalReason) -> Acknowledgement:
    return Acknowledgement(
        spool=batch.spool, refused=[Refused(sha256=sha256, reason=reason, detail="as the test wants")], at_us=1
    )


def wanting(batch: Batch) -> Acknowledgement:
    return Acknowledgement(spool=batch.spool, wanted_tables=[batch.series_table], at_us=1)


class FakeIngest:
    """One worker; ``answer`` may be exchanged at any time. Only what it answers as committed is in ``ledger``."""

    def __init__(self, broker: Broker, answer: Answer = committed, trusted: Path | None = None) -> None:
        self.answer = answer
        self.changed = Condition()
        self.batches: list[tuple[Batch, bytes]] = []
        """Every batch that arrived, repeats included, in their order."""
        self.tables: list[str] = []
        self.presence: list[Birth | Will] = []
        self.ledger: dict[Identity, bytes] = {}
        self.payloads: dict[Identity, set[bytes]] = {}
        self._ready = False
        self._broker = broker
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="ingest", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set("ingest", broker.password_file("ingest").read_text().strip())
        if trusted is not None:
            self._client.tls_set(ca_certs=str(trusted))
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(every_agent(subject), 1) for subject in (Subject.BATCH, Subject.BIRTH, Subject.WILL)]
        )
        self._client.on_subscribe = lambda *_: self._note(lambda: setattr(self, "_ready", True))
        self._client.on_message = self._on_message
        self._client.on_socket_open = _send_at_once

    def start(self, *, accepting: bool = True) -> None:
        self._client.connect(self._broker.host, self._broker.port)
        self._client.loop_start()
        self.wait_for(lambda: self._ready)
        self.say(accepting=accepting)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, *, accepting: bool) -> None:
        state = IngestState(accepting=accepting)
        self._client.publish(ingest_state_topic("one"), canonical(state), qos=1, retain=True).wait_for_publish(10)

    def send(self, agent: str, document: WireModel) -> None:
        self._client.publish(topic(agent, Subject.ACK), canonical(document), qos=1)

    def configure(self, agent: str, payload: bytes) -> None:
        """Publish a retained document on the agent's topic ``config``."""
        self._client.publish(topic(agent, Subject.CONFIG), payload, qos=1, retain=True).wait_for_publish(10)

    def wait_for(self, condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
        with self.changed:
            end = time.monotonic() + deadline_s
            while not condition():
                left_s = end - time.monotonic()
                assert left_s > 0, f"nothing of it in {deadline_s} s; {len(self.batches)} batches came"
                self.changed.wait(min(left_s, 0.2))

    def values(self) -> list[float]:
        """Return the values of every committed batch, each batch once."""
        found: list[float] = []
        for payload in self.ledger.values():
            document = decode(payload)
            assert isinstance(document, Batch)
            found += document.value
        return sorted(found)

    def arrivals(self, sequence: int) -> int:
        return sum(batch.sequence == sequence for batch, _ in self.batches)

    def _note(self, change: Callable[[], object]) -> None:
        with self.changed:
            change()
            self.changed.notify_all()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        parsed = parse_topic(message.topic)
        if parsed is None or not message.payload:
            return
        payload = bytes(message.payload)
        document = decode(payload)
        if isinstance(document, SeriesTable):
            self._note(lambda: self.tables.append(document.digest))
        elif isinstance(document, Birth | Will):
            self._note(lambda: self.presence.append(document))
        elif isinstance(document, Batch):
            self._batch(parsed[0], document, payload)

    def _batch(self, agent: str, batch: Batch, payload: bytes) -> None:
        identity = (batch.spool, batch.sequence)
        with self.changed:
            self.batches.append((batch, payload))
            self.payloads.setdefault(identity, set()).add(payload)
            answer = self.answer(batch, digest(payload))
            if answer is not None and answer.committed:
                self.ledger[identity] = payload
            self.changed.notify_all()
        if answer is not None:
            self.send(agent, answer)


def _send_at_once(_client: Client, _data: Any, end: Any) -> None:
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@contextmanager
def fake_ingest(
    broker: Broker, answer: Answer = committed, *, accepting: bool = True, trusted: Path | None = None
) -> Iterator[FakeIngest]:
    """Yield a worker at work; ``trusted``: certificates for a broker that speaks TLS."""
    ingest = FakeIngest(broker, answer, trusted)
    ingest.start(accepting=accepting)
    try:
        yield ingest
    finally:
        ingest.stop()
