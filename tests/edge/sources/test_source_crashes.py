"""Agents killed at either side of the commit of what a device sent: told only what is true, kept exactly once."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import edge_tools.source_child
import pytest
from edge_tools.plain_decoder import PLAIN, known
from edge_tools.played import wait_until
from edge_tools.running import AGENT, edge_settings, open_spool
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from standalone.broker import PrivateBroker
from standalone.free_port import free_port

from edge.settings import EdgeSettings
from edge.source_states import read_states
from edge.spool.status import read_status
from edge.wire.batch import Batch
from edge.wire.decode import decode

CHILD = Path(edge_tools.source_child.__file__)
PATHS = os.pathsep.join(str(folder) for folder in (CHILD.parents[1], CHILD.parents[2], CHILD.parents[2] / "deploy"))
Start = Callable[..., Any]

pytestmark = pytest.mark.fault


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, PLAIN)


@pytest.fixture
def local(broker: PrivateBroker) -> PrivateBroker:
    for user in (AGENT, "sensor", "reader"):
        broker.add_user(user)
    broker.grant("sensor", "write shelf/#")
    broker.grant("reader", "read shelf/#")
    broker.restart()
    return broker


@pytest.fixture
def start(local: PrivateBroker, tmp_path: Path) -> Callable[[dict[str, Any]], tuple[EdgeSettings, Start]]:
    """Return what gives, for a source, the agent's settings and what runs it, to be killed at a point."""

    def with_source(source: dict[str, Any]) -> tuple[EdgeSettings, Start]:
        settings = edge_settings(tmp_path, local)
        listed = [{"name": "device", "decoder": "plain", "options": {"device": "d"}} | source]
        settings = EdgeSettings.model_validate(settings.model_dump() | {"source": listed})
        config = tmp_path / "settings.json"
        config.write_text(settings.model_dump_json())

        @contextmanager
        def running(*point: str) -> Iterator[subprocess.Popen[bytes]]:
            with (tmp_path / "child.log").open("ab") as log:
                child = subprocess.Popen(
                    [sys.executable, str(CHILD), str(config), *point],
                    env=os.environ | {"PYTHONPATH": PATHS},
                    stderr=log,
                )
            try:
                yield child
            finally:
                child.terminate()
                assert child.wait(30) == (-signal.SIGKILL if point else 0)

        return settings, running

    return with_source


def kept(settings: EdgeSettings) -> tuple[list[float], list[str]]:
    """Return the values of all readings in the spool, in their order, and the reasons of all refusals."""
    spool = open_spool(settings)
    try:
        batches = [decode(each.payload) for each in spool.pending(limit=1000)]
    finally:
        spool.close()
    assert all(isinstance(each, Batch) for each in batches)
    listed = [each for each in batches if isinstance(each, Batch)]
    return [v for each in listed for v in each.value], [r.reason for each in listed for r in each.refusals]


def accepted_readings(settings: EdgeSettings) -> int:
    return read_status(settings.spool.path).totals.accepted_readings


def post(port: int, body: bytes) -> int | None:
    """Return the status of the answer, None where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/", body)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


HELD: dict[str, list[float]] = {"before": [], "after": [1.0]}
"""What the spool holds after a kill at this side of the first commit."""


@pytest.mark.parametrize("side", HELD)
def test_an_http_push_is_not_answered_before_the_commit(start: Any, side: str) -> None:
    port, held = free_port(), HELD[side]
    settings, running = start({"kind": "http_push", "port": port})
    with running(f"accept:{side}:1") as child:
        wait_until(lambda: post(port, b"heartbeat") == 200)
        assert post(port, b'{"value": 1, "t_us": 1}') is None, "killed with the answer still to come"
        assert child.wait(30) == -signal.SIGKILL
    assert kept(settings)[0] == held
    with running():
        wait_until(lambda: post(port, b"heartbeat") == 200)
        assert post(port, b'{"value": 1, "t_us": 1}') == 200
        assert post(port, b"<xml>") == 400
    assert kept(settings) == ([*held, 1.0], ["not_json"]), "the device sent it again; ingest keeps the first"
    (state,) = read_states(settings.spool.path)
    assert (state.readings, state.refusals, state.running) == (1, 1, False)
    assert state.contact_us is not None


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("side", HELD)
def test_an_mqtt_message_is_acknowledged_after_the_commit_and_kept_once(
    local: PrivateBroker, tmp_path: Path, start: Any, protocol: str, side: str
) -> None:
    subscription = {"kind": "mqtt", "port": local.port, "topics": ["shelf/+"], "protocol": protocol}
    reader = {"username": "reader", "client_id": "reader", "password_file": str(local.password_file("reader"))}
    settings, running = start(subscription | reader)
    client = Client(CallbackAPIVersion.VERSION2, client_id="sensor")
    client.username_pw_set("sensor", local.password_file("sensor").read_text().strip())
    client.connect(local.host, local.port)
    client.loop_start()

    def publish(value: int) -> None:
        client.publish("shelf/1", b'{"value": %d}' % value, qos=1).wait_for_publish(20)

    with running(f"accept:{side}:1") as child:
        wait_until(lambda: "mqtt_subscribed" in (tmp_path / "child.log").read_text())
        publish(1)
        assert child.wait(30) == -signal.SIGKILL
    assert kept(settings)[0] == HELD[side]
    publish(2)
    with running():
        publish(3)
        wait_until(lambda: accepted_readings(settings) == 3)
    client.disconnect()
    client.loop_stop()
    assert kept(settings)[0] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("point", ["accept:after:1", "accept:before:2", "accept:after:2", "accept:before:3"])
def test_lines_are_kept_once_over_kills_and_a_rotation(start: Any, tmp_path: Path, point: str) -> None:
    path = tmp_path / "export.csv"
    path.write_text("value,t_us\n" + "".join(f"{n},{n}\n" for n in range(500)))
    settings, running = start({"kind": "file_tail", "path": str(path), "interval_s": 0.05})
    with running(point) as child:
        with suppress(subprocess.TimeoutExpired):
            child.wait(3)
        with path.open("a") as file:
            file.write("".join(f"{n},{n}\n" for n in range(500, 700)))
        path.rename(tmp_path / "export.csv.1")
        path.write_text("value,t_us\n" + "".join(f"{n},{n}\n" for n in range(700, 900)))
        assert child.wait(30) == -signal.SIGKILL
    with running():
        wait_until(lambda: accepted_readings(settings) >= 900)
    assert kept(settings) == ([float(n) for n in range(900)], [])
