"""One scheduler works, another stands by and takes over; a job that fails disturbs no other; it stops in order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import psycopg
import pytest
from ingest_steps import Steps
from sealed_batches import SealingAgent, counter_series, gauge, register
from session_server import SessionServer
from standalone.free_port import free_port

from analytics import cli
from analytics.scheduler.jobs import Job
from analytics.scheduler.service import Scheduler
from analytics.settings import AnalyticsSettings, load
from edge.wire.series import SeriesTable
from ingest.migrate import migrate
from ingest.store.connection import Database

START_US = 1_735_689_600_000_000  # 2025-01-01T00:00:00Z: old, by the clock of any machine that runs this
QUICKLY = "".join(f"{job}_every_s = 0.2\n" for job in ("aggregate", "increments", "completeness", "compress"))


def until(true: Callable[[], object]) -> None:
    end_s = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def ask(port: int, path: str) -> tuple[int, str]:
    """Return status and body, status 0 while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def leads(port: int) -> bool:
    status, body = ask(port, "/readyz")
    return status == 200 and json.loads(body)["leading"]


def config(folder: Path, database: str, more: str = QUICKLY) -> tuple[Path, int]:
    port = free_port()
    path = folder / f"scheduler-{port}.toml"
    path.write_text(f'[database]\nurl = "{database}"\n[scheduler]\nstatus_port = {port}\n{more}')
    return path, port


@contextmanager
def process(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(Path(sys.executable).parent / "smartstore"), "scheduler", "--config", str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.kill()
        child.wait(30)


@contextmanager
def running(settings: AnalyticsSettings, jobs: list[Job]) -> Iterator[Scheduler]:
    scheduler = Scheduler(settings, lambda *_: jobs)
    scheduler.start()
    try:
        yield scheduler
    finally:
        assert scheduler.stop()


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["m1", "m2"])
        yield Steps(connection)


def write_day(steps: Steps) -> SealingAgent:
    agent = SealingAgent("a", SeriesTable.of([gauge("m1"), counter_series("m2")]))
    rows = [(n, minute * 60_000_000, float(minute)) for minute in range(1440) for n in range(2)]
    steps.take("a", agent.table_payload, agent.seal(rows, base_us=START_US))
    return agent


def computed(steps: Steps) -> tuple[int, int, int]:
    """Return readings in hours, quarter-hours with increments, and hours that are touched or due."""
    ((hours, increments, lacking),) = steps.rows(
        """select (select coalesce(sum(n), 0) from buckets_60m_state), (select count(*) from increments_15m),
                  (select count(*) from arrivals where touched is not null) + (select count(*) from increments_due)"""
    )
    return int(hours), increments, lacking


@pytest.mark.fault
def test_the_second_takes_over_when_the_first_is_killed(steps: Steps, database: str, tmp_path: Path) -> None:
    agent = write_day(steps)
    (one, one_port), (other, other_port) = config(tmp_path, database), config(tmp_path, database)
    with process(one) as first:
        until(lambda: leads(one_port))
        until(lambda: computed(steps) == (1440, 96, 0))
        with process(other) as second:
            until(lambda: ask(other_port, "/readyz")[0] == 200)
            assert not leads(other_port)
            assert ask(other_port, "/healthz")[0] == 200
            first.kill()
            first.wait(30)
            until(lambda: leads(other_port))
            steps.take("a", agent.seal([(0, 1, 5.0), (1, 1, 0.0)], base_us=START_US))
            until(lambda: computed(steps) == (1441, 96, 0))
            second.send_signal(signal.SIGTERM)
            assert second.wait(60) == 0


def test_the_jobs_are_done_and_told_of(steps: Steps, database: str, tmp_path: Path) -> None:
    write_day(steps)
    path, port = config(tmp_path, database)
    scheduler = Scheduler(load(path))
    scheduler.start()
    try:
        until(lambda: computed(steps) == (1440, 96, 0))
        until(lambda: metric(port, 'smartstore_scheduler_runs_total{end="good",job="compression"}') >= 1)
        until(lambda: metric(port, 'smartstore_scheduler_computed_until_timestamp_seconds{what="increments"}') > 0)
        until(lambda: metric(port, 'smartstore_scheduler_computed_until_timestamp_seconds{what="heard"}') > 0)
        assert metric(port, "smartstore_scheduler_leading") == 1
        assert metric(port, "smartstore_scheduler_touched_hours") == 0
        assert ask(port, "/healthz")[0] == 200
    finally:
        assert scheduler.stop()
    assert ask(port, "/healthz")[0] == 0


def test_what_is_older_than_it_is_kept_goes_once_it_is_computed(steps: Steps, database: str, tmp_path: Path) -> None:
    """The batch is sealed a year after its readings: states are kept for 184 days here, counts for ever."""
    write_day(steps)
    path, port = config(tmp_path, database, f"{QUICKLY}retention_every_s = 0.2\n[retention]\nstate_days = 184\n")
    scheduler = Scheduler(load(path))
    scheduler.start()
    removed = 'smartstore_scheduler_removed_readings_total{retention_class="state"}'
    try:
        until(lambda: metric(port, removed) == 1440)
        assert steps.rows("select (select count(*) from readings_state), (select count(*) from readings_count)") == [
            (0, 1440)
        ]
        until(lambda: metric(port, 'smartstore_scheduler_runs_total{end="good",job="retention"}') >= 1)
        assert computed(steps) == (1440, 96, 0)
        before = 'smartstore_scheduler_removed_before_timestamp_seconds{retention_class="state"}'
        until(lambda: metric(port, before) * 1e6 >= START_US + 1440 * 60_000_000)
    finally:
        assert scheduler.stop()
    assert computed(steps) == (1440, 96, 0)


