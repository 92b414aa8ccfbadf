"""A job and the thread that does it again and again: on its own connection, whatever becomes of the other jobs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from threading import Event, Thread

import psycopg

from analytics.scheduler.counters import Counters
from edge import event_log
from ingest.store.connection import Database
from ingest.store.scheduling import bound_job, take_job

log = event_log.get(__name__)

_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Job:
    """What is done every ``every_s``; ``work`` returns whether there is more to do, and is then run again at once."""

    name: str
    every_s: float
    work: Callable[[Database, Event], bool]


class JobThread:
    """Does one job until it is stopped, between two transactions; an error is logged, and the job tried again later."""

    def __init__(
        self,
        job: Job,
        connect: Callable[[str], Database],
        statement_timeout_s: float,
        counters: Counters,
        random: Random | None = None,
    ) -> None:
        self._job = job
        self._connect = connect
        self._statement_timeout_s = statement_timeout_s
        self._counters = counters
        self._random = random or Random()  # noqa: S311 - spreads attempts, guards nothing
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=f"job {job.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def request_stop(self) -> None:
        """Have the thread end after its present transaction."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        connection: Database | None = None
        failures = 0
        while not self._stopping.is_set():
            try:
                connection = connection or self._session()
                more = connection is not None and self._run_once(connection)
            except Exception as error:
                failures += 1
                self._report(error, failures)
                if connection is not None:
                    connection.close()
                    connection = None
                wait_s = self._random.uniform(0.5, 1) * min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**failures)
            else:
                failures = 0 if connection is not None else failures
                wait_s = _FIRST_WAIT_S if connection is None else 0.0 if more else self._job.every_s
            self._stopping.wait(wait_s)
        if connection is not None:
            connection.close()

    def _session(self) -> Database | None:
        """Return a connection that has the job to itself, None while the session of a dead scheduler still has it."""
        connection = self._connect(self._job.name)
        try:
            bound_job(connection, self._statement_timeout_s)
            if take_job(connection, self._job.name):
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
        return None

    def _run_once(self, connection: Database) -> bool:
        started_s = time.monotonic()
        more = self._job.work(connection, self._stopping)
        self._counters.run_s.labels(self._job.name).observe(time.monotonic() - started_s)
        self._counters.runs.labels(self._job.name, "good").inc()
        self._counters.last_good.labels(self._job.name).set_to_current_time()
        return more

    def _report(self, error: Exception, failures: int) -> None:
        if self._stopping.is_set():
            return  # a statement was cancelled, or the server went away, while the process ends
        self._counters.runs.labels(self._job.name, "failed").inc()
        from_database = isinstance(error, psycopg.Error)
        log.error(
            "job_failed",
            exc_info=not from_database,
            job=self._job.name,
            error=str(error).strip() or type(error).__name__,
            failures=failures,
            fix="it is tried again by itself; check the server and [database]"
            if from_database
            else "it is tried again by itself; report this if it comes again",
        )
