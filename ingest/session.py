"""The worker's MQTT 5 session: messages into the inbox, receipts and acknowledgements out.

Each connection is a client of its own, so a receipt for a message of an earlier connection goes nowhere: packet
numbers start again with every connection, and a late receipt would acknowledge another message. The session is clean
and ends with the connection: what was not acknowledged is sent again by its agent, whereas a stored session of a
worker that does not come back would keep its share of the batches.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from threading import Event, Lock
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge import event_log
from edge.broker_settings import BrokerSettings
from edge.wire.acknowledgement import Acknowledgement
from edge.wire.model import canonical
from edge.wire.presence import IngestState
from edge.wire.topics import Subject, every_agent, ingest_state_topic, parse_topic, topic
from ingest.counters import Counters
from ingest.delivery import NO_NUMBER, Delivery, Inbox
from ingest.gate import Gate
from ingest.mqtt_client import Client
from ingest.settings import WorkerSettings

log = event_log.get(__name__)

SHARED_BATCHES = f"$share/ingest/{every_agent(Subject.BATCH)}"
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 15.0
_FLUSH_S = 2.0
_POLL_S = 0.5
_REFUSED = 0x80  # reason codes from here on are failures
_QUEUE = "queue"


class Session:
    """Keeps the worker connected until it is stopped; ``run`` is the main function of a thread."""

    def __init__(
        self,
        broker: BrokerSettings,
        worker: WorkerSettings,
        inbox: Inbox,
        gate: Gate,
        counters: Counters,
    ) -> None:
        self._broker = broker
        self._worker = worker
        self._inbox = inbox
        self._gate = gate
        self._counters = counters
        self._random = Random()  # noqa: S311 - spreads reconnects, guards nothing
        self._stopping = Event()
        self._connection: _Connection | None = None
        self.when_connected: Callable[[], None] = lambda: None
        self._answering = Lock()
        self._unsent: deque[tuple[str, Acknowledgement]] = deque(maxlen=worker.queue_batches)
        gate.tell(self._announce)

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection and the subscriptions."""
        connection = self._connection
        return connection is not None and connection.stands

    def configure(self, agent: str, document: bytes) -> bool:
        """Publish an agent's configuration, retained; False where there is no connection."""
        now, name = self._connection, topic(agent, Subject.CONFIG)
        return now is not None and now.stands and not now.client.publish(name, document, qos=1, retain=True).rc

    def run(self) -> None:
        """Connect, and again after each loss with jittered back-off, until ``stop``."""
        failures = 0
        while not self._stopping.is_set():
            failures = 0 if self._one_connection() else failures + 1
            longest_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**failures)
            self._stopping.wait(self._random.uniform(0, longest_s))

    def _one_connection(self) -> bool:
        """Hold one connection until it is lost; return whether it was ever ready."""
        try:
            connection = _Connection(self._broker, self._worker, self._inbox, self._gate, self._counters)
            connection.when_ready = self._send_unsent
            self._connection = connection
            connection.open()
        except OSError as error:
            fix = "check [broker] in the settings and that the broker runs; going on by itself once it answers"
            log.warning("broker_away", error=str(error), host=self._broker.host, port=self._broker.port, fix=fix)
            return False
        while not connection.lost.wait(_POLL_S) and not self._stopping.is_set():
            pass
        connection.close()
        if connection.overflowed:
            self._recover_from_overflow()
        return connection.ready.is_set()

    def _recover_from_overflow(self) -> None:
        """Stay away from the broker until there is room: what waits is written meanwhile, the rest is sent again."""
        while not self._stopping.is_set() and not self._inbox.wait_for_room(1.0):
            pass
        self._gate.release(_QUEUE)

    def answer(self, agent: str, acknowledgement: Acknowledgement) -> None:
        """Send an acknowledgement at QoS 0: an agent asks for a lost one by sending its batch again.

        Without a connection it is kept for the next one. After a full queue it would otherwise be lost exactly when
        what was read is written, and agents would send again what is committed, and fill the queue again.
        """
        with self._answering:
            connection = self._connection
            if connection is not None and connection.stands:
                connection.answer(agent, acknowledgement)
            else:
                self._unsent.append((agent, acknowledgement))

    def _send_unsent(self) -> None:
        with self._answering:
            connection = self._connection
            while connection is not None and connection.stands and self._unsent:
                connection.answer(*self._unsent.popleft())
        self.when_connected()

    def _announce(self, state: IngestState) -> None:
        connection = self._connection
        if connection is not None:
            connection.announce(state)

    def leave(self) -> None:
        """Take no more batches from the broker, but stay to acknowledge those that are here."""
        if self._connection is not None:
            self._connection.client.unsubscribe(SHARED_BATCHES)

    def stop(self) -> None:
        """Disconnect, once what was published is on its way; ``run`` then returns."""
        if self._connection is not None:
            self._connection.finish()
        self._stopping.set()


