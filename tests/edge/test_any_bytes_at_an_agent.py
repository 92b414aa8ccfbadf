"""A running agent gets whatever bytes over HTTP, MQTT and an alert stream: it refuses, keeps, says so, and goes on."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from random import Random
from threading import Event
from typing import NamedTuple

import pytest
from edge_tools.decoder_cases import CASES, Case
from edge_tools.device_server import Request, device
from edge_tools.fake_ingest import FakeIngest, fake_ingest
from edge_tools.mutations import mutated
from edge_tools.running import AGENT
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from standalone.broker import PrivateBroker
from standalone.children import Child
from standalone.free_port import free_port

from edge.decoders.registry import DECODERS
from edge.sources.decoding import PayloadReader
from edge.wire.batch import Batch
from edge.wire.decode import decode

PAYLOADS = 120
PATH = "/ISAPI/Event/notification/alertStream"
OPTIONS = {
    "push": ("hikvision_people_counting", {"device": "camera"}),
    "plugs": ("shelly", {"device": "plug"}),
    "stream": ("hikvision_people_counting", {"device": "stream"}),
}
"""Decoder and options of each source."""
TOTALS = b"""<EventNotificationAlert><channelID>1</channelID><dateTime>2026-03-02T09:05:00+08:00</dateTime>
<eventType>PeopleCounting</eventType><peopleCounting><statisticalMethods>realTime</statisticalMethods>
<enter>5</enter><exit>6</exit></peopleCounting></EventNotificationAlert>"""
PLUG = b'{"id": 0, "output": true, "apower": 5.5}'


class Kept(NamedTuple):
    """A refusal as the platform gets it."""

    source: str
    reason: str
    detail: str
    payload: str


class Expected:
    """What must come of what was sent, by the decoder alone, without an agent."""

    def __init__(self) -> None:
        self.refusals: Counter[Kept] = Counter()
        self.readings = 0

    def add(self, source: str, body: bytes, topic: str, content_type: str = "") -> int:
        """Take a payload, and return the status that tells its sender what became of it."""
        decoder, options = OPTIONS[source]
        reader = PayloadReader(source, DECODERS[decoder].configured(options))
        payload = reader.arrived(body, topic, content_type)
        for first in payload.refusals[:1]:
            assert first.payload or "SHA-256" in first.detail, "what was refused can't be found again"
        self.refusals.update(Kept(each.source, each.reason, each.detail, each.payload) for each in payload.refusals)
        self.readings += len(payload.readings)
        return 400 if payload.is_refused else 200

    def compared(self, ingest: FakeIngest) -> object:
        """Return what is missing, what is more, and how many readings are more."""
        refusals, readings = arrived(ingest)
        return self.refusals - refusals, refusals - self.refusals, readings - self.readings

    def is_all(self, ingest: FakeIngest) -> bool:
        return self.compared(ingest) == (Counter(), Counter(), 0)


class Stream:
    """A camera whose stream says what is put into it, and ends after what is no part of a stream."""

    def __init__(self) -> None:
        self.said: SimpleQueue[bytes] = SimpleQueue()
        self.over = Event()
        self.opened = 0

    def __call__(self, _request: Request, line: socket.socket) -> None:
        self.opened += 1
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=boundary\r\n\r\n")
        while not self.over.is_set():
            with suppress(Empty):
                line.sendall(said := self.said.get(timeout=0.1))
                if not said.startswith(b"--boundary"):
                    return


def part(body: bytes) -> bytes:
    return b"--boundary\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(body), body)


@pytest.fixture
def agent(broker: PrivateBroker, tmp_path: Path) -> Iterator[tuple[Child, int, Stream]]:
    """Yield an agent's process, the port that it listens on, and the camera that it listens to."""
    for user in (AGENT, "plugs", "store"):
        broker.add_user(user)
    broker.grant("plugs", "readwrite shop/#")
    broker.grant("store", "read shop/#")
    broker.restart()
    port, stream, config = free_port(), Stream(), tmp_path / "agent.toml"
    with device(stream) as camera:
        config.write_text(
            f"""
[agent]
id = "{AGENT}"
[broker]
host = "{broker.host}"
port = {broker.port}
password_file = "{broker.password_file(AGENT)}"
[spool]
path = "{tmp_path / "spool.db"}"
seal_after_s = 0.01
[[source]]
kind = "http_push"
name = "push"
port = {port}
most_bytes = 100000
decoder = "hikvision_people_counting"
options = {{ device = "camera" }}
[[source]]
kind = "mqtt"
name = "plugs"
port = {broker.port}
username = "store"
password_file = "{broker.password_file("store")}"
topics = ["shop/#"]
decoder = "shelly"
options = {{ device = "plug" }}
[[source]]
kind = "hikvision_alert_stream"
name = "stream"
url = "{camera.url("")}"
decoder = "hikvision_people_counting"
options = {{ device = "stream" }}
"""
        )
        command: list[str | Path] = [sys.executable, "-m", "edge.cli", "run", config]
        child = Child("agent", command, tmp_path / "agent.log", environment=os.environ)
        try:
            yield child, port, stream
        finally:
            stream.over.set()
            child.stop()


