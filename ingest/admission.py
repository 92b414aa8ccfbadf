"""Who may speak for what: the registry's answer, kept in memory for as long as its version and the day stand."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from edge.wire.acknowledgement import RefusalReason
from ingest.catalogue import KnownTable
from ingest.store.connection import Database
from ingest.store.registry import agent_devices, current_version

_POLL_S = 1.0
Verdict = tuple[RefusalReason, str] | None
"""Why a batch is refused, None where it is admitted."""


def today() -> date:
    """Return the date in UTC."""
    return datetime.now(UTC).date()


class Admission:
    """Checks agents and their devices; looks for a new registry version at most once a second; one thread's."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic, on: Callable[[], date] = today) -> None:
        self._monotonic_s = monotonic_s
        self._on = on
        self._asked_s = float("-inf")
        self._state: tuple[int, date] | None = None
        self._devices: dict[str, set[str] | None] = {}
        self._verdicts: dict[tuple[str, str], Verdict] = {}

    def verdict(self, connection: Database, agent: str, known: KnownTable) -> Verdict:
        """Return whether an agent may deliver readings of a table's devices."""
        self._refresh(connection)
        key = (agent, known.table.digest)
        if key not in self._verdicts:
            self._verdicts[key] = self._judge(connection, agent, known)
        return self._verdicts[key]

    def _refresh(self, connection: Database) -> None:
        if self._monotonic_s() - self._asked_s < _POLL_S:
            return
        state = (current_version(connection), self._on())
        # From the answer on: with a database that is further away than a second, every batch would ask again.
        self._asked_s = self._monotonic_s()
        if state != self._state:
            self._state = state
            self._devices.clear()
            self._verdicts.clear()

    def _judge(self, connection: Database, agent: str, known: KnownTable) -> Verdict:
        if agent not in self._devices:
            self._devices[agent] = agent_devices(connection, agent, self._on())
        allowed = self._devices[agent]
        if allowed is None:
            return (
                RefusalReason.AGENT_NOT_APPROVED,
                f"agent {agent} is not approved; import it into the registry, then: smartstore-ingest agents approve",
            )
        if strangers := sorted(known.devices - allowed):
            some = ", ".join(strangers[:5]) + (", ..." if len(strangers) > 5 else "")
            detail = f"not registered to agent {agent}: {some}; register them, then replay the refusals"
            return RefusalReason.DEVICE_NOT_REGISTERED, detail
        return None
