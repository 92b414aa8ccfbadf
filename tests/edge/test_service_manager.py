"""What the service manager is told, over a socket as systemd's; and that a stuck thread stops the feeding."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge_tools.fake_ingest import fake_ingest
from edge_tools.running import AGENT
from standalone.broker import PrivateBroker

from edge.liveness import Pulse
from edge.service_manager import ServiceManager


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(20)
        yield end


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def told(end: socket.socket) -> list[str]:
    """Return what has come so far."""
    end.setblocking(False)
    found = []
    try:
        while True:
            found.append(end.recv(100).decode())
    except BlockingIOError:
        return found


def test_ready_once_then_fed_while_alive_only(listening: socket.socket, tmp_path: Path) -> None:
    clock = Clock()
    service = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"}, clock)
    for alive in (True, True, False):
        service.watch(alive)
    assert told(listening) == ["READY=1", "WATCHDOG=1"]
    clock.now_s += 9.9
    service.watch(True)
    assert told(listening) == []
    clock.now_s += 0.2
    service.watch(False)
    assert told(listening) == []
    service.watch(True)
    assert told(listening) == ["WATCHDOG=1"]
    service.stopping()
    assert told(listening) == ["STOPPING=1"]


@pytest.mark.parametrize(
    "variables",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}],
)
def test_without_a_watchdog_nothing_is_fed(listening: socket.socket, tmp_path: Path, variables: dict[str, str]) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify"), **variables})
    service.watch(True)
    assert told(listening) == ["READY=1"]


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/socket", "@smartstore-no-such-socket"])
def test_a_manager_that_is_not_there_stops_nothing(address: str) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"})
    service.watch(True)
    service.stopping()


def test_the_abstract_namespace() -> None:
    name = f"smartstore-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(f"\0{name}")
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).watch(True)
        assert told(end) == ["READY=1"]


def test_a_pulse_lives_until_its_promise_is_over() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    assert pulse.is_alive
    pulse.beat(5)
    clock.now_s += 5
    assert pulse.is_alive
    clock.now_s += 0.1
    assert not pulse.is_alive
    pulse.beat(5)
    assert pulse.is_alive


def test_a_running_agent_is_ready_fed_and_stops(
    broker: PrivateBroker, listening: socket.socket, tmp_path: Path
) -> None:
    broker.add_user(AGENT)
    config = tmp_path / "agent.toml"
    config.write_text(
        f'[agent]\nid = "{AGENT}"\n[broker]\nhost = "{broker.host}"\nport = {broker.port}\n'
        f'password_file = "{broker.password_file(AGENT)}"\n[spool]\npath = "spool.db"\n'
        '[[source]]\nkind = "simulated_store"\nname = "simulated"\nstore = "sim-store-a"\ndays = [2026-05-04]\n'
        "speed = 3000\n"
    )
    variables = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "900000"}
    command = [sys.executable, "-m", "edge.cli", "run", str(config)]
    with fake_ingest(broker), subprocess.Popen(command, env=variables, stderr=subprocess.PIPE) as process:
        try:
            said = [listening.recv(100) for _ in range(4)]
        finally:
            process.send_signal(signal.SIGTERM)
        assert said == [b"READY=1", *[b"WATCHDOG=1"] * 3]
        last = b""
        while last != b"STOPPING=1":
            last = listening.recv(100)
        _, log = process.communicate(timeout=30)
        assert process.returncode == 0, log
