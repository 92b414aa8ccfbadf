"""The private broker: who may write and read what, and what a kill leaves."""

from __future__ import annotations

import queue
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from standalone.broker import PrivateBroker, password_line
from standalone.failure import CannotStart

from edge.wire.topics import INGEST_STATE_FILTER, Subject, every_agent, ingest_state_topic, topic

DEADLINE_S = 20
NOT_AUTHORIZED = "Not authorized"


class Session:
    """An MQTT 5 session whose events are waited for."""

    def __init__(self, broker: PrivateBroker, user: str, password: str, client_id: str | None = None) -> None:
        self.client = Client(
            CallbackAPIVersion.VERSION2, client_id or user or "anyone", protocol=MQTTProtocolVersion.MQTTv5
        )
        if user:
            self.client.username_pw_set(user, password)
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.disconnected = threading.Event()
        self._connected: queue.Queue[str] = queue.Queue()
        self._done: queue.Queue[str] = queue.Queue()
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = lambda *_: self.disconnected.set()
        self.client.on_message = self._on_message
        self.client.on_publish = lambda _c, _u, _m, reason, _p: self._done.put(str(reason))
        self.client.on_subscribe = lambda _c, _u, _m, reasons, _p: self._done.put(str(reasons[0]))
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()

    def _on_connect(self, _c: Client, _u: object, _f: ConnectFlags, reason: ReasonCode, _p: Properties | None) -> None:
        self._connected.put(str(reason))

    def _on_message(self, _c: Client, _u: object, message: MQTTMessage) -> None:
        self.messages.put((message.topic, bytes(message.payload)))

    def connected(self) -> str:
        return self._connected.get(timeout=DEADLINE_S)

    def publish(self, name: str, payload: bytes = b"x") -> str:
        self.client.publish(name, payload, qos=1)
        return self._done.get(timeout=DEADLINE_S)

    def subscribe(self, name: str) -> str:
        self.client.subscribe(name, qos=1)
        return self._done.get(timeout=DEADLINE_S)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def session(broker: PrivateBroker, user: str, client_id: str | None = None) -> Iterator[Session]:
    opened = Session(broker, user, broker.password_file(user).read_text().strip(), client_id)
    try:
        assert opened.connected() == "Success"
        yield opened
    finally:
        opened.close()


def test_agent_writes_its_own_topics_and_no_other(broker: PrivateBroker) -> None:
    broker.add_user("mall-7")
    with session(broker, "ingest") as ingest, session(broker, "mall-7") as agent:
        for subject in (Subject.BATCH, Subject.BIRTH, Subject.WILL):
            ingest.subscribe(every_agent(subject))
        refused = [
            *(topic("mall-8", subject) for subject in Subject),
            *(topic("mall-7", subject) for subject in (Subject.ACK, Subject.CONFIG)),
            ingest_state_topic("worker-1"),
        ]
        assert {name: agent.publish(name) for name in refused} == dict.fromkeys(refused, NOT_AUTHORIZED)
        allowed = [topic("mall-7", subject) for subject in (Subject.BATCH, Subject.BIRTH, Subject.WILL)]
        for name in allowed:
            agent.publish(name)
        received = [ingest.messages.get(timeout=DEADLINE_S)[0] for _ in allowed]
        assert received == allowed
        assert ingest.messages.empty()


def test_agent_reads_its_own_acknowledgements_and_the_state_of_ingest_alone(broker: PrivateBroker) -> None:
    broker.add_user("mall-7")
    broker.add_user("mall-8")
    with session(broker, "ingest") as ingest, session(broker, "mall-7") as agent:
        for name in (every_agent(Subject.ACK), every_agent(Subject.CONFIG), INGEST_STATE_FILTER, "#"):
            agent.subscribe(name)
        ingest.publish(topic("mall-8", Subject.ACK))
        ingest.publish(topic("mall-8", Subject.CONFIG))
        allowed = [topic("mall-7", Subject.ACK), topic("mall-7", Subject.CONFIG), ingest_state_topic("worker-1")]
        for name in allowed:
            ingest.publish(name)
        received: set[str] = set()
        while received != set(allowed):  # overlapping filters may deliver one message several times
            received.add(agent.messages.get(timeout=DEADLINE_S)[0])
            assert received <= set(allowed)


def test_ingest_writes_no_batches(broker: PrivateBroker) -> None:
    with session(broker, "ingest") as ingest:
        assert ingest.publish(topic("mall-7", Subject.BATCH)) == NOT_AUTHORIZED


def test_a_client_id_takes_no_other_user_s_session(broker: PrivateBroker) -> None:
    broker.add_user("mall-7")
    broker.add_user("mall-8")
    with session(broker, "mall-7") as first, session(broker, "mall-8", client_id="mall-7") as second:
        second.publish(topic("mall-8", Subject.BATCH))
        first.publish(topic("mall-7", Subject.BATCH))
        assert not first.disconnected.is_set()


@pytest.mark.parametrize(
    ("user", "password"), [("ingest", "wrong"), ("nobody-known", "wrong"), ("ingest", ""), ("", "")]
)
def test_wrong_password_or_none(broker: PrivateBroker, user: str, password: str) -> None:
    opened = Session(broker, user, password)
    try:
        assert opened.connected() != "Success"
    finally:
        opened.close()


def test_kill_and_start_on_the_same_port_with_nothing_kept(broker: PrivateBroker) -> None:
    broker.add_user("mall-7")
    with session(broker, "mall-7") as agent:
        agent.client.publish(topic("mall-7", Subject.BIRTH), b"up", qos=1, retain=True).wait_for_publish(DEADLINE_S)
        port = broker.port
        broker.kill()
        assert not broker.running
        assert agent.disconnected.wait(DEADLINE_S)
    broker.start()
    assert broker.port == port
    with session(broker, "ingest") as ingest, session(broker, "mall-7") as agent:
        ingest.subscribe(every_agent(Subject.BIRTH))
        agent.publish(topic("mall-7", Subject.BIRTH), b"again")
        assert ingest.messages.get(timeout=DEADLINE_S) == (topic("mall-7", Subject.BIRTH), b"again")


def test_once_known_the_port_is_kept_or_the_start_fails(broker: PrivateBroker) -> None:
    port = broker.port
    broker.kill()
    with socket.create_server((broker.host, port)), pytest.raises(CannotStart, match="Address already in use"):
        broker.start()
    broker.start()
    assert broker.port == port


def test_secrets_are_private_and_the_port_is_loopback_s(broker: PrivateBroker) -> None:
    for path in (broker.folder / "passwords", broker.folder / "access", broker.password_file("ingest")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    password = broker.password_file("ingest").read_text().strip()
    assert password not in (broker.folder / "passwords").read_text()
    with socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", broker.port))


def test_password_line_is_what_mosquitto_writes() -> None:
    name, empty, kind, iterations, salt, digest = (":" + password_line("a", "b").replace(":", "$")).split("$")
    assert (name, empty, kind) == (":a", "", "7")
    assert int(iterations) > 0
    assert (len(salt), len(digest)) == (16, 88)


def test_user_names_that_topics_cannot_hold(broker: PrivateBroker) -> None:
    for name in ("Mall", "a/b", "a+", "", "a b"):
        with pytest.raises(ValueError, match="not a user name"):
            broker.add_user(name)
