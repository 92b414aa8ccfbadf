"""The device's clock set a day forward, a day back, and right again: nothing is lost, doubled or dropped as too old."""

from __future__ import annotations

from pathlib import Path

import pytest
from edge_tools.fake_ingest import FakeIngest, fake_ingest
from edge_tools.readings import HandClock, group
from edge_tools.running import AGENT, edge_settings
from fault_tools.playing_agent import Playing, SetClock, playing
from standalone.broker import PrivateBroker

from edge.spool.records import SpoolLimits
from edge.spool.spool import Spool

pytestmark = pytest.mark.fault

DAY_S = 86_400.0
JUMPS = (DAY_S, -DAY_S, 0.0)


def check(ingest: FakeIngest, agent: Playing, wanted: int) -> None:
    ingest.wait_for(lambda: len(ingest.values()) == wanted)
    assert ingest.values() == [float(number) for number in range(wanted)]
    assert agent.spool.totals().lost_readings == 0


def test_a_clock_that_jumps_while_connected(broker: PrivateBroker, tmp_path: Path) -> None:
    broker.add_user(AGENT)
    settings = edge_settings(tmp_path, broker, spool={"path": str(tmp_path / "spool.db"), "max_age_s": 3600.0})
    with fake_ingest(broker) as ingest, playing(settings) as agent:
        wanted = agent.accept(30)
        for ahead_s in JUMPS:
            agent.clock.ahead_s = ahead_s
            wanted = agent.accept(30)
            check(ingest, agent, wanted)
        stamps = [at_us for _, at_us in sorted({(batch.sequence, batch.monotonic_us) for batch, _ in ingest.batches})]
        assert stamps == sorted(stamps), "the clock that never jumps tells the order"


def test_a_clock_that_jumps_while_offline_makes_nothing_too_old(broker: PrivateBroker, tmp_path: Path) -> None:
    """The bound of an hour is kept by the monotonic clock."""
    broker.add_user(AGENT)
    settings = edge_settings(tmp_path, broker, spool={"path": str(tmp_path / "spool.db"), "max_age_s": 3600.0})
    with fake_ingest(broker, accepting=False) as ingest, playing(settings, SetClock()) as agent:
        for ahead_s in JUMPS:
            agent.clock.ahead_s = ahead_s
            wanted = agent.accept(30)
            agent.spool.enforce_limits()
        assert agent.spool.totals().pending_readings == wanted
        ingest.say(accepting=True)
        check(ingest, agent, wanted)


@pytest.mark.parametrize("ahead_s", [DAY_S, -DAY_S])
def test_after_a_boot_with_a_wrong_clock_what_is_dropped_is_declared(tmp_path: Path, ahead_s: float) -> None:
    """Across boots only the wall clock tells an age: one a day ahead makes things too old, and says so."""
    limits = SpoolLimits(max_bytes=10**7, max_age_s=3600, batch_readings=10)
    clock = HandClock()

    def opened() -> Spool:
        return Spool.open(tmp_path / "spool.db", limits, clock.clock)

    spool = opened()
    spool.accept([("counter", group(0, 100))])
    spool.close()
    reboot(clock, ahead_s)
    spool = opened()
    spool.accept([("counter", group(100, 100))])
    assert spool.totals().lost_readings == (100 if ahead_s > 0 else 0)
    spool.close()
    reboot(clock, -ahead_s)
    spool = opened()
    spool.accept([("counter", group(200, 100))])
    totals = spool.totals()
    assert totals.accepted_readings == 300 == totals.pending_readings + totals.lost_readings
    assert spool.position("counter") == "299"
    spool.close()


def reboot(clock: HandClock, ahead_s: float) -> None:
    clock.now_us += round(ahead_s * 1e6)
    clock.monotonic_us = 1_000_000
    clock.boot = type(clock.boot)(int=clock.boot.int + 1)
