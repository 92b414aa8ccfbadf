"""A connection that is made again when it is lost: work is repeated until it is done, or its error will not pass."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from threading import Event
from typing import TypeVar

import psycopg

from edge import event_log
from ingest.store.connection import Database, connect, will_pass

log = event_log.get(__name__)

Result = TypeVar("Result")
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 5.0


class GivenUpError(RuntimeError):
    """The process is stopping while the database is away; the work was not done."""


class Link:
    """One thread's way to the database.

    Parameters
    ----------
    dsn, name
        Connection string, and the name that the server's views show.
    stopping
        Set when the process stops: work that fails is then given up and not repeated.
    watch
        Called with the error's text when the database goes away, with None when it is back.
    """

    def __init__(
        self, dsn: str, name: str, stopping: Event, watch: Callable[[str | None], None], random: Random | None = None
    ) -> None:
        self._dsn = dsn
        self._name = name
        self._stopping = stopping
        self._watch = watch
        self._random = random or Random()  # noqa: S311 - spreads reconnects, guards nothing
        self._connection: Database | None = None

    def run(self, work: Callable[[Database], Result]) -> Result:
        """Do ``work``, which must be safe to repeat, until it succeeds.

        Raises
        ------
        GivenUpError
            The database is away and the process is stopping.
        Exception
            What ``work`` raises, where repeating it would not help.
        """
        failures = 0
        while True:
            try:
                if self._connection is None:
                    self._connection = connect(self._dsn, self._name)
                result = work(self._connection)
            except psycopg.Error as error:
                self._forget_if_broken()
                if not will_pass(error):
                    raise
                failures += 1
                self._pause(error, failures)
            else:
                if failures:
                    self._watch(None)
                    log.info("database_back", name=self._name, failures=failures)
                return result

    def _pause(self, error: psycopg.Error, failures: int) -> None:
        text = str(error).strip() or type(error).__name__
        if failures == 1:
            self._watch(text)
            fix = "check the server, [database] in the settings and the schema; then it goes on by itself"
            log.warning("database_away", name=self._name, error=text, fix=fix)
        wait_s = self._random.uniform(0, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**failures))
        if self._stopping.wait(wait_s):
            msg = f"the database is away while the process stops: {text}"
            raise GivenUpError(msg) from error

    def _forget_if_broken(self) -> None:
        connection = self._connection
        if connection is not None and (connection.closed or connection.broken):
            connection.close()
            self._connection = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
