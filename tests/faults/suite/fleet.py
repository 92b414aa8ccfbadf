"""Many agents in one thread: sealed batches, a connection each, all of them back at once when the broker is."""

from __future__ import annotations

import selectors
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import paho.mqtt.client as mqtt
from faults.suite.truth import Key, Truth, key_of
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from sealed_batches import NOON_US, SealingAgent, gauge

from edge.wire.acknowledgement import Acknowledgement
from edge.wire.decode import decode
from edge.wire.series import SeriesTable
from edge.wire.topics import Subject, topic

_STEP_US = 5_000_000
_TICK_S = 0.05
_HOUSEKEEPING_S = 1.0
_END_S = 20.0


@dataclass(frozen=True)
class FleetPlan:
    """How many agents, and how much of each; ``window`` is how many batches it sends before one is acknowledged."""

    agents: int
    batches: int
    readings: int
    window: int = 16
    resend_s: float = 5.0

    def scaled(self, scale: float) -> FleetPlan:
        """Return the plan with another number of batches."""
        return replace(self, batches=max(1, round(self.batches * scale)))

    @property
    def names(self) -> list[str]:
        """Names of the agents."""
        return [f"fleet-{number}" for number in range(1, self.agents + 1)]


class _Member:
    """One agent of the fleet; what it has sent is its own to send again, on each connection anew."""

    def __init__(self, name: str, plan: FleetPlan) -> None:
        self.name = name
        self._plan = plan
        self._agent = SealingAgent(name, SeriesTable.of([gauge(f"{name}-d{n}") for n in range(plan.readings)]))
        self.table = self._agent.table_payload
        self.pending: dict[int, bytes] = {}
        self.truth: dict[Key, float] = {}
        self._rows: dict[int, list[Key]] = {}
        for sequence in range(1, plan.batches + 1):
            rows = [(n, sequence * _STEP_US, float((n * 7 + sequence * 3) % 100)) for n in range(plan.readings)]
            self.pending[sequence] = self._agent.seal(rows)
            keys = [key_of(self._agent.table.series[n], NOON_US + offset) for n, offset, _ in rows]
            self._rows[sequence] = keys
            self.truth |= dict(zip(keys, (value for *_, value in rows), strict=True))
        self._sent: dict[int, float] = {}
        self.client: mqtt.Client | None = None
        self.ready = False

    @property
    def devices(self) -> list[str]:
        return [series.device for series in self._agent.table.series]

    @property
    def pending_readings(self) -> int:
        return sum(len(self._rows[sequence]) for sequence in self.pending)

    def connect(self, host: str, port: int, password: str) -> None:
        """Begin a connection of its own client; raises ``OSError`` where nobody listens."""
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=self.name, protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        client.max_inflight_messages_set(self._plan.window)
        client.username_pw_set(self.name, password)
        client.on_connect = lambda client, *_: client.subscribe(topic(self.name, Subject.ACK), qos=1)
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.connect(host, port)
        self.client, self.ready = client, False

    def disconnect(self) -> None:
        """End the connection, if there is one."""
        if self.client is not None:
            line = self.client.socket()
            self.client.disconnect()
            if line is not None:
                line.close()

    def send(self) -> None:
        """Send what the window lets, and again what was not answered for a while."""
        if self.client is None or not self.ready:
            return
        now_s = time.monotonic()
        late = [n for n, sent_s in self._sent.items() if now_s - sent_s > self._plan.resend_s]
        fresh = [n for n in self.pending if n not in self._sent][: max(0, self._plan.window - len(self._sent))]
        for sequence in [*late, *fresh]:
            self._sent[sequence] = now_s
            self.client.publish(topic(self.name, Subject.BATCH), self.pending[sequence], qos=1)

    def _on_subscribe(self, client: mqtt.Client, *_: object) -> None:
        self._sent.clear()
        client.publish(topic(self.name, Subject.BATCH), self.table, qos=1)
        self.ready = True

    def _on_message(self, client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        document = decode(bytes(message.payload))
        if not isinstance(document, Acknowledgement):
            return
        if document.wanted_tables:
            client.publish(topic(self.name, Subject.BATCH), self.table, qos=1)
        for low, high in document.committed:
            for sequence in range(low, high + 1):
                self.pending.pop(sequence, None)
                self._sent.pop(sequence, None)


@dataclass
class Fleet:
    """A sender made of many agents; they begin when the fleet starts, and reconnect without a pause."""

    plan: FleetPlan
    host: str
    port: int
    password: str
    name: str = "fleet"
    _members: list[_Member] = field(init=False)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._members = [_Member(name, self.plan) for name in self.plan.names]
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    @property
    def devices(self) -> list[tuple[str, str]]:
        return [(member.name, device) for member in self._members for device in member.devices]

    def start(self) -> None:
        self._thread.start()

    def truth(self) -> Truth:
        found: dict[Key, float] = {}
        for member in self._members:
            found |= member.truth
        return found

    def pending(self) -> int:
        return sum(member.pending_readings for member in self._members)

    def is_settled(self) -> bool:
        return not any(member.pending for member in self._members)

    def connected(self) -> int:
        """Return how many agents have a connection that stands."""
        return sum(member.ready for member in self._members)

    def close(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(_END_S)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            kept_s = time.monotonic()
            while not self._stop.is_set():
                for member in self._members:
                    if member.client is None:
                        self._connect(selector, member)
                for key, _ in selector.select(_TICK_S):
                    self._serve(selector, key.data, lambda client: client.loop_read())
                self._send(selector)
                if time.monotonic() - kept_s > _HOUSEKEEPING_S:
                    kept_s = time.monotonic()
                    for member in self._members:
                        self._serve(selector, member, lambda client: client.loop_misc())
        for member in self._members:
            member.disconnect()

    def _send(self, selector: selectors.BaseSelector) -> None:
        for member in self._members:
            member.send()
            if member.client is not None and member.client.want_write():
                self._serve(selector, member, lambda client: client.loop_write())

    def _connect(self, selector: selectors.BaseSelector, member: _Member) -> None:
        try:
            member.connect(self.host, self.port, self.password)
        except OSError:
            return
        line = member.client.socket() if member.client is not None else None
        if line is not None:
            selector.register(line, selectors.EVENT_READ, member)

    def _serve(
        self, selector: selectors.BaseSelector, member: _Member, work: Callable[[mqtt.Client], MQTTErrorCode]
    ) -> None:
        """Let a member's client work; one whose connection is over has none from then on."""
        client = member.client
        if client is None:
            return
        if client.socket() is None or work(client) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            for key in [key for key in selector.get_map().values() if key.data is member]:
                selector.unregister(key.fileobj)
            member.client, member.ready = None, False
