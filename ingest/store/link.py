"""A connection that is made again when it is lost: work is repeated until it is done, or its error will not pass."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from threading import Event
from typing import TypeVar

import psycopg

from edge import event_log
from ingest.store.connection import Database, connect
from ingest.store.sqlstates import Rule, Verdict, message_of, rule_of

log = event_log.get(__name__)

Result = TypeVar("Result")
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 5.0
_COLLISIONS = 3
"""Collisions of one work after which agents are asked to pause: this is more than chance."""
_SET_UP = """
    select set_config('lock_timeout', '30s', false),
           set_config('default_transaction_isolation', 'read committed', false);
    select set_config(name, '0', false) from pg_settings
     where name = 'timescaledb.max_tuples_decompressed_per_dml_transaction'"""
"""Who waits longer for a lock says so, and agents pause; another worker's write takes that long only over a line of
seconds. A write must see what others committed before it. What comes late is taken whatever it makes of old chunks: a
write is bounded by what arrives, not by the rows that it meets there.
"""


_NOT_LET_IN = Rule(Verdict.RETRY, "no connection to the database")


class GivenUpError(RuntimeError):
    """The process is stopping while the database is away; the work was not done."""


class NotReadyError(RuntimeError):
    """The database cannot be worked on yet; the message says what to do."""


class UnfitError(RuntimeError):
    """The process cannot do its work on this database, now or later; the message says what to do."""


class Link:
    """One thread's way to the database.

    Parameters
    ----------
    dsn
        Returns the connection string, asked for each connection: a password may have changed since the last.
    name
        The name that the server's views show.
    stopping
        Set when the process stops: work that fails is then given up and not repeated.
    watch
        Called with the error's text when the database goes away, with None when it is back.
    check
        Looks at each new connection; raises ``NotReadyError`` or ``UnfitError`` where it is of no use.
    """

    def __init__(  # noqa: PLR0913 - what a thread's own way to the database takes
        self,
        dsn: Callable[[], str],
        name: str,
        stopping: Event,
        watch: Callable[[str | None], None],
        *,
        check: Callable[[Database], None] = lambda _: None,
        random: Random | None = None,
    ) -> None:
        self._dsn = dsn
        self._name = name
        self._stopping = stopping
        self._watch = watch
        self._check = check
        self._random = random or Random()  # noqa: S311 - spreads reconnects, guards nothing
        self._connection: Database | None = None
        self._told = False

    def run(self, work: Callable[[Database], Result], *, divisible: bool = False) -> Result:
        """Do ``work``, which must be safe to repeat, until it succeeds.

        Parameters
        ----------
        divisible
            The caller can do the work in parts: it is then told, and not repeated, where it was too much at once.

        Raises
        ------
        GivenUpError
            The database is away and the process is stopping.
        UnfitError
            The worker has to end.
        Exception
            What ``work`` raises, where repeating it would not help.
        """
        failures = 0
        while True:
            connection = self._connected()
            try:
                result = work(connection)
            except psycopg.Error as error:
                rule = rule_of(error)
                self._forget_after(rule)
                if rule.verdict is Verdict.STOP:
                    raise _unfit(error, rule) from error
                if rule.verdict is Verdict.QUARANTINE or (divisible and rule.verdict is Verdict.CUT_UP):
                    raise
                failures += 1
                self._pause(error, rule, failures)
            else:
                self._is_back(failures)
                return result

    def _connected(self) -> Database:
        """Return the connection, made again for as long as that takes; no error of that is one of the work."""
        failures = 0
        while self._connection is None:
            try:
                self._connection = self._fresh()
            except (psycopg.Error, OSError, ValueError, NotReadyError) as error:
                failures += 1
                self._pause(error, _NOT_LET_IN, failures)
        return self._connection

    def _fresh(self) -> Database:
        connection = connect(self._dsn(), self._name)
        try:
            self._check(connection)
            connection.execute(_SET_UP)
        except BaseException:
            connection.close()
            raise
        return connection

    def _pause(self, error: Exception, rule: Rule, failures: int) -> None:
        if not self._told and not (rule.collision and failures < _COLLISIONS):
            self._told = True
            self._watch(message_of(error))
            fix = "check the server, [database] in the settings and the schema; then it goes on by itself"
            log.warning("database_away", name=self._name, error=message_of(error), reason=rule.why, fix=fix)
        wait_s = self._random.uniform(0, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**failures))
        if self._stopping.wait(wait_s):
            msg = f"the database is away while the process stops: {message_of(error)}"
            raise GivenUpError(msg) from error

    def _is_back(self, failures: int) -> None:
        if self._told:
            self._told = False
            self._watch(None)
            log.info("database_back", name=self._name, failures=failures)

    def _forget_after(self, rule: Rule) -> None:
        """Go on with a new connection where it may find another server, another schema, or be prepared otherwise."""
        connection = self._connection
        if connection is not None and (connection.closed or not rule.session_stays):
            self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _unfit(error: Exception, rule: Rule) -> UnfitError:
    return UnfitError(f"{message_of(error)} ({rule.why}): start the worker anew; report this if it comes again")
