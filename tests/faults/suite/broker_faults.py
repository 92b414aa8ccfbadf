"""A broker that restarts without its sessions, with and without having dropped messages before."""

from __future__ import annotations

import signal

from faults.suite.fleet import FleetPlan
from faults.suite.rig import Rig
from faults.suite.scenario import Scenario
from faults.suite.setting import Setting

_QUEUE = 100
"""Messages that the broker keeps for a worker: far fewer than agents send while both workers stand still."""


def _restart(rig: Rig) -> None:
    rig.broker.restart()


def _fill_the_queue_and_restart(rig: Rig) -> None:
    """Let both workers stand still until the broker has dropped messages, then restart it, and let them go on."""
    for worker in (rig.workers[1], rig.workers[2]):
        worker.signal(signal.SIGSTOP)
    rig.wait(lambda: "messages are being dropped" in rig.broker.log.read_text(), "the broker drops messages")
    rig.broker.restart()
    for worker in (rig.workers[1], rig.workers[2]):
        worker.signal(signal.SIGCONT)


SCENARIOS = (
    Scenario("broker restarted: sessions lost", _restart),
    Scenario(
        "broker restarted after its queue limit was reached",
        _fill_the_queue_and_restart,
        Setting(
            queued_messages=_QUEUE,
            fleet=FleetPlan(agents=20, batches=100, readings=5, window=100, resend_s=2.0),
        ),
        begins=0.05,
    ),
)
