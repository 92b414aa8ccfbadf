"""Sealed batches, series tables and a registry for tests of ingest, made by hand and not by the agent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg

from edge.wire.batch import Batch, Flag
from edge.wire.model import canonical, digest
from edge.wire.series import Counter, Kind, Origin, Series, SeriesTable, Unit
from edge.wire.topics import Subject
from ingest.delivery import Delivery

NOON_US = 1_767_268_800_000_000  # 2026-01-01T12:00:00Z
SECOND_US = 1_000_000
Row = tuple[int, int, float]
"""Index of the series in the table, t in µs after ``NOON_US``, value."""


def gauge(device: str, quantity: str = "temperature", channel: str = "") -> Series:
    return Series(device=device, quantity=quantity, channel=channel, unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=60.0)


def interval(device: str, quantity: str = "entries") -> Series:
    return Series(device=device, quantity=quantity, unit=Unit.COUNT, kind=Kind.INTERVAL, period_s=300.0)


def register(connection: psycopg.Connection[Any], agent: str, devices: Sequence[str], *, approved: bool = True) -> None:
    """Add an agent with its devices as a new version of the registry."""
    with connection.transaction():
        row = connection.execute(
            "insert into registry_versions (source, digest) values ('test', '') returning version"
        ).fetchone()
        assert row
        connection.execute(
            "insert into agents (agent_id, approved, valid_from, version_from) values (%s, %s, '2000-01-01', %s)",
            [agent, approved, row[0]],
        )
        for device in devices:
            connection.execute(
                """insert into devices (device_id, agent_id, store_id, valid_from, version_from)
                   values (%s, %s, 'store', '2000-01-01', %s)""",
                [device, agent, row[0]],
            )


def approve(connection: psycopg.Connection[Any], agent: str) -> None:
    """Approve an agent in a new version of the registry."""
    with connection.transaction():
        row = connection.execute(
            "insert into registry_versions (source, digest) values ('approval', '') returning version"
        ).fetchone()
        assert row
        connection.execute(
            "update agents set version_to = %s where agent_id = %s and version_to is null", [row[0], agent]
        )
        connection.execute(
            """insert into agents (agent_id, approved, valid_from, version_from) values (%s, true, '2000-01-01', %s)""",
            [agent, row[0]],
        )


@dataclass
class SealingAgent:
    """Numbers and chains batches as an agent's spool does."""

    name: str
    table: SeriesTable
    spool: UUID = field(default_factory=uuid4)
    sequence: int = 0
    previous: str | None = None

    def seal(self, rows: Sequence[Row], **overrides: Any) -> bytes:
        """Return the payload of the next batch."""
        self.sequence += 1
        fields: dict[str, Any] = {
            "spool": self.spool,
            "sequence": self.sequence,
            "previous": self.previous,
            "series_table": self.table.digest,
            "origin": Origin.MEASURED,
            "boot": UUID(int=1),
            "sealed_us": NOON_US,
            "monotonic_us": self.sequence,
            "base_us": NOON_US,
            "series": [row[0] for row in rows],
            "offset_us": [row[1] for row in rows],
            "value": [row[2] for row in rows],
            "flags": [int(Flag.NONE)] * len(rows),
        }
        payload = canonical(Batch(**(fields | overrides)))
        self.previous = digest(payload)
        return payload

    @property
    def table_payload(self) -> bytes:
        return canonical(self.table)


def delivery(agent: str, payload: bytes, subject: Subject = Subject.BATCH) -> Delivery:
    """Return a message as the session hands it on."""
    return Delivery(agent, subject, payload, NOON_US + SECOND_US)


def counter_series(device: str) -> Series:
    return Series(
        device=device, quantity="active_energy", unit=Unit.KILOWATT_HOUR, kind=Kind.CUMULATIVE, counter=Counter()
    )