def post(port: int, body: bytes, content_type: str) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        line.request("POST", "/", body, {"Content-Type": content_type})
        return line.getresponse().status
    finally:
        line.close()


@contextmanager
def plugs(broker: PrivateBroker) -> Iterator[Callable[[str, bytes], None]]:
    """Yield what publishes as a plug does; the broker has it when that returns."""
    client = Client(CallbackAPIVersion.VERSION2, client_id="plugs", protocol=MQTTProtocolVersion.MQTTv311)
    client.username_pw_set("plugs", broker.password_file("plugs").read_text().strip())
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        yield lambda topic, payload: client.publish(topic, payload, qos=1).wait_for_publish(20)
    finally:
        client.disconnect()
        client.loop_stop()


def wait(condition: Callable[[], bool], child: Child, else_say: Callable[[], object] = lambda: "") -> None:
    end_s = time.monotonic() + 60
    while not condition():
        assert child.running, child.tail()
        assert time.monotonic() < end_s, f"{else_say()}; {child.tail()}"
        time.sleep(0.05)


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def arrived(ingest: FakeIngest) -> tuple[Counter[Kept], int]:
    """Return the refusals and the number of readings of every batch that was committed."""
    refusals: Counter[Kept] = Counter()
    readings = 0
    for payload in list(ingest.ledger.values()):
        batch = decode(payload)
        assert isinstance(batch, Batch)
        refusals.update(Kept(each.source, each.reason, each.detail, each.payload) for each in batch.refusals)
        readings += len(batch.value)
    return refusals, readings


def cases(name: str) -> list[Case]:
    return [case for case in CASES if case.decoder.name == name]


def bodies(of: Sequence[Case], random: Random) -> list[bytes]:
    """Return payloads bent out of shape, among them none at all and one that is no text in UTF-8."""
    seeds = [case.payload for case in of]
    made = [mutated(random.choice(seeds), seeds, random)[:60_000] for _ in range(PAYLOADS)]
    return [b"", rb'{"method": "\ud800"}', *made]


def test_whatever_is_sent_is_refused_and_kept_and_the_agent_goes_on(
    broker: PrivateBroker, agent: tuple[Child, int, Stream]
) -> None:
    child, port, stream = agent
    random, expected = Random(1), Expected()
    with fake_ingest(broker) as ingest, plugs(broker) as publish:
        wait(lambda: listens(port) and stream.opened == 1 and "mqtt_subscribed" in child.log.read_text(), child)

        for body in bodies(cases("hikvision_people_counting"), random):
            with socket.create_connection(("127.0.0.1", port), 5) as line:
                line.sendall(body)  # not even HTTP
            content_type = random.choice(("application/xml", "", "multipart/form-data; boundary=MIME_boundary"))
            status = expected.add("push", body, "/", content_type)
            assert post(port, body, content_type) == status

        for body in bodies(cases("shelly"), random):
            topic = random.choice(("shop/plug/events/rpc", "shop/plug/status/switch:0", "shop/\u4e2d\u6587"))
            expected.add("plugs", body, topic)
            publish(topic, body)

        xml = [case for case in cases("hikvision_people_counting") if case.payload.startswith(b"<")]
        for body in bodies(xml, random):
            if b"--boundary" not in body:
                expected.add("stream", body, PATH, "application/xml")
                stream.said.put(part(body))

        stream.said.put(b"no part of a stream " * 1000)
        wait(lambda: stream.opened == 2, child)
        assert expected.add("push", TOTALS, "/", "application/xml") == 200
        assert post(port, TOTALS, "application/xml") == 200
        expected.add("stream", TOTALS, PATH, "application/xml")
        stream.said.put(part(TOTALS))
        expected.add("plugs", PLUG, "shop/plug/status/switch:0")
        publish("shop/plug/status/switch:0", PLUG)

        wait(lambda: expected.is_all(ingest), child, lambda: expected.compared(ingest))
        assert sum(expected.refusals.values()) > PAYLOADS
        assert child.stop(60) == 0
    events = [json.loads(line)["event"] for line in child.log.read_text().splitlines()]
    assert events.count("source_failed") == 1, "the stream that was none"
    assert not {"decoder_failed", "push_connection_failed", "thread_failed"} & set(events)
