"""The ingest worker: threads in a row (session, preparation, writing), their start, end and health.

The session's thread receives; one thread prepares the next write while others commit, each on its own connection, so
that the database copies one write while it makes another durable. Between them are bounded queues, so that a database
that is away costs a bounded amount of memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from threading import Event, ExceptHookArgs, Thread, current_thread
from traceback import format_exception
from zlib import crc32

from edge import event_log
from ingest.admission import Admission
from ingest.agent_lags import keep_known
from ingest.catalogue import Catalogue
from ingest.configurations import ConfigurationPublisher
from ingest.counters import Counters
from ingest.delivery import Delivery, Inbox
from ingest.fitness import check_schema
from ingest.gate import Gate
from ingest.handover import Handover
from ingest.health import Health
from ingest.outages import Outages
from ingest.preparation import Preparation, Prepared
from ingest.progress import Doing, Pulse, Watchdog
from ingest.quarantine import cut_up, rejected
from ingest.session import Session
from ingest.settings import IngestSettings
from ingest.status_server import StatusServer
from ingest.store.connection import conninfo, edition
from ingest.store.link import GivenUpError, Link, UnfitError
from ingest.store.sessions import working_sessions
from ingest.store.sqlstates import message_of
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
        self._gate = Gate()
        self._outages = Outages(self._gate)
        self._counters = Counters()
        self._inbox = Inbox(worker.queue_batches, worker.queue_bytes)
        conninfo(settings.database)  # what is wrong with it is said at the start
        self._dsn = partial(conninfo, settings.database)
        self._watch_preparation = self._outages.watch("preparation")
        self._watch_preparation("nobody has asked yet")
        self._preparing = self._link("preparation", self._watch_preparation)
        self._pulse = Pulse()
        self._preparation = Preparation(Catalogue(), Admission())
        self._session = Session(settings.broker, worker, self._inbox, self._gate, self._counters)
        self._handovers = [Handover(worker.write_batches) for _ in range(worker.writers)]
        self._writing = [Pulse() for _ in self._handovers]
        self._observe = observe
        quietly = self._link("configurations", lambda _: None)
        self._configurations = ConfigurationPublisher(quietly, self._session, self._stopping)
        self._session.when_connected = self._configurations.begin_anew
        self._threads = [
            Thread(target=self._guarded, args=[main], name=name, daemon=True)
            for name, main in (
                ("session", self._session.run),
                ("preparation", self._prepare_until_closed),
                *(
                    (f"writing-{n}", partial(self._write_until_closed, handover, pulse))
                    for n, (handover, pulse) in enumerate(zip(self._handovers, self._writing, strict=True), start=1)
                ),
                ("configurations", self._configurations.run),
                ("agents", self._keep_agents_known),
            )
        ]
        self._watchdog = self._watched()
        health = Health(
            self._threads,
            self._watchdog,
            self._working,
            gate=self._gate,
            outages=self._outages,
            connected=lambda: self._session.connected,
            failed=lambda: self._failed,
        )
        self._status = StatusServer(worker.status_port, health.health, health.readiness, self._counters.registry)
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
        """Make ``wait`` return; may be called from any thread."""
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
        except UnfitError as error:
            self._fail(error)
            log.error("database_unfit", error=str(error), fix="as the error says; the worker ends")
        except Exception as error:
            self._fail(error)
            log.error("thread_failed", exc_info=True, fix="restart the worker; report this if it comes again")

    def fail_after(self, ended: ExceptHookArgs) -> None:
        """End the worker after the failure of a thread that a library runs: without the MQTT client's it is deaf."""
        error = ended.exc_value or ended.exc_type()
        self._fail(error)
        name = ended.thread.name if ended.thread else ""
        fix = "restart the worker; report this if it comes again"
        log.error("thread_failed", thread=name, exception="".join(format_exception(error)), fix=fix)

    def _fail(self, error: BaseException) -> None:
        self._failed = f"{type(error).__name__}: {error}"
        self._stopping.set()
        self._ended.set()

    def _prepare_until_closed(self) -> None:
        try:
            self._preparing.run(lambda connection: log.info("database_found", edition=edition(connection)))
            self._watch_preparation(None)
            while deliveries := self._inbox.take(min(_PART, self._settings.write_batches)):
                self._pulse.now(Doing.BUSY)
                self._observe(Stage.RECEIVED)
                for handover, own in zip(self._handovers, self._shared_out(deliveries), strict=True):
                    for part in self._prepared(own):
                        self._pulse.now(Doing.HELD_UP)
                        handover.put(part)
                self._pulse.now(Doing.IDLE)
        except GivenUpError as given_up:
            log.warning("preparation_given_up", error=str(given_up), fix="none: agents send again")
        finally:
            self._close_handovers()
            self._preparing.close()

    def _prepared(self, deliveries: Sequence[Delivery]) -> Iterator[Prepared]:
        """Prepare deliveries; one that cannot be prepared, whatever it holds, does not hold up the others."""
        for some, done in cut_up(deliveries, self._prepare, self._stopping.wait):
            if isinstance(done, Exception):
                log.warning(
                    "not_prepared", agent=some[0].agent, error=message_of(done), fix="see the refusals, if it is one"
                )
                yield rejected(some[0], message_of(done))
            else:
                yield from done

    def _prepare(self, deliveries: Sequence[Delivery]) -> list[Prepared]:
        self._pulse.now(Doing.BUSY)
        return self._preparing.run(partial(self._preparation.prepare, deliveries=deliveries))

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

    def _write_until_closed(self, handover: Handover, pulse: Pulse) -> None:
        name = current_thread().name
        link = self._link(name, self._outages.watch(name))

        def observe(stage: Stage) -> None:
            pulse.now(Doing.BUSY)
            self._observe(stage)

        writer = Writer(link, self._session, self._counters, self._stopping, observe)
        try:
            while writes := handover.take(self._settings.write_after_s):
                pulse.now(Doing.BUSY)
                for prepared in writes:
                    writer.handle(prepared)
                pulse.now(Doing.IDLE)
        except GivenUpError as given_up:
            log.warning("write_given_up", error=str(given_up), fix="none: agents send again")
        finally:
            self._close_handovers()
            link.close()

    def _link(self, name: str, watch: Callable[[str | None], None]) -> Link:
        return Link(self._dsn, f"{self._settings.worker} {name}", self._stopping, watch, check=check_schema)

    def _keep_agents_known(self) -> None:
        keep_known(self._counters.lags, self._link("agents", lambda _: None), self._stopping)

    def _working(self, threads: Collection[str]) -> set[str] | None:
        """Return for which of these threads the database is at work, None where it does not answer."""
        sessions = {f"{self._settings.worker} {thread}": thread for thread in threads}
        working = working_sessions(self._dsn, sessions)
        return None if working is None else {sessions[name] for name in working}

    def _watched(self) -> Watchdog:
        watchdog = Watchdog()
        waiting = {"preparation": (self._pulse, lambda: self._inbox.depth()[0] > 0)}
        for n, (handover, pulse) in enumerate(zip(self._handovers, self._writing, strict=True), start=1):
            waiting[f"writing-{n}"] = pulse, partial(_holds_work, handover)
        for name, (pulse, work_waits) in waiting.items():
            watchdog.watch(name, pulse, work_waits, partial(self._outages.of, name))
        return watchdog

    def _watch_levels(self) -> None:
        watch, settings = self._counters.watch, self._settings
        watch("queue_batches", "Messages that wait to be prepared", lambda: self._inbox.depth()[0])
        watch("queue_batches_limit", "Most messages that may wait to be prepared", lambda: settings.queue_batches)
        watch("queue_bytes", "Payload bytes that wait to be prepared", lambda: self._inbox.depth()[1])
        watch("queue_bytes_limit", "Most payload bytes that may wait to be prepared", lambda: settings.queue_bytes)
        watch("prepared_batches", "Messages that wait to be written", lambda: sum(h.depth() for h in self._handovers))
        watch("writers", "Connections that write", lambda: len(self._writing))
        watch("writers_busy", "Connections that are writing", lambda: sum(p.doing is Doing.BUSY for p in self._writing))
        watch("accepting", "Whether agents are told to send", lambda: float(self._gate.state().accepting))
        watch("broker_connected", "Whether the session stands", lambda: float(self._session.connected))
        watch("database_available", "Whether the database answers", lambda: float(not self._outages.errors()))
        watch(
            "threads_standing_still",
            "Threads that have made no progress for two minutes although work waits and the database is not away",
            lambda: len(self._watchdog.standing_still()),
        )
        self._counters.watch_total(
            "database_away_seconds", "Time during which the database was away", self._outages.total_s
        )


def _holds_work(handover: Handover) -> bool:
    return handover.depth() > 0
