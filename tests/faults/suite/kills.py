"""``kill -9`` of each process at each step of receive, write, commit and acknowledge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import partial

from faults.suite.rig import Rig
from faults.suite.scenario import Scenario, needs_private_database

from ingest.writer import Stage

STEPS = {
    Stage.RECEIVED: "receive: messages taken, nothing written",
    Stage.BEFORE_COMMIT: "write: all rows written, COMMIT not sent",
    Stage.AFTER_COMMIT: "commit: committed, nothing acknowledged",
    Stage.AFTER_RECEIPTS: "acknowledge: to the broker, not to agents",
    Stage.AFTER_ANSWERS: "acknowledge: to agents too",
}
LATEST = 4
"""A kill comes at the first to this-th time that its step is reached, by the seed."""


class Victim(StrEnum):
    """Who is killed."""

    FIRST_WORKER = "ingest worker 1"
    SECOND_WORKER = "ingest worker 2"
    BROKER = "broker"
    DATABASE = "database"


_WORKERS = {Victim.FIRST_WORKER: 1, Victim.SECOND_WORKER: 2}


def _nth(rig: Rig) -> int:
    return rig.random.randint(1, LATEST)


def _start_mortal(victim: Victim, stage: Stage, rig: Rig) -> None:
    """Start both workers, one of which kills itself at a stage."""
    mortal = _WORKERS[victim]
    rig.workers[mortal].start(stage, _nth(rig))
    rig.workers[3 - mortal].start()
    rig.wait_until_ready(1, 2)


def _restart(victim: Victim, rig: Rig) -> None:
    """Wait until the worker has died, and start it again."""
    number = _WORKERS[victim]
    rig.wait(lambda: rig.workers[number].killed_itself, f"worker {number} kills itself")
    rig.start_workers(number)


def _start_halting(kill: Callable[[Rig], object], stage: Stage, rig: Rig) -> None:
    """Start both workers; the first stands still at a stage until something else is killed."""
    rig.workers[1].start(stage, _nth(rig), ask=rig.halt(partial(kill, rig)))
    rig.workers[2].start()
    rig.wait_until_ready(1, 2)


def _after(start: Callable[[Rig], object], rig: Rig) -> None:
    """Wait until it is killed, and start it again."""
    assert rig.halted is not None
    assert rig.halted.done.wait(60), "the step was not reached"
    start(rig)


def _kill_broker(rig: Rig) -> None:
    rig.broker.kill()


def _start_broker(rig: Rig) -> None:
    rig.broker.start()


def _kill_database(rig: Rig) -> None:
    rig.server.kill()


def _start_database(rig: Rig) -> None:
    rig.server.start()


def _scenarios() -> Iterator[Scenario]:
    for stage, step in STEPS.items():
        for victim in _WORKERS:
            yield Scenario(
                f"kill -9 of {victim} at {step}",
                partial(_restart, victim),
                begins=0.0,
                start=partial(_start_mortal, victim, stage),
            )
        yield Scenario(
            f"kill -9 of {Victim.BROKER} at {step}",
            partial(_after, _start_broker),
            begins=0.0,
            start=partial(_start_halting, _kill_broker, stage),
        )
        yield Scenario(
            f"kill -9 of {Victim.DATABASE} at {step}",
            partial(_after, _start_database),
            begins=0.0,
            start=partial(_start_halting, _kill_database, stage),
            lacks=needs_private_database,
        )


SCENARIOS = tuple(_scenarios())
