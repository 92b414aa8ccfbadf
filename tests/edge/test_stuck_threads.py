"""A sealer whose disk hangs and an uplink that hangs are both seen by the watch, and again when they go on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest
from edge_tools.readings import Counting, HandClock
from edge_tools.running import AGENT, edge_settings, open_spool
from standalone.broker import PrivateBroker

from edge import agent as agent_module
from edge.agent import Agent
from edge.clock import system_clock
from edge.liveness import Pulse
from edge.spool.acceptance import NamedGroup
from edge.uplink import Uplink


def test_a_sealer_that_hangs_is_not_alive(
    broker: PrivateBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.add_user(AGENT)
    settings = edge_settings(tmp_path, broker)
    clock, hanging, released, stop = HandClock(), Event(), Event(), Event()
    monkeypatch.setattr(agent_module, "Pulse", lambda: Pulse(lambda: clock.monotonic_us / 1e6))
    spool = open_spool(settings)
    accept = spool.accept

    def hang(groups: Sequence[NamedGroup]) -> list[int]:
        hanging.set()
        released.wait(30)
        return accept(groups)

    monkeypatch.setattr(spool, "accept", hang)
    watched: list[bool] = []
    seen = Event()

    def watch(alive: bool) -> None:
        watched.append(alive)
        seen.set()

    def seen_next() -> bool:
        seen.clear()
        assert seen.wait(20)
        seen.clear()
        assert seen.wait(20)
        return watched[-1]

    agent = Agent(
        [Counting(20, 10)],
        spool,
        Uplink(settings, spool, system_clock(), Random(1), "test 1"),
        settings,
        Random(1),
    )
    runner = Thread(target=lambda: agent.run(stop, until_drained=False, watch=watch))
    runner.start()
    try:
        assert hanging.wait(20)
        assert seen_next()
        clock.advance(120)
        assert not seen_next()
        released.set()
        while not seen_next():
            assert runner.is_alive()
    finally:
        released.set()
        stop.set()
        runner.join(30)
        spool.close()


def test_an_uplink_promises_to_be_back_after_each_pause(broker: PrivateBroker, tmp_path: Path) -> None:
    broker.add_user(AGENT)
    settings = edge_settings(tmp_path, broker)
    broker.stop()
    clock = HandClock()
    spool = open_spool(settings)
    uplink = Uplink(settings, spool, clock.clock, Random(1), "test 1")
    stop = Event()
    runner = Thread(target=uplink.run, args=(stop,))
    runner.start()
    try:
        assert uplink.pulse.is_alive
    finally:
        stop.set()
        runner.join(30)
        spool.close()
    clock.advance(1000)
    assert not uplink.pulse.is_alive
