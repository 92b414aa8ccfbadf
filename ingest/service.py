"""The ingest worker: threads in a row (session, preparation, writing), their start, end and health.

The session's thread receives; one thread prepares the next write while others commit, each on its own connection, so
that the database copies one write while it makes another durable. Between them are bounded queues, so that a database
that is away costs a bounded amount of memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Event, Thread, current_thread
from typing import Any
from zlib import crc32

from edge import event_log
from ingest.admission import Admission
from ingest.catalogue import Catalogue
from ingest.configurations import ConfigurationPublisher
from ingest.counters import Counters
from ingest.delivery import Delivery, Inbox
from ingest.gate import Gate
from ingest.handover import Handover
from ingest.preparation import Preparation
from ingest.session import Session
from ingest.settings import IngestSettings
from ingest.status_server import StatusServer
from ingest.store.connection import conninfo, edition
from ingest.store.link import GivenUpError, Link
from ingest.writer import Stage, Writer

log = event_log.get(__name__)

_DRAIN_S = 20.0
_PART = 64
"""Most messages prepared at once: parts are joined to writes, see ``handover``."""


class Service:
    """One worker. ``observe`` is told of the stages of each write, before the next thing happens."""

    def __init__(self, settings: IngestSettings, observe: Callable[[Stage], None] = lambda _: None) -> None:
        worker = settings.ingest
        self._settings = worker
        self._ended = Event()
        self._stopping = Event()
        self._failed: str | None = None
        self._away: set[str] = set()
        self._gate = Gate()
        self._counters = Counters()
        self._inbox = Inbox(worker.queue_batches, worker.queue_bytes)
        self._dsn = conninfo(settings.database)
        self._preparing = self._link("preparation")
        self._preparation = Preparation(Catalogue(), Admission())
        self._session = Session(settings.broker, worker, self._inbox, self._gate, self._counters)
        self._handovers = [Handover(worker.write_batches) for _ in range(worker.writers)]
        self._observe = observe
        quietly = Link(self._dsn, f"{worker.worker} configurations", self._stopping, lambda _: None)
        self._configurations = ConfigurationPublisher(quietly, self._session, self._stopping)
        self._session.when_connected = self._configurations.begin_anew
        self._status = StatusServer(worker.status_port, self._health, self._readiness, self._counters.registry)
        self._threads = [
            Thread(target=self._guarded, args=[main], name=name, daemon=True)
            for name, main in (
                ("session", self._session.run),
                ("preparation", self._prepare_until_closed),
                *(
                    (f"writing-{n}", partial(self._write_until_closed, handover))
                    for n, handover in enumerate(self._handovers, start=1)
                ),
                ("configurations", self._configurations.run),
            )
        ]
        self._watch_levels()

    @property
    def status_port(self) -> int:
        """The port of health, readiness and metrics."""
        return self._status.port

    def start(self) -> None:
        """Start the worker; returns at once, ``/readyz`` says when it takes batches."""
        self._status.start()
        for thread in self._threads:
            thread.start()
        log.info("ingest_started", worker=self._settings.worker, status_port=self.status_port)

    def wait(self) -> None:
        """Wait until ``request_stop`` is called or a thread fails."""
        self._ended.wait()

    def request_stop(self) -> None:
        """Make ``wait`` return; may be called from a signal handler."""
        self._ended.set()

    def stop(self) -> bool:
        """Take no more batches, write and acknowledge those at hand, and end; return whether nothing had failed."""
        self._gate.hold("stopping", "the worker is stopping")
        self._session.leave()
        self._stopping.set()  # from now on, work that the database does not take is given up
        self._inbox.close()
        for thread in self._threads[1:]:
            thread.join(_DRAIN_S)
        self._session.stop()
        self._threads[0].join(_DRAIN_S)
        self._status.stop()
        log.info("ingest_stopped", worker=self._settings.worker, failed=self._failed)
        return self._failed is None

    def _guarded(self, main: Callable[[], None]) -> None:
        """Run a thread's main function; a failure ends the worker, so that its supervisor starts it anew."""
        try:
            main()
        except Exception as error:
            self._failed = f"{type(error).__name__}: {error}"
            self._stopping.set()
            self._ended.set()
            log.error("thread_failed", exc_info=True, fix="restart the worker; report this if it comes again")

    def _prepare_until_closed(self) -> None:
        try:
            self._preparing.run(lambda connection: log.info("database_found", edition=edition(connection)))
            while deliveries := self._inbox.take(min(_PART, self._settings.write_batches)):
                for handover, own in zip(self._handovers, self._shared_out(deliveries), strict=True):
                    for part in self._preparing.run(partial(self._preparation.prepare, deliveries=own)) if own else ():
                        handover.put(part)
        except GivenUpError as given_up:
            log.warning("preparation_given_up", error=str(given_up), fix="none: agents send again")
        finally:
            self._close_handovers()
            self._preparing.close()

    def _shared_out(self, deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
        """Give each writer the deliveries of its agents: one spool is never in two writes at once.

        So a spool's entries are numbered in the order of their commit, which its head is chained in.
        """
        shares: list[list[Delivery]] = [[] for _ in self._handovers]
        for delivery in deliveries:
            shares[crc32(delivery.agent.encode()) % len(shares)].append(delivery)
        return shares

    def _close_handovers(self) -> None:
        for handover in self._handovers:
            handover.close()

    def _write_until_closed(self, handover: Handover) -> None:
        link = self._link(current_thread().name)
        writer = Writer(link, self._session, self._counters, self._stopping, self._observe)
        try:
            while writes := handover.take(self._settings.write_after_s):
                for prepared in writes:
                    writer.handle(prepared)
        except GivenUpError as given_up:
            log.warning("write_given_up", error=str(given_up), fix="none: agents send again")
        finally:
            self._close_handovers()
            link.close()

    def _link(self, name: str) -> Link:
        return Link(self._dsn, f"{self._settings.worker} {name}", self._stopping, self._watch(name))

    def _watch(self, name: str) -> Callable[[str | None], None]:
        """Return what a link tells its state to: agents pause while one of the links is down."""

        def watch(error: str | None) -> None:
            if error is None:
                self._away.discard(name)
                self._gate.release(f"database {name}")
            else:
                self._away.add(name)
                self._gate.hold(f"database {name}", "the database is away")

        return watch

    def _watch_levels(self) -> None:
        watch = self._counters.watch
        watch("queue_batches", "Messages that wait to be prepared", lambda: self._inbox.depth()[0])
        watch("queue_bytes", "Payload bytes that wait to be prepared", lambda: self._inbox.depth()[1])
        watch("accepting", "Whether agents are told to send", lambda: float(self._gate.state().accepting))
        watch("broker_connected", "Whether the session stands", lambda: float(self._session.connected))
        watch("database_available", "Whether the database answers", lambda: float(not self._away))

    def _health(self) -> tuple[bool, dict[str, Any]]:
        alive = {thread.name: thread.is_alive() for thread in self._threads}
        return all(alive.values()) and self._failed is None, {"threads": alive, "failed": self._failed}

    def _readiness(self) -> tuple[bool, dict[str, Any]]:
        state = self._gate.state()
        particulars = {
            "broker": self._session.connected,
            "database": not self._away,
            "accepting": state.accepting,
            "reason": state.reason,
        }
        return self._session.connected and not self._away and state.accepting, particulars
