"""A run that keeps results, in a process of its own that kills itself at a chosen stage; only tests start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime

import psycopg

from analytics.api.database import read_only
from analytics.keeping import Keeping, Stage


def run(dsn: str, store: str, days: tuple[date, date], stage: Stage, nth: int) -> int:
    """Keep the results of a store, and die by SIGKILL at the ``nth`` time of a stage; return the exit status."""
    arguments = [dsn, store, *(day.isoformat() for day in days), stage.value, str(nth)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, __file__, *arguments], env=environment, check=False).returncode


def main() -> None:
    dsn, store, first, end, stage, nth = sys.argv[1:]
    left = int(nth)

    def observe(reached: Stage) -> None:
        nonlocal left
        left -= reached.value == stage
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    with psycopg.connect(dsn) as reading, psycopg.connect(dsn, autocommit=True) as writing:
        read_only(reading, 60)
        keeping = Keeping(reading, writing, observe=observe)
        list(keeping.run(store, date.fromisoformat(first), date.fromisoformat(end), datetime.now(UTC)))


if __name__ == "__main__":
    main()
