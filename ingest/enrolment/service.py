"""The enrolment service: its listener and its applier, from start to stop."""

from __future__ import annotations

from threading import Event, Thread

from edge import event_log
from ingest.enrolment.allowance import Allowance
from ingest.enrolment.applier import Applier
from ingest.enrolment.certificate import server_context
from ingest.enrolment.desk import Desk
from ingest.enrolment.password_file import PasswordFile
from ingest.enrolment.server import EnrolmentServer
from ingest.settings import DatabaseSettings, EnrolmentSettings
from ingest.store.connection import conninfo

_STOP_S = 15.0

log = event_log.get(__name__)


class EnrolmentService:
    """Answers devices and keeps the broker's password file."""

    def __init__(self, database: DatabaseSettings, settings: EnrolmentSettings) -> None:
        dsn = conninfo(database)
        context = server_context(settings.certificate_file, settings.key_file)
        self._stop = Event()
        self._applier = Applier(dsn, PasswordFile(settings))
        desk = Desk(dsn, self._applier, settings.broker_ca_file, Allowance())
        self._server = EnrolmentServer(settings.host, settings.port, context, desk)
        self._applying = Thread(target=self._applier.run, args=[self._stop], name="applier", daemon=True)

    @property
    def port(self) -> int:
        """The port of the listener."""
        return self._server.port

    def start(self) -> None:
        """Start; returns at once."""
        self._applying.start()
        self._server.start()
        log.info("enrolment_started", port=self.port)

    def stop(self) -> None:
        """Stop answering, and end."""
        self._server.stop()
        self._stop.set()
        self._applying.join(_STOP_S)
        log.info("enrolment_stopped")
