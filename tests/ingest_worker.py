"""An ingest worker in a process of its own that kills itself at a chosen stage of a write; only tests start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from edge import event_log
from ingest.service import Service
from ingest.settings import load
from ingest.writer import Stage


def start(config: Path, stage: Stage | None = None, nth: int = 1) -> subprocess.Popen[bytes]:
    """Start a worker that dies by SIGKILL when it comes to ``stage`` for the ``nth`` time."""
    arguments = [str(config), stage or "never", str(nth)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, __file__, *arguments], env=environment, stderr=subprocess.DEVNULL)


def main() -> None:
    config, stage, nth = sys.argv[1:]
    left = int(nth)

    def observe(reached: Stage) -> None:
        nonlocal left
        if reached == stage:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    event_log.configure()
    service = Service(load(Path(config)), observe)
    signal.signal(signal.SIGTERM, lambda *_: service.request_stop())
    service.start()
    service.wait()
    sys.exit(0 if service.stop() else 1)


if __name__ == "__main__":
    main()
