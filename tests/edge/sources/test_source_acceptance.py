"""A whole agent with a source whose device waits for the answer: a full disk, and the end of the agent."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest
from edge_tools.plain_decoder import PLAIN, known
from edge_tools.played import wait_until
from edge_tools.running import AGENT, edge_settings, open_spool
from standalone.broker import PrivateBroker
from standalone.free_port import free_port

from edge import agent as agent_module
from edge import source_states
from edge.agent import Agent
from edge.clock import system_clock
from edge.settings import EdgeSettings
from edge.source_states import SourceState, read_states
from edge.sources.http_push import HttpPushSettings
from edge.spool.spool import Spool
from edge.uplink import Uplink


@pytest.fixture
def settings(broker: PrivateBroker, tmp_path: Path) -> EdgeSettings:
    broker.add_user(AGENT)
    return edge_settings(tmp_path, broker)


@pytest.fixture
def spool(settings: EdgeSettings) -> Iterator[Spool]:
    opened = open_spool(settings)
    yield opened
    opened.close()


@pytest.fixture
def port(settings: EdgeSettings, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Yield the port of a running agent's one source."""
    known(monkeypatch, PLAIN)
    monkeypatch.setattr(agent_module, "_FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(source_states, "_QUIET_US", 0)
    keys = {"name": "doors", "port": free_port(), "decoder": "plain", "options": {"device": "d"}}
    source, stop, random = HttpPushSettings.model_validate(keys).build(), Event(), Random(1)
    uplink = Uplink(settings, spool, system_clock(), random, "test 1")
    agent = Agent([source], spool, uplink, settings, random)
    thread = Thread(target=agent.run, args=(stop,), kwargs={"until_drained": False})
    thread.start()
    wait_until(lambda: post(source._settings.port, b"heartbeat") == 200)
    yield source._settings.port
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


def post(port: int, body: bytes) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/", body)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def test_a_full_disk_is_answered_with_503_and_the_next_try_is_kept_once(spool: Spool, port: int) -> None:
    with spool._lock:
        spool._db.execute(f"pragma max_page_count = {spool._db.execute('pragma page_count').fetchone()[0]}")
    big = b"[" + b",".join(b'{"value": %d, "t_us": %d}' % (n, n) for n in range(2000)) + b"]"
    assert post(port, big) == 503
    assert post(port, big) == 503
    assert spool.totals().accepted_readings == 0
    with spool._lock:
        spool._db.execute("pragma max_page_count = 1000000")
    assert post(port, big) == 200
    assert spool.totals().accepted_readings == 2000, "what was answered with 503 was not kept"


def test_the_status_tells_contact_counts_and_the_last_error(settings: EdgeSettings, spool: Spool, port: int) -> None:
    assert post(port, b'[{"value": 1}, {"value": "x"}]') == 200
    assert post(port, b"GET") == 400
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("DELETE", "/")
    assert connection.getresponse().status == 501
    connection.close()

    def told() -> bool:
        (state,) = read_states(settings.spool.path) or [SourceState("doors")]
        return state.running and (state.readings, state.refusals) == (1, 2) and state.error is not None

    wait_until(told)
    assert spool.totals().accepted_readings == 1
