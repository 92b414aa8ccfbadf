"""The client's short way hands on what paho's long way would, whole and in order, and its receipts are the broker's."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from fault_tools.tls_broker import Authority, TlsBroker
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from standalone.broker import PrivateBroker
from standalone.data_folder import data_folder, scratch_folder
from standalone.mosquitto import find_mosquitto

from edge.wire.topics import Subject, every_agent, topic
from ingest.mqtt_client import Client

TOPIC = topic("a", Subject.BATCH)
SIZES = [1, 100, 127, 128, 300_000, 2, 16_383, 16_384, 70_000, 5]


class Listener:
    """Hears the batches of all agents by a ``Client``: plain ones and others apart."""

    def __init__(self, broker: PrivateBroker, *, receive_maximum: int = 1000, ca_file: Path | None = None) -> None:
        self.plain: list[tuple[str, int, bytes]] = []
        self.others: list[tuple[str, int, bytes]] = []
        self._heard = threading.Condition()
        self._subscribed = threading.Event()
        self.client = Client("ingest")
        self.client.username_pw_set("ingest", broker.password_file("ingest").read_text().strip())
        if ca_file is not None:
            self.client.tls_set(ca_certs=str(ca_file))
        self.client.on_plain = lambda name, number, payload: self._hear(self.plain, name, number, payload)
        self.client.on_message = lambda _c, _u, m: self._hear(self.others, m.topic, m.mid, bytes(m.payload))
        self.client.on_connect = lambda client, *_: client.subscribe(every_agent(Subject.BATCH), 1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = receive_maximum
        self.client.connect(broker.host, broker.port, clean_start=True, properties=properties)
        self.client.loop_start()
        assert self._subscribed.wait(10)

    def _hear(self, into: list[tuple[str, int, bytes]], name: str, number: int, payload: bytes) -> None:
        with self._heard:
            into.append((name, number, payload))
            self._heard.notify_all()

    def wait_for(self, count: int, timeout_s: float = 20.0) -> bool:
        with self._heard:
            return self._heard.wait_for(lambda: len(self.plain) + len(self.others) >= count, timeout_s)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture(params=["plain", "tls"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[PrivateBroker, Path | None]]:
    """Yield a broker, and the certificate to trust where it speaks TLS."""
    users = {"ingest": secrets.token_urlsafe(24)}
    with scratch_folder("mqtt-client") as folder:
        mosquitto = find_mosquitto(data_folder())
        if request.param == "plain":
            broker, trusted = PrivateBroker(folder / "broker", users, mosquitto), None
        else:
            authority = Authority(folder / "authority", "own")
            trusted = Path(shutil.copy(authority.certificate, tmp_path / "ca.pem"))
            broker = TlsBroker(folder / "broker", users, authority, mosquitto)
        broker.start()
        yield broker, trusted
        broker.stop()


@pytest.fixture
def listener(line: tuple[PrivateBroker, Path | None]) -> Iterator[Listener]:
    broker, trusted = line
    listener = Listener(broker, ca_file=trusted)
    yield listener
    listener.close()


@pytest.fixture
def publisher(line: tuple[PrivateBroker, Path | None]) -> Iterator[mqtt.Client]:
    broker, trusted = line
    with_password = broker.add_user("a")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="a", protocol=mqtt.MQTTv5)
    client.username_pw_set("a", with_password)
    if trusted is not None:
        client.tls_set(ca_certs=str(trusted))
    client.max_inflight_messages_set(1000)
    client.connect(broker.host, broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def test_messages_of_every_size_arrive_whole_and_in_order(listener: Listener, publisher: mqtt.Client) -> None:
    payloads = [secrets.token_bytes(size) for size in SIZES * 20]
    for payload in payloads:
        publisher.publish(TOPIC, payload, qos=1)
    assert listener.wait_for(len(payloads))
    assert [payload for _, _, payload in listener.plain] == payloads
    assert {name for name, _, _ in listener.plain} == {TOPIC}
    assert [number for _, number, _ in listener.plain] == list(range(1, len(payloads) + 1))
    assert not listener.others


def test_what_is_not_plain_takes_the_long_way(listener: Listener, publisher: mqtt.Client) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = ("key", "value")
    publisher.publish(TOPIC, b"with properties", qos=1, properties=properties)
    publisher.publish(TOPIC, b"", qos=1)
    publisher.publish(TOPIC, b"at most once", qos=0)
    publisher.publish(TOPIC, b"plain", qos=1)
    assert listener.wait_for(4)
    assert [payload for _, _, payload in listener.plain] == [b"", b"plain"]
    assert [payload for _, _, payload in listener.others] == [b"with properties", b"at most once"]


def test_receipts_are_what_the_broker_waits_for(broker: PrivateBroker) -> None:
    """A broker sends as many messages as may be without a receipt, and one more for each receipt."""
    listener = Listener(broker, receive_maximum=10)
    sender = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="a", protocol=mqtt.MQTTv5)
    sender.username_pw_set("a", broker.add_user("a"))
    sender.max_inflight_messages_set(1000)
    sender.connect(broker.host, broker.port)
    sender.loop_start()
    for n in range(100):
        sender.publish(TOPIC, str(n), qos=1)
    assert listener.wait_for(10)
    time.sleep(0.3)  # long enough for what must not come
    assert len(listener.plain) == 10
    listener.client.acknowledge([])
    settled = 7
    listener.client.acknowledge([number for _, number, _ in listener.plain[:settled]])
    assert listener.wait_for(10 + settled)
    while settled < 100:
        held = len(listener.plain)
        listener.client.acknowledge([number for _, number, _ in listener.plain[settled:held]])
        settled = held
        assert listener.wait_for(min(settled + 1, 100))
    assert [int(payload) for _, _, payload in listener.plain] == list(range(100))
    for client in (sender, listener.client):
        client.disconnect()
        client.loop_stop()
