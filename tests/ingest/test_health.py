"""A supervisor is told to restart a worker where that helps, and only there; the clock is set by hand."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from threading import Event
from typing import Any

import psycopg
import pytest
from resending_agent import ResendingAgent
from sealed_batches import SealingAgent, gauge, register
from session_server import SessionServer
from standalone.broker import PrivateBroker
from worker_settings import worker_settings

from edge.wire.series import SeriesTable
from edge.wire.topics import Subject
from ingest import service as service_module
from ingest.progress import STANDS_STILL_AFTER_S, Doing, Watchdog
from ingest.service import Service
from ingest.settings import IngestSettings
from ingest.writer import Stage

TABLE = SeriesTable.of([gauge("d1")])


class Held:
    """An observer that holds up the thread that comes to one stage, until it is let go."""

    def __init__(self) -> None:
        self.stage: Stage | None = None
        self.reached = Event()
        self.let_go = Event()

    def __call__(self, stage: Stage) -> None:
        if stage is self.stage:
            self.reached.set()
            assert self.let_go.wait(60)


class Watched:
    """A worker whose watchdog's clock is set by hand."""

    def __init__(self, settings: IngestSettings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 0.0
        self.held = Held()
        monkeypatch.setattr(service_module, "Watchdog", partial(Watchdog, monotonic_s=lambda: self.now_s))
        self.service = Service(settings, self.held)
        self.service.start()

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.service.status_port}{path}", timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def until(self, path: str, status: int) -> Any:
        """Ask until the answer has this status; return its particulars."""
        for _ in range(1000):
            found, particulars = self.get(path)
            if found == status:
                return particulars
            Event().wait(0.02)
        pytest.fail(f"{path} answers {found}: {particulars}")

    def wait_until_prepared(self) -> None:
        """Wait until the agent's table and batch are with the writer: only that one is in the midst of work."""
        service = self.service
        while not (
            service._counters.deliveries[Subject.BATCH]._value.get() >= 2
            and service._inbox.depth() == (0, 0)
            and service._pulse.doing is Doing.IDLE
        ):
            assert not Event().wait(0.02)

    def after_the_bound(self) -> tuple[int, Any]:
        """Return the health once the bound has passed since a first look."""
        self.get("/healthz")
        self.now_s += STANDS_STILL_AFTER_S
        return self.get("/healthz")


@pytest.fixture
def settings(database: str, broker: PrivateBroker) -> IngestSettings:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["d1"])
    return worker_settings(database, broker, writers=1, queue_batches=40)


