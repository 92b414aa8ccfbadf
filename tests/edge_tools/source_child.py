"""An agent in a process of its own with the sources of its settings, which kills itself at a chosen point.

``source_child.py SETTINGS [POINT]``, as ``agent_child``; SIGTERM stops it in order.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from threading import Event

from edge_tools.agent_child import Killer, arm
from edge_tools.plain_decoder import PLAIN
from edge_tools.running import open_spool

from edge import event_log
from edge.agent import Agent
from edge.clock import system_clock
from edge.decoders import registry
from edge.settings import EdgeSettings
from edge.stop_signals import on_stop_signals
from edge.uplink import Uplink


def main() -> int:
    setattr(registry, "DECODERS", dict(registry.DECODERS) | {PLAIN.name: PLAIN})  # noqa: B010 - read-only to mypy
    settings = EdgeSettings.model_validate_json(Path(sys.argv[1]).read_text())
    if len(sys.argv) > 2:
        arm(Killer(sys.argv[2]))
    event_log.configure()
    stop = Event()
    on_stop_signals(stop.set)
    spool = open_spool(settings)
    uplink = Uplink(settings, spool, system_clock(), Random(1), "test 1")
    sources = [source.build() for source in settings.source]
    done = Agent(sources, spool, uplink, settings, Random(1)).run(stop, until_drained=False)
    spool.close()
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
