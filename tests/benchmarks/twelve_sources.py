"""An agent with twelve sources of three transports, and devices that send it ten readings a second.

As in a store: the platform's broker is reached over TLS, and devices that speak MQTT have a broker of the store's own.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Self

import paho.mqtt.client as mqtt
from fault_tools.tls_broker import Authority, TlsBroker
from paho.mqtt.enums import CallbackAPIVersion
from standalone.agent_unit import unit_environment
from standalone.broker import PrivateBroker
from standalone.children import Child
from standalone.data_folder import data_folder
from standalone.free_port import LOOPBACK, free_port
from standalone.site import COMMANDS

AGENT = "bench-shop"
PER_S = 10.0
"""Readings a second of all devices together."""
_DEVICES = "devices"
"""The user of the store's broker that is all its devices."""
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


class TwelveSources:
    """Configuration and devices of one agent, and the two brokers that it speaks to, within ``with``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "agent.toml"
        self.spool = folder / "spool.db"
        self.authority = Authority(folder / "authority", "platform")
        self.platform = TlsBroker(folder / "platform", {AGENT: _password(), "ingest": _password()}, self.authority)
        self.sent = 0
        users = [_DEVICES, *(_user(number) for number in range(_SOURCES))]
        self._store = PrivateBroker(folder / "store", {user: _password() for user in users})
        self._store.grant(_DEVICES, "write devices/#")
        for number in range(_SOURCES):
            self._store.grant(_user(number), f"read devices/{number}")
        self._ports = [free_port() for _ in range(_SOURCES)]
        self._stop = Event()
        self._thread = Thread(target=self._send, name="devices", daemon=True)
        (folder / "sensor.toml").write_text(_MAP)
        for number in range(0, _SOURCES, len(_KINDS)):
            (folder / f"export-{number}.jsonl").touch()

    def __enter__(self) -> Self:
        """Start the brokers."""
        self.platform.start()
        self._store.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let the devices send no more, and stop the brokers."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._store.stop()
        self.platform.stop()

    def configure(self, backlog_batches_per_s: float = 50.0) -> None:
        """Write the agent's configuration."""
        self.config.write_text(
            f'[agent]\nid = "{AGENT}"\n[broker]\nhost = "{LOOPBACK}"\nport = {self.platform.port}\n'
            f'password_file = "{self.platform.password_file(AGENT)}"\nca_file = "{self.authority.certificate}"\n'
            f'[spool]\npath = "{self.spool}"\n[uplink]\nbacklog_batches_per_s = {backlog_batches_per_s}\n'
            + "".join(self._source(number) for number in range(_SOURCES))
        )

    def _source(self, number: int) -> str:
        kind = _KINDS[number % len(_KINDS)]
        own = {
            "file_tail": f'path = "export-{number}.jsonl"\nformat = "lines"\ninterval_s = 0.2\n',
            "mqtt": f'port = {self._store.port}\ntopics = ["devices/{number}"]\nusername = "{_user(number)}"\n'
            f'password_file = "{self._store.password_file(_user(number))}"\n',
            "http_push": f"port = {self._ports[number]}\n",
        }[kind]
        options = f'[source.options]\nmap = "sensor.toml"\ndevice = "sensor-{number}"\n'
        return f'[[source]]\nkind = "{kind}"\nname = "source-{number}"\ndecoder = "json_map"\n{own}{options}'

    def compile(self) -> None:
        """Start an agent once, so that a measured one finds the files that Python compiles."""
        agent = self.start_agent()
        while not self.spool.exists():
            assert agent.running, agent.tail()
            time.sleep(0.05)
        agent.stop()
        self.forget()

    def forget(self) -> None:
        """Remove the spool."""
        for file in self.folder.glob("spool.db*"):
            file.unlink()

    def start_agent(self) -> Child:
        """Start an agent in a process of its own, by the command and in the environment of the unit."""
        command: list[str | Path] = [COMMANDS / "smartstore-edge", "run", self.config]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment |= unit_environment(data_folder())
        return Child(AGENT, command, self.folder / "agent.log", environment=environment)

    def start(self) -> None:
        """Let the devices send."""
        self._thread.start()

    def _send(self) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=_DEVICES, protocol=mqtt.MQTTv5)
        client.username_pw_set(_DEVICES, self._store.password_file(_DEVICES).read_text().strip())
        client.connect(LOOPBACK, self._store.port)
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


def _user(number: int) -> str:
    """Return the name of a source at the store's broker, which takes two clients of one name for the same client."""
    return f"source-{number}"


def _password() -> str:
    return secrets.token_urlsafe(24)


def _post(port: int, payload: bytes) -> None:
    with suppress(OSError, http.client.HTTPException):  # the agent isn't there yet, or no more
        line = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
        line.request("POST", "/", payload, {"Content-Type": "application/json"})
        line.getresponse().read()
        line.close()
