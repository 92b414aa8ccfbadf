"""An agent in a process of its own that kills itself at a chosen point: ``agent_child.py SETTINGS COUNT [POINT]``.

SETTINGS is JSON of ``EdgeSettings``, COUNT how far its source counts, POINT as ``accept:before:2``: at the second
acceptance, right before its commit. The kill is a SIGKILL: nothing is flushed, closed or said.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Event, local
from typing import Any

from edge_tools.readings import Counting
from edge_tools.running import open_spool

from edge import event_log
from edge.agent import Agent
from edge.clock import system_clock
from edge.session import Session
from edge.settings import EdgeSettings
from edge.spool.spool import Spool
from edge.uplink import Uplink

GROUP_READINGS = 7


class Killer:
    """Counts passages of one point, and kills this process at the chosen one."""

    def __init__(self, point: str) -> None:
        self.action, self.side, number = point.split(":")
        self._left = int(number)
        self.now = local()

    def around(self, action: str, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        if action != self.action:
            return work(*arguments, **named)
        self._left -= 1
        if self._left == 0 and self.side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = work(*arguments, **named)
        if self._left == 0 and self.side == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result


def arm(killer: Killer) -> None:
    """Put the killer around every commit, by what it commits, and around every publication of a batch."""

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql != "commit":
                return super().execute(sql, *parameters)
            done: sqlite3.Cursor = killer.around(getattr(killer.now, "action", ""), super().execute, sql)
            return done

    connect = sqlite3.connect
    sqlite3.connect = lambda *a, **named: connect(*a, **named, factory=Connection)  # type: ignore[assignment]
    for action in ("accept", "trim", "renew"):
        setattr(Spool, action, _naming(killer, action, getattr(Spool, action)))
    publish = Session.publish

    def published(self: Session, topic: str, payload: bytes, *, retain: bool = False) -> Any:
        action = "publish" if topic.endswith("/batch") else ""
        return killer.around(action, publish, self, topic, payload, retain=retain)

    Session.publish = published  # type: ignore[method-assign]


def _naming(killer: Killer, action: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def named(*arguments: Any) -> Any:
        killer.now.action = action
        try:
            return method(*arguments)
        finally:
            killer.now.action = ""

    return named


def main() -> int:
    settings = EdgeSettings.model_validate_json(Path(sys.argv[1]).read_text())
    if len(sys.argv) > 3:
        arm(Killer(sys.argv[3]))
    event_log.configure()
    spool = open_spool(settings)
    uplink = Uplink(settings, spool, system_clock(), Random(1), "test 1")
    source = Counting(int(sys.argv[2]), GROUP_READINGS, after_each_s=0.002)
    done = Agent([source], spool, uplink, settings, Random(1)).run(Event(), until_drained=True)
    spool.close()
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
