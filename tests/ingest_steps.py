"""Steps of ingest without threads or a broker, for tests on a real database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from sealed_batches import delivery

from edge.wire.acknowledgement import Acknowledgement
from ingest.admission import Admission
from ingest.answers import acknowledgements
from ingest.catalogue import Catalogue
from ingest.preparation import Preparation
from ingest.store import ledger
from ingest.store.entries import Written

TODAY = date(2026, 1, 1)
AT_US = 1_767_300_000_000_000


@dataclass
class Steps:
    """Prepares and writes payloads as a worker does, in one thread, and says what it would answer."""

    connection: psycopg.Connection[Any]
    preparation: Preparation = field(
        default_factory=lambda: Preparation(Catalogue(), Admission(_Ticking().seconds, lambda: TODAY))
    )
    written: list[Written] = field(default_factory=list)

    def take(self, agent: str, *payloads: bytes) -> list[Acknowledgement]:
        """Prepare these payloads together, write, and return the acknowledgements."""
        return [answer for _, answer in self.take_from([(agent, payload) for payload in payloads])]

    def take_from(self, arrived: Sequence[tuple[str, bytes]]) -> list[tuple[str, Acknowledgement]]:
        """Likewise for payloads of several agents; the answers with their addressees."""
        answers: list[tuple[str, Acknowledgement]] = []
        for prepared in self.preparation.prepare(self.connection, [delivery(*one) for one in arrived]):
            written = ledger.write(self.connection, prepared.write)
            self.written.append(written)
            answers += acknowledgements(written, prepared.wanted, AT_US)
        return answers

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.connection.execute(query.encode(), values).fetchall()


class _Ticking:
    """A clock that is two seconds later each time that it is read: every look at the registry is a fresh one."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def seconds(self) -> float:
        self._now_s += 2.0
        return self._now_s


def instant(us: int) -> datetime:
    return datetime.fromtimestamp(us // 1_000_000, UTC).replace(microsecond=us % 1_000_000)
