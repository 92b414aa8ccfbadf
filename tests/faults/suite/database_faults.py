"""A database that is full, locked, slow, read-only, restarted, or ends what it is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from fault_tools.small_volume import lacks_volumes
from faults.suite.fleet import FleetPlan
from faults.suite.rig import Rig
from faults.suite.scenario import Lack, Scenario, needs_private_database
from faults.suite.setting import Load, Pair, Setting
from session_server import SessionServer

_FAULT_S = 3.0
_LOCKED_S = 14.0
"""Longer than agents wait for an answer, more than once."""
_UNRULY = FleetPlan(agents=40, batches=300, readings=20, window=300)
"""Agents that send all they have at once, whatever they are told: 12,000 batches, three times what a queue holds."""


def _both_ready(rig: Rig) -> bool:
    return rig.workers[1].is_ready() and rig.workers[2].is_ready()


def _wait_until_away(rig: Rig) -> None:
    rig.wait(lambda: not _both_ready(rig), "a worker says that the database is away")


def _wait_until_back(rig: Rig) -> None:
    rig.wait(lambda: _both_ready(rig), "both workers are ready")


@contextmanager
def _repeatedly(act: Callable[[], None], every_s: float) -> Iterator[None]:
    """Do something again and again beside what the block does."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(every_s):
            act()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _fill_the_disk(rig: Rig) -> None:
    assert rig.database.volume is not None
    rig.database.volume.fill()
    _wait_until_away(rig)
    time.sleep(1.0)  # the length of the fault
    rig.database.volume.free()
    _wait_until_back(rig)


def _cross_the_locks(rig: Rig) -> None:
    """Lock spools downwards, while writes lock them upwards; the workers are the ones that give way."""
    before = _deadlocks(rig)
    with rig.database.connect() as connection:
        connection.execute("set deadlock_timeout = '1h'")  # so that this session never gives way
        end = time.monotonic() + 2 * _FAULT_S
        while time.monotonic() < end and _deadlocks(rig) < before + 2:
            with connection.transaction():
                for (spool,) in connection.execute("select spool_id from spools order by 1 desc").fetchall():
                    connection.execute("select from spools where spool_id = %s for update", [spool])
                    time.sleep(0.1)
    met = _deadlocks(rig) - before
    assert met, "no deadlock came about"
    rig.notes.append(f"{met} deadlocks")


def _deadlocks(rig: Rig) -> int:
    with rig.database.connect() as connection:
        connection.execute("select pg_stat_clear_snapshot()")
        row = connection.execute("select deadlocks from pg_stat_database where datname = current_database()").fetchone()
    return int(row[0]) if row else 0


def _time_out(rig: Rig) -> None:
    """Let statements take a tenth of a second, and hold them up for longer, now and then."""
    rig.database.set_for_workers("statement_timeout", "100ms")
    with _repeatedly(partial(_lock, rig, 0.4), 0.3):
        time.sleep(_FAULT_S)
    rig.database.set_for_workers("statement_timeout", "0")
    _must_have_said(rig, "statement timeout")


def _lock(rig: Rig, seconds: float) -> None:
    with rig.database.connect() as connection, connection.transaction():
        connection.execute("lock table readings_count, readings_state in access exclusive mode")
        time.sleep(seconds)


def _cancel(rig: Rig) -> None:
    sessions = "from pg_stat_activity where application_name ~ '^smartstore-ingest.*writing'"
    with _repeatedly(lambda: rig.database.execute(f"select pg_cancel_backend(pid) {sessions}"), 0.01):
        time.sleep(_FAULT_S)
    _must_have_said(rig, "user request")


def _end_sessions(rig: Rig) -> None:
    with _repeatedly(rig.database.end_sessions, 0.5):
        time.sleep(_FAULT_S)


def _must_have_said(rig: Rig, text: str) -> None:
    assert any(text in worker.log() for worker in rig.workers.values()), f"no worker met: {text}"


def _only_read(rig: Rig) -> None:
    """Turn read-only, as a server does that becomes a standby; ending it reaches new sessions alone."""
    name = rig.database.name
    rig.database.execute(f"alter database {name} set default_transaction_read_only = on")
    rig.database.end_sessions()
    _wait_until_away(rig)
    time.sleep(1.0)  # the length of the fault
    rig.database.execute(f"alter database {name} set default_transaction_read_only = off")
    _wait_until_back(rig)


def _restart(rig: Rig) -> None:
    rig.server.restart()


def _lock_for_long(rig: Rig) -> None:
    _lock(rig, _LOCKED_S)


def _be_away(rig: Rig) -> None:
    rig.server.kill()
    time.sleep(2 * _FAULT_S)  # the length of the fault
    rig.server.start()


def _be_slow(rig: Rig) -> None:
    rig.lines[Pair.INGEST_DATABASE].delay_s = 0.1
    time.sleep(2 * _FAULT_S)  # the length of the fault
    rig.lines[Pair.INGEST_DATABASE].delay_s = 0.0


def _under_flood(fault: Callable[[Rig], None], rig: Rig) -> None:
    """Let a fault last while unruly agents send far more than the queues hold."""
    fault(rig)
    rig.wait_until_settled(180.0)
    overflows = sum(rig.workers[number].metric("overflows_total") for number in (1, 2))
    rig.notes.append(f"{overflows:.0f} times a queue was full")


def _lacks_small_disk(server: SessionServer) -> Lack | None:
    reason = lacks_volumes()
    return needs_private_database(server) or (Lack(reason) if reason else None)


def _lose_more_than_spools_hold(rig: Rig) -> None:
    """Be away for so long that agents must drop readings, which they declare."""
    rig.server.kill()
    rig.wait(lambda: all(agent.has_dropped() for agent in rig.agents), "every spool is over its bound")
    rig.server.start()


_FEW_BYTES = {"max_bytes": 1024 * 1024, "compress": False, "batch_readings": 5, "seal_after_s": 0.01}

SCENARIOS = (
    Scenario("database: disk full", _fill_the_disk, Setting(small_disk=True), lacks=_lacks_small_disk),
    Scenario(
        "database: deadlock",
        _cross_the_locks,
        Setting(Load(agents=6), worker="write_after_s = 0.2"),
        lacks=needs_private_database,  # its superuser is needed to have the workers give way
    ),
    Scenario("database: statement time-out", _time_out),
    Scenario("database: statements cancelled", _cancel),
    Scenario("database: sessions ended", _end_sessions),
    Scenario("database: read-only", _only_read),
    Scenario("database: restarted", _restart, lacks=needs_private_database),
    Scenario(
        f"database: tables locked for {_LOCKED_S:.0f} s, unruly agents",
        partial(_under_flood, _lock_for_long),
        Setting(fleet=_UNRULY),
        begins=0.02,
    ),
    Scenario(
        f"database: away for {2 * _FAULT_S:.0f} s, unruly agents",
        partial(_under_flood, _be_away),
        Setting(fleet=_UNRULY),
        begins=0.02,
        lacks=needs_private_database,
    ),
    Scenario(
        "database: slower by 0.2 s a round trip, unruly agents",
        partial(_under_flood, _be_slow),
        Setting(fleet=_UNRULY, lines={Pair.INGEST_DATABASE: {}}),
        begins=0.02,
    ),
    Scenario(
        "database: away for longer than spools hold",
        _lose_more_than_spools_hold,
        Setting(Load(agents=2, readings=16_000, over_s=6.0, group=20, spool=_FEW_BYTES, scales=False)),
        begins=0.01,
        lacks=needs_private_database,
        declares=True,
    ),
)
