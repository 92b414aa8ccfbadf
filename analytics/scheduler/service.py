"""The scheduler's process: stands by until it has the lead, then does the jobs until it is told to stop or loses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import psycopg

from analytics.scheduler.aggregation import Aggregation
from analytics.scheduler.alerting import Alerting
from analytics.scheduler.batch_counting import BatchCounting
from analytics.scheduler.compression import Compression
from analytics.scheduler.counters import Counters
from analytics.scheduler.hearing import Hearing
from analytics.scheduler.jobs import Job, JobThread
from analytics.scheduler.rollup import Rollup
from analytics.settings import AnalyticsSettings
from edge import event_log
from ingest.fitness import check_schema
from ingest.retention import Retention
from ingest.status_server import StatusServer
from ingest.store.connection import Database, connect, conninfo
from ingest.store.link import NotReadyError, UnfitError
from ingest.store.retention import removed_before, vouched_now
from ingest.store.scheduling import take_lead
from ingest.store.touched import touched_total
from ingest.store.watermarks import last_whole_hour, watermarks

log = event_log.get(__name__)

_LOOK_EVERY_S = 0.5
_AGAIN_AFTER_S = 2.0
_END_S = 60.0
Connect = Callable[[str], Database]
"""Makes a connection with a name."""
Work = Callable[[AnalyticsSettings, Connect, Counters], Sequence[Job]]


def jobs(configured: AnalyticsSettings, connect_as: Connect, counters: Counters) -> list[Job]:
    """Return what the scheduler does, each on a connection of its own."""
    settings = configured.scheduler
    settle_after = timedelta(seconds=settings.settle_after_s)

    def aggregate(connection: Database, stopping: Event) -> bool:
        more = Aggregation(connection, stopping).run(last_whole_hour(connection, settle_after))
        _tell(counters, connection)
        return more

    def roll_up(connection: Database, stopping: Event) -> bool:
        more = Rollup(connection, stopping).run()
        _tell(counters, connection)
        return more

    counting = BatchCounting()

    def complete(connection: Database, stopping: Event) -> bool:
        counting.run(connection, stopping)
        more = Hearing(connection, stopping).run()
        _tell(counters, connection)
        return more

    def alert(connection: Database, stopping: Event) -> bool:
        return Alerting(connection, stopping, report=counters.count_alert).run()

    def compress(connection: Database, stopping: Event) -> bool:
        with closing(connect_as("compression watch")) as watching:
            return Compression(
                connection,
                watching,
                after=timedelta(days=settings.compress_after_days),
                chunk_interval=timedelta(hours=settings.chunk_hours),
                stopping=stopping,
            ).run()

    def remove(connection: Database, stopping: Event) -> bool:
        keeper = Retention(connection, configured.retention.days, stopping, report=counters.count_removed)
        keeper.run(vouched_now(connection))
        for name, at in removed_before(connection).items():
            counters.removed_before.labels(name).set(at.timestamp())
        return False

    return [
        Job("aggregation", settings.aggregate_every_s, aggregate),
        Job("increments", settings.increments_every_s, roll_up),
        Job("completeness", settings.completeness_every_s, complete),
        Job("alerts", settings.alerts_every_s, alert),
        Job("compression", settings.compress_every_s, compress),
        Job("retention", settings.retention_every_s, remove),
    ]


def _tell(counters: Counters, connection: Database) -> None:
    marks = watermarks(connection)
    ends = {"buckets": marks.aggregated_until, "increments": marks.increments_until, "heard": marks.heard_until}
    for what, until in ends.items():
        if until is not None:
            counters.until.labels(what).set(until.timestamp())
    counters.touched.set(touched_total(connection))


class Scheduler:
    """One process. ``work`` is what it does when it leads."""

    def __init__(self, settings: AnalyticsSettings, work: Work = jobs) -> None:
        conninfo(settings.database)  # what is wrong with it is said at the start
        self._database = settings.database
        self._configured = settings
        self._settings = settings.scheduler
        self._work = work
        self._counters = Counters()
        self._stopping = Event()
        self._ended = Event()
        self._failed: str | None = None
        self._leading = False
        self._reached = False
        self._jobs: list[JobThread] = []
        self._status = StatusServer(self._settings.status_port, self._health, self._readiness, self._counters.registry)
        self._thread = Thread(target=self._guarded, name="lead", daemon=True)
        self._counters.leading.set_function(lambda: float(self._leading))

    @property
    def status_port(self) -> int:
        """The port of health, readiness and metrics."""
        return self._status.port

    def start(self) -> None:
        """Start; returns at once, ``/readyz`` says when it leads or stands by."""
        self._status.start()
        self._thread.start()
        log.info("scheduler_started", status_port=self.status_port)

    def wait(self) -> None:
        """Wait until ``request_stop`` is called or the process is of no use."""
        self._ended.wait()

    def request_stop(self) -> None:
        """Make ``wait`` return; may be called from any thread."""
        self._ended.set()

    def stop(self) -> bool:
        """End the jobs after their present transaction; return whether nothing had failed."""
        self._stopping.set()
        self._thread.join(_END_S)
        self._status.stop()
        log.info("scheduler_stopped", failed=self._failed)
        return self._failed is None

    def _guarded(self) -> None:
        try:
            while not self._stopping.is_set():
                self._stand_by()
        except UnfitError as error:
            self._fail(error)
            log.error("database_unfit", error=str(error), fix="as the error says; the scheduler ends")
        except Exception as error:
            self._fail(error)
            log.error("scheduler_failed", exc_info=True, fix="restart it; report this if it comes again")

    def _fail(self, error: Exception) -> None:
        self._failed = f"{type(error).__name__}: {error}"
        self._ended.set()

    def _stand_by(self) -> None:
        """Wait for the lead, and do the jobs while the connection stands that has it."""
        try:
            with closing(self._connect("scheduler lead")) as connection:
                check_schema(connection)
                self._reached = True
                while not self._stopping.is_set():
                    if take_lead(connection):
                        self._lead(connection)
                        return
                    self._stopping.wait(_LOOK_EVERY_S)
        except (psycopg.Error, NotReadyError, OSError) as error:
            self._reached = False
            fix = "check the server, [database] in the settings and the schema; then it goes on by itself"
            log.warning("scheduler_without_database", error=str(error).strip(), fix=fix)
            self._stopping.wait(_AGAIN_AFTER_S)

    def _lead(self, connection: Database) -> None:
        log.info("scheduler_leads")
        self._jobs = [
            JobThread(job, self._connect, self._settings.statement_timeout_s, self._counters)
            for job in self._work(self._configured, self._connect, self._counters)
        ]
        try:
            self._leading = True
            for job in self._jobs:
                job.start()
            while not self._stopping.wait(_LOOK_EVERY_S):
                connection.execute("select 1")  # fails when the session, and with it the lead, is lost
        finally:
            for job in self._jobs:
                job.request_stop()
            for job in self._jobs:
                job.join()
            self._leading = False

    def _connect(self, name: str) -> Database:
        return connect(conninfo(self._database), name)

    def _health(self) -> tuple[bool, dict[str, Any]]:
        alive = self._thread.is_alive() and all(job.alive for job in self._jobs if self._leading)
        return alive and self._failed is None, {"leading": self._leading, "failed": self._failed}

    def _readiness(self) -> tuple[bool, dict[str, Any]]:
        return self._reached, {"database": self._reached, "leading": self._leading}
