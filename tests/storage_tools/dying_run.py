"""A run of a scheduler's job in a process of its own that kills itself at a chosen stage; only tests start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime
from enum import StrEnum

import psycopg

from analytics.scheduler import aggregation, hearing, rollup

JOBS = {aggregation: "aggregation", rollup: "rollup", hearing: "hearing"}


def run(dsn: str, stage: aggregation.Stage | rollup.Stage | hearing.Stage, nth: int, until: datetime) -> int:
    """Aggregate up to ``until``, roll up or hear; die by SIGKILL at a stage's ``nth`` time; return the exit status."""
    job = next(name for module, name in JOBS.items() if isinstance(stage, module.Stage))
    arguments = [dsn, job, stage.value, str(nth), until.isoformat()]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, __file__, *arguments], env=environment, check=False).returncode


def main() -> None:
    dsn, job, stage, nth, until = sys.argv[1:]
    left = int(nth)

    def observe(reached: StrEnum) -> None:
        nonlocal left
        if reached.value == stage:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    with psycopg.connect(dsn, autocommit=True) as connection:
        if job == "aggregation":
            aggregation.Aggregation(connection, observe=observe).run(datetime.fromisoformat(until))
        elif job == "rollup":
            rollup.Rollup(connection, observe=observe).run()
        else:
            hearing.Hearing(connection, observe=observe).run()


if __name__ == "__main__":
    main()