class _Connection:
    """One connection, from CONNECT to its loss."""

    def __init__(
        self, broker: BrokerSettings, worker: WorkerSettings, inbox: Inbox, gate: Gate, counters: Counters
    ) -> None:
        self._broker = broker
        self._worker = worker
        self._inbox = inbox
        self._gate = gate
        self._counters = counters
        self._announcing = Lock()
        self._accepted = False
        self.when_ready: Callable[[], None] = lambda: None
        self.ready = Event()
        self.lost = Event()
        self.overflowed = False
        self.client = self._client()

    @property
    def stands(self) -> bool:
        """Whether the broker has accepted it and its subscriptions, and neither side has left since."""
        return self.ready.is_set() and not self.lost.is_set() and not self.overflowed

    def answer(self, agent: str, acknowledgement: Acknowledgement) -> None:
        """Publish an acknowledgement."""
        self.client.publish(topic(agent, Subject.ACK), canonical(acknowledgement), qos=0)

    def _client(self) -> Client:
        name = self._broker.username or self._worker.worker
        client = Client(name)
        password = self._broker.password()
        if password is not None:
            client.username_pw_set(name, password)
        if self._broker.ca_file is not None:
            client.tls_set(ca_certs=str(self._broker.ca_file))
        gone = IngestState(accepting=False, reason="the worker lost its connection")
        client.will_set(ingest_state_topic(self._worker.worker), canonical(gone), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_plain = self._take
        return client

    def open(self) -> None:
        """Connect and start the client's thread.

        Raises
        ------
        OSError
            The broker cannot be reached, or its certificate is not to be trusted.
        """
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        # At least half of the queue is free now; the first burst must not fill it again.
        properties.ReceiveMaximum = min(self._worker.receive_maximum, max(1, self._worker.queue_batches // 2))
        properties.SessionExpiryInterval = 0
        self.client.connect(
            self._broker.host,
            self._broker.port,
            keepalive=self._broker.keep_alive_s,
            clean_start=True,
            properties=properties,
        )
        self.client.loop_start()

    def announce(self, state: IngestState) -> None:
        """Publish the worker's state, retained; before the connection stands, it is published with the connection."""
        with self._announcing:
            if self._accepted:
                name = ingest_state_topic(self._worker.worker)
                self.client.publish(name, canonical(state), qos=1, retain=True)

    def _on_connect(self, client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            fix = "check user name and password_file under [broker], and the broker's access rules"
            log.error("broker_refused", reason=str(reason), host=self._broker.host, fix=fix)
            client.disconnect()
            return
        self._counters.connections.inc()
        # Births before wills: a retained will is read against the birth that it belongs to.
        client.subscribe([(every_agent(Subject.BIRTH), 1), (every_agent(Subject.WILL), 1), (SHARED_BATCHES, 1)])
        with self._announcing:
            self._accepted = True
        self.announce(self._gate.state())

    def _on_subscribe(self, client: mqtt.Client, _userdata: Any, _mid: int, reasons: list[Any], _props: Any) -> None:
        if any(reason.value >= _REFUSED for reason in reasons):
            fix = f"in the broker's access rules, let this user read {SHARED_BATCHES} and all birth and will topics"
            log.error("subscription_refused", reasons=[str(reason) for reason in reasons], fix=fix)
            client.disconnect()
            return
        self.ready.set()
        self.when_ready()
        log.info("broker_connected", host=self._broker.host, port=self._broker.port)

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._take(message.topic, message.mid if message.qos else NO_NUMBER, bytes(message.payload))

    def _take(self, name: str, number: int, payload: bytes) -> None:
        parsed = parse_topic(name)
        if parsed is None or self.overflowed:
            return
        agent, subject = parsed
        delivery = Delivery(agent, subject, payload, received_us=time.time_ns() // 1000, number=number, line=self)
        self._counters.deliveries[subject].inc()
        if not self._inbox.offer(delivery):
            self._overflow()

    def acknowledge(self, numbers: Sequence[int]) -> None:
        """Give the broker its receipts; nothing once the connection is lost."""
        if not self.lost.is_set():
            self.client.acknowledge(numbers)

    def _overflow(self) -> None:
        """Leave rather than block: a blocked client lets its keep-alive lapse, and then sends what nobody expects."""
        self.overflowed = True
        self._counters.overflows.inc()
        self._gate.hold(_QUEUE, "the worker's queue is full")
        waiting, size = self._inbox.depth()
        log.warning("queue_full", messages=waiting, bytes=size, fix="none while it recovers; else add a worker")
        self.client.disconnect()

    def _on_disconnect(self, _client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.lost.set()
        log.info("broker_disconnected", reason=str(reason))

    def finish(self) -> None:
        """Publish the last state and disconnect; gives up on a broker that is silent."""
        if self.ready.is_set() and not self.lost.is_set():
            state = canonical(IngestState(accepting=False, reason="the worker stopped"))
            info = self.client.publish(ingest_state_topic(self._worker.worker), state, qos=1, retain=True)
            try:
                info.wait_for_publish(_FLUSH_S)
            except (ValueError, RuntimeError) as error:
                log.warning("last_state_not_published", error=str(error), fix="none: the broker publishes the will")
        self.client.disconnect()
        self.lost.set()

    def close(self) -> None:
        """End the client's thread."""
        self.lost.set()
        self.client.disconnect()
        self.client.loop_stop()
