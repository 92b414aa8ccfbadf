"""A run of a scheduler's job in a process of its own that kills itself at a chosen stage; only tests start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime
from enum import StrEnum

import psycopg

from analytics.scheduler import aggregation, alerting, hearing, rollup
from ingest import retention

KEEP_DAYS = {"count": 2, "state": 2}
Stage = aggregation.Stage | alerting.Stage | rollup.Stage | hearing.Stage | retention.Stage


def run(dsn: str, stage: Stage, nth: int, until: datetime) -> int:
    """Aggregate up to ``until``, roll up, hear, judge, or remove what is older; die by SIGKILL at its ``nth`` time.

    Returns the exit status.
    """
    arguments = [dsn, type(stage).__module__, stage.value, str(nth), until.isoformat()]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, __file__, *arguments], env=environment, check=False).returncode


def main() -> None:
    dsn, job, stage, nth, text = sys.argv[1:]
    left, until = int(nth), datetime.fromisoformat(text)

    def observe(reached: StrEnum) -> None:
        nonlocal left
        if reached.value == stage:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    with psycopg.connect(dsn, autocommit=True) as connection:
        if job == aggregation.__name__:
            aggregation.Aggregation(connection, observe=observe).run(until)
        elif job == rollup.__name__:
            rollup.Rollup(connection, observe=observe).run()
        elif job == hearing.__name__:
            hearing.Hearing(connection, observe=observe).run()
        elif job == alerting.__name__:
            alerting.Alerting(connection, observe=observe).run()
        else:
            retention.Retention(connection, KEEP_DAYS, observe=observe).run(until)


if __name__ == "__main__":
    main()
