"""Workers that join, leave and die; a thousand agents at once; a worker without its database; clocks that step."""

from __future__ import annotations

import time

from faults.suite.fleet import Fleet, FleetPlan
from faults.suite.rig import Rig
from faults.suite.scenario import Scenario
from faults.suite.setting import Load, Pair, Setting

_DAY_S = 86_400.0


def _come_and_go(rig: Rig) -> None:
    first, second, third = rig.workers.values()
    rig.start_workers(3)
    assert first.stop() == 0, "worker 1 did not leave in order"
    rig.wait_until_committed(0.3)
    second.kill()
    rig.start_workers(1)
    rig.wait_until_committed(0.5)
    third.kill()
    rig.start_workers(2)
    rig.wait_until_committed(0.7)
    first.kill()


def _cut_off(rig: Rig) -> None:
    """Cut one worker off from the database for longer than agents wait for an answer; the other goes on."""
    line = rig.lines[Pair.INGEST_DATABASE]
    line.cut()
    time.sleep(5.0)  # the length of the outage
    line.restore()


def _storm(rig: Rig) -> None:
    """Kill the broker, so that every agent comes back at the same moment with all that is not acknowledged."""
    (fleet,) = (sender for sender in rig.senders if isinstance(sender, Fleet))
    agents = fleet.plan.agents
    rig.wait(lambda: fleet.connected() == agents, "the whole fleet is connected", 120)
    rig.broker.kill()
    rig.wait(lambda: fleet.connected() == 0, "the whole fleet has lost its connection")
    began = time.monotonic()
    rig.broker.start()
    rig.wait(lambda: fleet.connected() == agents, "the whole fleet is back", 120)
    back_s = time.monotonic() - began
    rig.wait(fleet.is_settled, "the fleet is settled", 240)
    settled_s = time.monotonic() - began
    overflows = sum(rig.workers[number].metric("overflows_total") for number in (1, 2))
    rig.notes.append(
        f"{agents} agents back after {back_s:.1f} s, all committed after {settled_s:.1f} s, {overflows:.0f} full queues"
    )


def _step(rig: Rig) -> None:
    """Step the wall clocks of both workers forth and back while batches arrive."""
    for ahead_s in (3600.0, -3600.0, _DAY_S, -_DAY_S, 0.0):
        rig.step_clocks(ahead_s)
        time.sleep(0.5)  # some batches at each time


SCENARIOS = (
    Scenario("workers join, leave and die", _come_and_go, Setting(Load(readings=2400, over_s=8.0))),
    Scenario(
        "one worker cut off from the database",
        _cut_off,
        Setting(lines={Pair.INGEST_DATABASE: {}}, only_worker=1),
    ),
    Scenario(
        "1,000 agents reconnect at once",
        _storm,
        Setting(fleet=FleetPlan(agents=1000, batches=20, readings=5)),
        begins=0.0,
        deadline_s=180.0,
    ),
    Scenario("server clocks step by hours and days", _step, Setting(steps_clocks=True)),
)
