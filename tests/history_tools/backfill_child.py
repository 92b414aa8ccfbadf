"""A backfill in a process of its own that kills itself at a chosen stage of a write; only tests start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from ingest.history.backfill import Backfill, Limits
from ingest.history.opening import open_history
from ingest.store.connection import connect
from ingest.writer import Stage


def run(dsn: str, path: Path, described: Path, agent: str, *, stage: Stage, nth: int) -> int:
    """Run a backfill that dies by SIGKILL when it comes to ``stage`` for the ``nth`` time; return its exit code."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [dsn, str(path), str(described), agent, stage, str(nth)]
    return subprocess.run([sys.executable, __file__, *arguments], env=environment, check=False).returncode


def main() -> None:
    dsn, path, described, agent, stage, nth = sys.argv[1:]
    left = int(nth)

    def observe(reached: Stage) -> None:
        nonlocal left
        if reached == stage:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    with connect(dsn, "test") as writing, connect(dsn, "test") as looking:
        Backfill(
            writing, looking, open_history(Path(path), Path(described), agent), observe, limits=Limits(write_bytes=1)
        ).run()


if __name__ == "__main__":
    main()
