"""An ingest worker in a process of its own that kills itself, or asks first, at a stage of a write; tests start it."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from fault_tools import stepped_clock

from edge import event_log
from edge.stop_signals import on_stop_signals
from ingest.service import Service
from ingest.settings import load
from ingest.writer import Stage

NEVER = "never"


def command(
    config: Path, stage: Stage | None = None, nth: int = 1, *, ask: Path | None = None, clock: Path | None = None
) -> list[str]:
    """Return the command of a worker.

    Parameters
    ----------
    stage, nth
        When it comes to this stage for the nth time, the worker dies by SIGKILL.
    ask
        A socket's path: instead of dying, the worker connects there and goes on when it is answered.
    clock
        A file with the seconds by which the worker's clock is ahead.
    """
    return [
        *(sys.executable, __file__, str(config), "--stage", stage or NEVER, "--nth", str(nth)),
        *(("--ask", str(ask)) if ask else ()),
        *(("--clock", str(clock)) if clock else ()),
    ]


def environment() -> dict[str, str]:
    """Return the environment in which the command finds what it imports."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def start(config: Path, stage: Stage | None = None, nth: int = 1) -> subprocess.Popen[bytes]:
    """Start a worker that dies by SIGKILL when it comes to ``stage`` for the ``nth`` time."""
    return subprocess.Popen(command(config, stage, nth), env=environment(), stderr=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--nth", type=int, required=True)
    parser.add_argument("--ask", type=Path)
    parser.add_argument("--clock", type=Path)
    chosen = parser.parse_args()
    if chosen.clock is not None:
        stepped_clock.install(chosen.clock)
    event_log.configure()
    service = Service(load(chosen.config), _observer(chosen.stage, chosen.nth, chosen.ask))
    on_stop_signals(service.request_stop)
    service.start()
    service.wait()
    sys.exit(0 if service.stop() else 1)


def _observer(stage: str, nth: int, ask: Path | None) -> Callable[[Stage], None]:
    left = nth

    def observe(reached: Stage) -> None:
        nonlocal left
        if reached == stage:
            left -= 1
            if left == 0:
                _stand_still(ask) if ask else os.kill(os.getpid(), signal.SIGKILL)

    return observe


def _stand_still(ask: Path) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(ask))
        line.recv(1)


if __name__ == "__main__":
    main()
