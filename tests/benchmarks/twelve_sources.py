"""An agent with twelve sources of three transports, and devices that send it ten readings a second."""

from __future__ import annotations

import http.client
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from standalone.broker import PrivateBroker
from standalone.children import Child
from standalone.free_port import LOOPBACK, free_port

AGENT = "bench-shop"
PER_S = 10.0
"""Readings a second of all devices together."""
_DEVICES = "devices"
"""The broker's user that is the MQTT devices and the agent's subscriptions to them."""
_KINDS = ("file_tail", "mqtt", "http_push")
_SOURCES = 12
_MAP = """\
format = "json"
title = "A sensor of the benchmark"
[[reading]]
path = "value"
quantity = "temperature"
unit = "degC"
period_s = 60
"""


def add_users(broker: PrivateBroker) -> None:
    """Give the broker the agent and the devices; to be called before it starts."""
    broker.add_user(AGENT)
    broker.add_user(_DEVICES)
    broker.grant(_DEVICES, "readwrite devices/#")


class TwelveSources:
    """Configuration and devices of one agent; the platform's broker also is the store's."""

    def __init__(self, folder: Path, broker: PrivateBroker, *, seal_after_s: float = 1.0) -> None:
        self.folder = folder
        self.config = folder / "agent.toml"
        self.spool = folder / "spool.db"
        self.sent = 0
        self._broker = broker
        self._ports = [free_port() for _ in range(_SOURCES)]
        self._seal_after_s = seal_after_s
        self._stop = Event()
        self._thread = Thread(target=self._send, name="devices", daemon=True)
        (folder / "sensor.toml").write_text(_MAP)
        for number in range(0, _SOURCES, len(_KINDS)):
            (folder / f"export-{number}.jsonl").touch()

    def configure(self, backlog_batches_per_s: float = 50.0) -> None:
        """Write the agent's configuration."""
        self.config.write_text(
            f'[agent]\nid = "{AGENT}"\n[broker]\nhost = "{LOOPBACK}"\nport = {self._broker.port}\n'
            f'password_file = "{self._broker.password_file(AGENT)}"\n'
            f'[spool]\npath = "{self.spool}"\nseal_after_s = {self._seal_after_s}\n'
            f"[uplink]\nbacklog_batches_per_s = {backlog_batches_per_s}\n"
            + "".join(self._source(number) for number in range(_SOURCES))
        )

    def _source(self, number: int) -> str:
        kind = _KINDS[number % len(_KINDS)]
        own = {
            "file_tail": f'path = "export-{number}.jsonl"\nformat = "lines"\ninterval_s = 0.2\n',
            "mqtt": f'port = {self._broker.port}\ntopics = ["devices/{number}"]\nusername = "{_DEVICES}"\n'
            f'password_file = "{self._broker.password_file(_DEVICES)}"\n',
            "http_push": f"port = {self._ports[number]}\n",
        }[kind]
        options = f'[source.options]\nmap = "sensor.toml"\ndevice = "sensor-{number}"\n'
        return f'[[source]]\nkind = "{kind}"\nname = "source-{number}"\ndecoder = "json_map"\n{own}{options}'

    def start_agent(self) -> Child:
        """Start an agent in a process of its own, which keeps compiled files as an installed one does."""
        command: list[str | Path] = [sys.executable, "-m", "edge.cli", "run", self.config]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return Child(AGENT, command, self.folder / "agent.log", environment=environment)

    def start(self) -> None:
        """Let the devices send."""
        self._thread.start()

    def stop(self) -> None:
        """Let the devices send no more."""
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=_DEVICES, protocol=mqtt.MQTTv5)
        client.username_pw_set(_DEVICES, self._broker.password_file(_DEVICES).read_text().strip())
        client.connect(LOOPBACK, self._broker.port)
        client.loop_start()
        while not self._stop.wait(1 / PER_S):
            number = self.sent % _SOURCES
            payload = json.dumps({"value": 20 + self.sent % 100 / 10}).encode()
            kind = _KINDS[number % len(_KINDS)]
            if kind == "file_tail":
                with (self.folder / f"export-{number}.jsonl").open("ab") as file:
                    file.write(payload + b"\n")
            elif kind == "mqtt":
                client.publish(f"devices/{number}", payload, qos=1)
            else:
                Thread(target=_post, args=(self._ports[number], payload), daemon=True).start()
            self.sent += 1
        client.disconnect()
        client.loop_stop()


def _post(port: int, payload: bytes) -> None:
    with suppress(OSError, http.client.HTTPException):  # the agent isn't there yet, or no more
        line = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
        line.request("POST", "/", payload, {"Content-Type": "application/json"})
        line.getresponse().read()
        line.close()
