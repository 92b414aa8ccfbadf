"""Which networks are looked at, and what is recognised there, on loopback addresses."""

from __future__ import annotations

import json
import socket
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Network
from typing import ClassVar

import pytest

from edge.onboarding.network_discovery import Bounds, NetworkError, found_on, network_of
from edge.onboarding.wording import Language

FAST = Bounds(connections_per_s=1000, answer_s=2.0, longest_s=30)


@contextmanager
def modbus_device(answer: bytes) -> Iterator[int]:
    """Yield the port of a device that answers every question with this PDU."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                with suppress(OSError), listening.accept()[0] as line:
                    line.settimeout(2)
                    if len(question := line.recv(260)) >= 7:
                        line.sendall(question[:4] + (len(answer) + 1).to_bytes(2, "big") + question[6:7] + answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            stop.set()
            thread.join()


@contextmanager
def web_server(pages: dict[str, bytes], head: dict[str, str]) -> Iterator[int]:
    class Answer(BaseHTTPRequestHandler):
        server_version, sys_version = head.get("Server", "x"), ""
        further: ClassVar = {name: value for name, value in head.items() if name != "Server"}

        def do_GET(self) -> None:
            body = pages.get(self.path)
            self.send_response(200 if body is not None else 404)
            for name, value in self.further.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def text_of(service: str, port: int) -> str:
    (found,) = found_on(IPv4Network("127.0.0.1/32"), FAST, {service: port})
    assert tomllib.loads(found.text(Language.CHINESE)) == tomllib.loads(found.text(Language.ENGLISH))
    return found.text(Language.ENGLISH)


@pytest.mark.parametrize("text", ["127.0.0.0/30", "10.1.2.0/24", "172.31.0.0/22", "192.168.1.7", "169.254.1.0/24"])
def test_own_ranges_are_looked_at(text: str) -> None:
    assert network_of(text).num_addresses <= 1024


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("8.8.8.0/24", "not private"),
        ("172.32.0.0/24", "not private"),
        ("192.0.2.0/24", "not private"),
        ("0.0.0.0/0", "not private"),
        ("10.0.0.0/8", "name a part of at most 1024"),
        ("fd00::/120", "no IPv4 network"),
        ("shop", "no IPv4 network"),
    ],
)
def test_other_networks_are_not(text: str, reason: str) -> None:
    with pytest.raises(NetworkError, match=reason):
        network_of(text)


def test_a_modbus_device_tells_its_name() -> None:
    answer = bytes.fromhex("2b0e010100000200") + b"\x04Acme" + b"\x01\x07METER-1"
    with modbus_device(answer) as port:
        text = text_of("modbus", port)
    assert "Modbus: Acme METER-1" in text
    assert tomllib.loads(text)["source"][0]["kind"] == "modbus_poll"


def test_a_modbus_device_without_identification_is_one_all_the_same() -> None:
    with modbus_device(bytes([0xAB, 1])) as port:
        assert "Modbus: -" in text_of("modbus", port)


def test_another_server_on_the_port_is_not_taken_for_modbus() -> None:
    with modbus_device(b"\x03\x02\x00\x00") as port:
        assert "does not answer as Modbus" in text_of("modbus", port)


@pytest.mark.parametrize(
    ("pages", "head", "kind", "said"),
    [
        ({"/shelly": json.dumps({"gen": 2, "model": "SPEM-003CEBEU"}).encode()}, {}, "mqtt", "Shelly SPEM-003CEBEU"),
        ({"/": b""}, {"Server": "Tasmota/14.2 (ESP8266)"}, "http_poll", "Tasmota"),
        ({"/": b""}, {"Server": "App-webs/"}, "hikvision_alert_stream", "Hikvision"),
        ({"/": b""}, {"WWW-Authenticate": 'Digest realm="AXIS_ACCC8E012345"'}, "http_poll", "Axis"),
    ],
)
def test_web_servers_are_known_by_their_head(
    pages: dict[str, bytes], head: dict[str, str], kind: str, said: str
) -> None:
    with web_server(pages, head) as port:
        text = text_of("http", port)
    assert said in text
    assert "ACCC8E" not in text
    assert tomllib.loads(text)["source"][0]["kind"] == kind


def test_an_unknown_web_server_is_named_by_what_it_says() -> None:
    with web_server({"/": b""}, {"Server": "lighttpd"}) as port:
        assert "answers over HTTP (lighttpd)" in text_of("http", port)


def test_nothing_is_found_where_nothing_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert list(found_on(IPv4Network("127.0.0.1/32"), FAST, {"modbus": port})) == []


def test_the_search_is_bounded_in_rate_and_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    began_s = time.monotonic()
    (left_out,) = found_on(IPv4Network("127.0.0.0/24"), Bounds(100, 0.5, longest_s=0.5), {"modbus": port})
    assert "were not looked at" in left_out.title.en
    assert time.monotonic() - began_s < 60
