"""Publishes agents' configurations, retained: all of them on a new connection, and each new one within a second.

Every worker does so, since any of them may be the one that runs; an agent that knows a document ignores it. What an
agent has not spoken of is published again each minute: its broker may have lost it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Protocol

from edge import event_log
from ingest.store.agent_configurations import IssuedConfiguration, issued_configurations
from ingest.store.connection import Database
from ingest.store.link import GivenUpError, Link

_PERIOD_S = 1.0
_ALL_PERIOD_S = 60.0
_LATELY = timedelta(minutes=1)
"""Longer than a transaction that issues one can take to be seen."""

log = event_log.get(__name__)


class Outlet(Protocol):
    """Where configurations go."""

    def configure(self, agent: str, document: bytes) -> bool:
        """Publish an agent's configuration, retained; False where there is no connection."""


class ConfigurationPublisher:
    """Looks at the database each second; ``run`` is the main function of a thread."""

    def __init__(
        self, link: Link, outlet: Outlet, stopping: Event, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._link = link
        self._outlet = outlet
        self._stopping = stopping
        self._monotonic_s = monotonic_s
        self._anew = Event()
        self._published: dict[str, int] = {}
        """Number of the configuration published last on this connection, by agent."""
        self._all_due_s = 0.0

    def begin_anew(self) -> None:
        """Publish everything once more: there is a new connection, maybe to a broker that has lost all."""
        self._anew.set()

    def run(self) -> None:
        """Publish what is to be published until the process stops."""
        try:
            while not self._stopping.wait(_PERIOD_S):
                self._link.run(self.step)
        except GivenUpError:
            log.debug("configurations_given_up")
        finally:
            self._link.close()

    def step(self, connection: Database) -> None:
        """Publish what is new to this connection, or what its agent has not spoken of for a minute."""
        if self._anew.is_set():
            self._anew.clear()
            self._published.clear()
            self._all_due_s = 0.0
        everything = self._monotonic_s() >= self._all_due_s
        for issued in issued_configurations(connection, None if everything else _LATELY):
            if self._is_due(issued, again=everything) and self._outlet.configure(issued.agent, issued.document):
                self._published[issued.agent] = issued.number
                log.info("configuration_published", agent=issued.agent, number=issued.number)
        if everything:
            self._all_due_s = self._monotonic_s() + _ALL_PERIOD_S

    def _is_due(self, issued: IssuedConfiguration, *, again: bool) -> bool:
        return self._published.get(issued.agent) != issued.number or (again and not issued.known)
