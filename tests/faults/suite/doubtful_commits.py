"""A COMMIT that the database has done and whose answer never comes: the worker cannot know, and writes again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from faults.suite.kills import LATEST
from faults.suite.rig import Rig
from faults.suite.scenario import Lack, Scenario, needs_private_database
from faults.suite.setting import Pair, Setting
from session_server import SessionServer

from ingest.store.connection import application_name
from ingest.writer import Stage

_WRITING = "worker-1 writing"
"""Its link's name begins so, in its log and in the server's views."""
_STEP = "commit: COMMIT sent, its answer lost"


def _start_doubtful(rig: Rig) -> None:
    """Start both workers; before a COMMIT of the first, the line stops to bring it any answer."""
    line = rig.lines[Pair.INGEST_DATABASE]
    rig.workers[1].start(Stage.BEFORE_COMMIT, rig.random.randint(1, LATEST), ask=rig.halt(line.hold_answers))
    rig.workers[2].start()
    rig.wait_until_ready(1, 2)


def _has_committed(rig: Rig) -> bool:
    """Tell whether the first worker's session is through with its COMMIT."""
    with rig.database.connect() as connection:
        rows = connection.execute(
            "select state, query from pg_stat_activity where datname = current_database() and application_name ~ %s",
            ["^" + application_name(_WRITING)],
        ).fetchall()
    assert len(rows) == 1, f"one session is the first worker's that writes, not {rows}"
    state, query = rows[0]
    return bool(state == "idle" and query.upper() == "COMMIT")


def _end_in_doubt(end: Callable[[Rig], None], rig: Rig) -> None:
    """Wait until the COMMIT is done and unanswered, and end what would bring the answer."""
    assert rig.halted is not None
    assert rig.halted.done.wait(60), "the step was not reached"
    rig.wait(lambda: _has_committed(rig), "the COMMIT is done")
    end(rig)


def _lose_the_answer(rig: Rig) -> None:
    line = rig.lines[Pair.INGEST_DATABASE]
    line.cut()  # first: what is held would be delivered
    line.restore()


def _wait_until_missed(rig: Rig) -> None:
    rig.wait(lambda: _WRITING in rig.workers[1].log(), "the worker misses the answer")


def _cut_the_line(rig: Rig) -> None:
    _lose_the_answer(rig)
    _wait_until_missed(rig)


def _kill_the_database(rig: Rig) -> None:
    rig.server.kill()
    _lose_the_answer(rig)
    _wait_until_missed(rig)
    rig.server.start()


def _kill_the_worker(rig: Rig) -> None:
    rig.workers[1].kill()
    _lose_the_answer(rig)
    rig.start_workers(1)


def _scenario(
    name: str, end: Callable[[Rig], None], lacks: Callable[[SessionServer], Lack | None] = lambda _: None
) -> Scenario:
    return Scenario(
        f"{name} at {_STEP}",
        partial(_end_in_doubt, end),
        Setting(lines={Pair.INGEST_DATABASE: {}}, only_worker=1, worker="writers = 1"),  # one session is looked at
        begins=0.0,
        start=_start_doubtful,
        lacks=lacks,
    )


SCENARIOS = (
    _scenario("line ingest-database cut", _cut_the_line),
    _scenario("kill -9 of ingest worker 1", _kill_the_worker),
    _scenario("kill -9 of database", _kill_the_database, needs_private_database),
)