def metric(port: int, name: str) -> float:
    lines = ask(port, "/metrics")[1].splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name), -1.0)


def settings_for(database: str, tmp_path: Path) -> tuple[AnalyticsSettings, int]:
    path, port = config(tmp_path, database)
    return load(path), port


def test_a_job_that_fails_disturbs_no_other(database: str, tmp_path: Path) -> None:
    done = {"fails": 0, "works": 0}

    def fail(connection: Database, stopping: Event) -> bool:
        done["fails"] += 1
        raise ValueError(done["fails"])

    def break_the_session(connection: Database, stopping: Event) -> bool:
        connection.execute("select pg_terminate_backend(pg_backend_pid())")
        return False

    def work(connection: Database, stopping: Event) -> bool:
        connection.execute("select 1")
        done["works"] += 1
        return False

    settings, port = settings_for(database, tmp_path)
    with running(
        settings, [Job("fails", 0.05, fail), Job("breaks", 0.05, break_the_session), Job("works", 0.05, work)]
    ):
        until(lambda: done["works"] > 20 and done["fails"] > 1)
        assert metric(port, 'smartstore_scheduler_runs_total{end="failed",job="fails"}') >= 1
        until(lambda: metric(port, 'smartstore_scheduler_runs_total{end="failed",job="breaks"}') >= 1)
        assert ask(port, "/healthz")[0] == 200
        assert done["fails"] < done["works"]  # it waits longer each time


def test_a_job_with_more_to_do_does_not_wait(database: str, tmp_path: Path) -> None:
    left = list(range(5))

    def work(connection: Database, stopping: Event) -> bool:
        if left:
            left.pop()
        return bool(left)

    settings, _ = settings_for(database, tmp_path)
    with running(settings, [Job("works", 3600, work)]):
        until(lambda: not left)


def test_a_job_is_done_by_one_session(database: str, tmp_path: Path) -> None:
    """The session of a scheduler that died may still be at work: the job waits for it."""
    settings, _ = settings_for(database, tmp_path)
    done = Event()

    def work(connection: Database, stopping: Event) -> bool:
        done.set()
        return False

    with psycopg.connect(database, autocommit=True) as orphan:
        orphan.execute("select pg_advisory_lock(%s::integer, hashtext('works'))", [0x6A6F6273])
        with running(settings, [Job("works", 0.05, work)]):
            assert not done.wait(2)
            orphan.execute("select pg_advisory_unlock_all()")
            assert done.wait(60)


def test_stopping_ends_a_job_between_its_transactions(database: str, tmp_path: Path) -> None:
    began = Event()

    def work(connection: Database, stopping: Event) -> bool:
        began.set()
        return not stopping.wait(60)

    settings, port = settings_for(database, tmp_path)
    with running(settings, [Job("works", 0.05, work)]):
        assert began.wait(60)
    assert ask(port, "/healthz")[0] == 0


def test_the_database_comes_and_goes(database: str, database_server: SessionServer, tmp_path: Path) -> None:
    done = threading.Semaphore(0)

    def work(connection: Database, stopping: Event) -> bool:
        done.release()
        return False

    settings, port = settings_for(database, tmp_path)
    with running(settings, [Job("works", 0.05, work)]):
        assert done.acquire(timeout=60)
        database_server.kill()
        until(lambda: ask(port, "/readyz")[0] == 503)
        assert ask(port, "/healthz")[0] == 200
        database_server.start()
        until(lambda: leads(port))
        while done.acquire(blocking=False):
            pass
        assert done.acquire(timeout=60)


def test_a_database_without_a_schema_is_waited_for(empty_database: str, tmp_path: Path) -> None:
    done = Event()

    def work(connection: Database, stopping: Event) -> bool:
        done.set()
        return False

    settings, port = settings_for(empty_database, tmp_path)
    with running(settings, [Job("works", 0.05, work)]):
        until(lambda: ask(port, "/readyz")[0] == 503)
        assert not done.is_set()
        migrate(empty_database)
        assert done.wait(60)


def test_a_newer_schema_ends_the_process(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("insert into schema_migrations (number, name, sha256) values (999, '0999_later.sql', '')")
    path, _ = config(tmp_path, database)
    with process(path) as child:
        assert child.wait(60) == 1


@pytest.mark.parametrize(
    "key",
    ["aggregate_every_s = 0", "settle_after_s = -1", "chunk_hours = 0", "retention_every_s = 0", "unheard_of = 1"],
)
def test_wrong_settings_name_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str) -> None:
    path, _ = config(tmp_path, "postgresql://x@127.0.0.1/x", f"{key}\n")
    assert cli.main(["scheduler", "--config", str(path)]) == 1
    assert f"scheduler.{key.partition(' ')[0]}" in capsys.readouterr().err