@pytest.fixture
def worker(settings: IngestSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    worker = Watched(settings, monkeypatch)
    worker.until("/readyz", 200)
    yield worker
    worker.held.let_go.set()
    worker.service.stop()


@pytest.fixture
def agent(broker: PrivateBroker) -> Iterator[ResendingAgent]:
    agent = ResendingAgent(SealingAgent("a", TABLE), broker)
    yield agent
    agent.close()


@pytest.mark.parametrize(
    ("stage", "thread"),
    [
        (Stage.RECEIVED, "preparation"),
        (Stage.BEFORE_WRITE, "writing-1"),
        (Stage.BEFORE_COMMIT, "writing-1"),
        (Stage.AFTER_COMMIT, "writing-1"),
        (Stage.AFTER_ANSWERS, "writing-1"),
    ],
)
def test_a_stuck_thread_is_a_reason_to_restart(
    worker: Watched, agent: ResendingAgent, stage: Stage, thread: str
) -> None:
    worker.held.stage = stage
    agent.send([agent.agent.seal([(0, 0, 1.0)])])
    assert worker.held.reached.wait(20)
    if thread != "preparation":
        worker.wait_until_prepared()
    assert worker.get("/healthz")[0] == 200
    status, particulars = worker.after_the_bound()
    assert status == 503
    assert particulars["wrong"] == [f"thread {thread} has been stuck for {STANDS_STILL_AFTER_S:.0f} s"]
    assert set(particulars["standing_still"]) == {thread}
    assert "start the worker anew" in particulars["fix"]
    ready, because = worker.get("/readyz")
    assert ready == 503
    assert because["wrong"] == [f"thread {thread} has made no progress for 120 s although work waits"]
    worker.held.let_go.set()
    agent.wait_until_settled()
    worker.until("/healthz", 200)


def test_an_idle_worker_is_well_however_long_it_is_idle(worker: Watched, agent: ResendingAgent) -> None:
    agent.send([agent.agent.seal([(0, 0, 1.0)])])
    agent.wait_until_settled()
    for _ in range(3):
        worker.now_s += 10 * STANDS_STILL_AFTER_S
        assert worker.get("/healthz")[0] == worker.get("/readyz")[0] == 200


def test_a_write_that_the_database_is_long_at_is_no_reason(
    worker: Watched, database: str, agent: ResendingAgent
) -> None:
    """To start the worker anew would have the write done again; but it takes no batches meanwhile, and says so."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table slowness as select true as slow")
        connection.execute("grant select on slowness to public")
        connection.execute(
            """create function slowly() returns trigger language plpgsql as $$ begin
               if (select slow from slowness) then perform pg_sleep(600); end if; return new; end $$"""
        )
        connection.execute("create trigger slowly before insert on ledger for each row execute function slowly()")
        agent.send([agent.agent.seal([(0, 0, 1.0)])])
        sleeping = "select pid from pg_stat_activity where wait_event = 'PgSleep' and application_name ~ 'writing-1$'"
        while (row := connection.execute(sleeping).fetchone()) is None:
            assert not Event().wait(0.02)
        worker.wait_until_prepared()
        status, particulars = worker.after_the_bound()
        assert status == 200
        assert particulars["wrong"] == []
        assert particulars["standing_still"]["writing-1"]["why"] == "the database is at work for it"
        assert worker.get("/readyz")[0] == 503
        connection.execute("update slowness set slow = false")
        connection.execute("select pg_cancel_backend(%s)", row)
    agent.wait_until_settled()
    worker.until("/readyz", 200)


@pytest.mark.fault
def test_a_database_that_is_away_is_no_reason(
    worker: Watched, database_server: SessionServer, agent: ResendingAgent
) -> None:
    database_server.kill()
    agent.send([agent.agent.seal([(0, 0, 1.0)])])
    because = worker.until("/readyz", 503)
    assert because["database"] is False
    assert because["wrong"][0].startswith("the database has been away for")
    status, particulars = worker.after_the_bound()
    assert (status, particulars["wrong"], particulars["standing_still"]) == (200, [], {})
    database_server.start()
    agent.wait_until_settled()
    worker.until("/readyz", 200)


@pytest.mark.fault
def test_a_stuck_thread_while_the_database_does_not_answer_is_no_reason_yet(
    worker: Watched, database_server: SessionServer, agent: ResendingAgent
) -> None:
    worker.held.stage = Stage.BEFORE_WRITE
    agent.send([agent.agent.seal([(0, 0, 1.0)])])
    assert worker.held.reached.wait(20)
    worker.wait_until_prepared()
    database_server.kill()
    status, particulars = worker.after_the_bound()
    assert status == 200
    assert particulars["standing_still"]["writing-1"]["why"] == "the database does not answer"
    database_server.start()
    assert worker.get("/healthz")[0] == 503


@pytest.mark.fault
def test_a_broker_that_is_away_is_no_reason(worker: Watched, broker: PrivateBroker) -> None:
    broker.kill()
    because = worker.until("/readyz", 503)
    assert because["broker"] is False
    assert "broker is away" in because["wrong"][0]
    assert worker.get("/healthz")[0] == 200
    broker.start()
    worker.until("/readyz", 200)


def test_a_thread_that_failed_is_a_reason(worker: Watched, agent: ResendingAgent) -> None:
    def fail(_: Stage) -> None:
        msg = "as the test wants"
        raise RuntimeError(msg)

    worker.service._observe = fail
    agent.send([agent.agent.seal([(0, 0, 1.0)])])
    particulars = worker.until("/healthz", 503)
    assert particulars["failed"] == "RuntimeError: as the test wants"
    while "thread preparation has ended" not in worker.get("/healthz")[1]["wrong"]:
        assert not Event().wait(0.02)


def test_the_end_of_a_library_s_thread_ends_the_worker(
    worker: Watched, agent: ResendingAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its MQTT client's thread the worker would be deaf and not know it."""
    monkeypatch.setattr(threading, "excepthook", worker.service.fail_after)
    connection = worker.service._session._connection
    assert connection is not None
    monkeypatch.setattr(connection.client, "on_plain", lambda *_: 1 / 0)
    agent.send([agent.agent.seal([(0, 0, 1.0)])])
    worker.service.wait()
    particulars = worker.until("/healthz", 503)
    assert "failed: ZeroDivisionError: division by zero" in particulars["wrong"]
    assert not worker.service.stop()
    connection.client._reset_sockets()  # its thread would have done so
