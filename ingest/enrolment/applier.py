"""Keeps the broker's password file as the database says, whoever changed the database, and however often it fails."""

from __future__ import annotations

from threading import Event, Lock

import psycopg

from edge import event_log
from ingest.enrolment.password_file import Lines, NotAppliedError, PasswordFile
from ingest.store.connection import Database, connect
from ingest.store.enrolment import password_lines

_PERIOD_S = 1.0
_AFTER_FAILURE_S = 5.0

log = event_log.get(__name__)


class Applier:
    """Applies what the database says now; used by every thread of the service."""

    def __init__(self, dsn: str, file: PasswordFile) -> None:
        self._dsn = dsn
        self._file = file
        self._lock = Lock()
        self._applied: Lines | None = None
        self._failing = False

    def run(self, stop: Event) -> None:
        """Apply every change within about a second, until ``stop`` is set; the first time in any case."""
        while not stop.is_set():
            try:
                with connect(self._dsn, "enrolment apply") as connection:
                    while not stop.wait(_PERIOD_S if self.apply(connection) else _AFTER_FAILURE_S):
                        pass
            except psycopg.OperationalError as error:
                fix = "check the server and [database] in the settings; then it goes on by itself"
                log.warning("database_away", name="enrolment", error=str(error).strip(), fix=fix)
                stop.wait(_AFTER_FAILURE_S)

    def apply(self, connection: Database) -> bool:
        """Bring the broker to the database's state; return whether it is there."""
        with self._lock:
            if self._applied is not None and password_lines(connection) == self._applied:
                return True
            read: dict[str, str | None] = {}

            def reading() -> Lines:
                read.update(password_lines(connection))
                return read

            try:
                self._file.apply(reading)
            except NotAppliedError as error:
                self._applied = None
                if not self._failing:
                    log.error("credentials_not_applied", error=str(error), fix="mend it; then it goes on by itself")
                self._failing = True
                return False
            self._applied = read
            self._failing = False
            log.info("credentials_applied", users=sum(1 for line in read.values() if line))
            return True
