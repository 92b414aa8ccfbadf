"""Lags of agents grow while an agent is silent, whichever worker serves it and whatever its clock says."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import date
from threading import Event

import psycopg
from ingest_steps import Steps
from prometheus_client import CollectorRegistry
from sealed_batches import NOON_US, SECOND_US, SealingAgent, gauge, register

from edge.wire.series import Origin, SeriesTable
from ingest import agent_lags
from ingest.agent_lags import AgentLags, keep_known
from ingest.store.connection import Database
from ingest.store.link import Link
from ingest.store.newest_batches import newest_batches

ON = date(2026, 1, 1)


@dataclass
class Clocked:
    """Lags on a clock that is set by hand."""

    most: int = 2000
    now_us: int = NOON_US
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    lags: AgentLags = field(init=False)

    def __post_init__(self) -> None:
        self.lags = AgentLags(self.registry, self.most, lambda: self.now_us)

    def shown(self) -> dict[str, float]:
        (metric,) = (m for m in self.registry.collect() if m.name == "smartstore_ingest_agent_lag_seconds")
        return {sample.labels["agent"]: sample.value for sample in metric.samples}

    def value(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"smartstore_ingest_{name}")


def test_the_lag_of_a_silent_agent_grows() -> None:
    clocked = Clocked()
    clocked.lags.committed([("a", NOON_US - 2 * SECOND_US), ("b", NOON_US - 5 * SECOND_US)])
    assert clocked.shown() == {"a": 2, "b": 5}
    clocked.now_us += 60 * SECOND_US
    clocked.lags.committed([("a", clocked.now_us - SECOND_US)])
    assert clocked.shown() == {"a": 1, "b": 65}


def test_backlog_does_not_move_a_lag_back() -> None:
    clocked = Clocked()
    clocked.lags.committed([("a", NOON_US - 2 * SECOND_US), ("a", NOON_US - 3600 * SECOND_US)])
    clocked.lags.committed([("a", NOON_US - 7200 * SECOND_US)])
    assert clocked.shown() == {"a": 2}


def test_of_too_many_agents_those_are_shown_that_lie_back_most() -> None:
    clocked = Clocked(most=3)
    clocked.lags.committed((f"agent-{n}", NOON_US - n * SECOND_US) for n in range(10))
    assert clocked.shown() == {"agent-9": 9, "agent-8": 8, "agent-7": 7}


def test_what_the_database_knows_is_taken_in_and_who_is_withdrawn_forgotten() -> None:
    clocked = Clocked()
    assert (clocked.value("agents"), clocked.value("agents_without_batches")) == (None, None)
    clocked.lags.committed([("here", NOON_US - SECOND_US), ("withdrawn", NOON_US)])
    clocked.lags.know({"here": NOON_US - 9 * SECOND_US, "elsewhere": NOON_US - 4 * SECOND_US, "new": None})
    assert clocked.shown() == {"here": 1, "elsewhere": 4}
    assert (clocked.value("agents"), clocked.value("agents_without_batches")) == (3, 1)
    clocked.lags.committed([("new", NOON_US)])
    assert (clocked.value("agents"), clocked.value("agents_without_batches")) == (3, 0)


def commit(
    connection: Database, name: str, *sealed_us: int, approved: bool = True, origin: Origin = Origin.MEASURED
) -> None:
    """Commit one batch for each time of sealing; all are received a second after noon."""
    agent = SealingAgent(name, SeriesTable.of([gauge(f"d-{name}")]))
    steps = Steps(connection)
    payloads = [agent.seal([], sealed_us=us, origin=origin) for us in sealed_us]
    steps.take(name, agent.table_payload, *payloads)
    if not approved:
        connection.execute("update agents set approved = false where agent_id = %s", [name])


def test_the_newest_batches_of_approved_agents(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for name in ("live", "two-spools", "ahead", "withdrawn", "imported", "silent"):
            register(connection, name, [f"d-{name}"])
        connection.execute("update agents set valid_to = '2025-12-01' where agent_id = 'silent'")
        register(connection, "new", ["d-new"])
        register(connection, "not-yet", ["d-not-yet"], approved=False)
        commit(connection, "live", NOON_US - 9 * SECOND_US, NOON_US - 3 * SECOND_US)
        commit(connection, "two-spools", NOON_US - 5 * SECOND_US)
        commit(connection, "two-spools", NOON_US - 7 * SECOND_US)
        commit(connection, "ahead", NOON_US + 10**12)
        commit(connection, "withdrawn", NOON_US, approved=False)
        commit(connection, "imported", NOON_US, origin=Origin.IMPORTED)
        assert newest_batches(connection, ON) == {
            "live": NOON_US - 3 * SECOND_US,
            "two-spools": NOON_US - 5 * SECOND_US,
            "ahead": NOON_US + SECOND_US,
            "imported": None,
            "new": None,
        }


def test_the_database_is_asked_again_and_no_session_is_held(database: str) -> None:
    """Another worker's batch is known without this one's having seen it; between the questions nobody is connected."""
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["d-a"])
        commit(connection, "a", NOON_US - 4 * SECOND_US)
        clocked, stopping = Clocked(), _Paused()
        link = Link(lambda: database, "agents", stopping, lambda _: None)
        thread = threading.Thread(target=keep_known, args=[clocked.lags, link, stopping])
        thread.start()
        stopping.paused.wait(20)
        assert clocked.shown() == {"a": 4}
        count = "select count(*) from pg_stat_activity where application_name = 'smartstore-ingest agents'"
        commit(connection, "a", NOON_US - SECOND_US)
        stopping.go_on()
        assert clocked.shown() == {"a": 1}
        while connection.execute(count).fetchone() != (0,):  # the server notices a moment later
            assert not Event().wait(0.02)
        stopping.set()
        thread.join(20)
        assert not thread.is_alive()


class _Paused(Event):
    """An event of stopping whose waits last until the test says so, whatever their time-out."""

    def __init__(self) -> None:
        super().__init__()
        self.paused = Event()
        self._again = Event()

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout == agent_lags._PERIOD_S
        self._again.clear()
        self.paused.set()
        while not self._again.wait(0.05) and not self.is_set():
            pass
        return self.is_set()

    def go_on(self) -> None:
        """Let one wait end, and return when the next has begun."""
        self.paused.clear()
        self._again.set()
        assert self.paused.wait(20)
