"""A whole site model: the rows of every table, its canonical text and digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ingest.registry.problems import Problem
from ingest.registry.rows import (
    Agent,
    Audit,
    Device,
    District,
    Door,
    Floor,
    Point,
    RegisteredSeriesRow,
    RegistryRow,
    Store,
    Tenant,
    Zone,
)

ROW_TYPES: tuple[type[RegistryRow], ...] = (
    District,
    Store,
    Tenant,
    Floor,
    Zone,
    Door,
    Point,
    Agent,
    Device,
    RegisteredSeriesRow,
    Audit,
)
"""The tables, each after those that it refers to."""


@dataclass(frozen=True, slots=True)
class RegistrySet:
    """The rows of every table; ``warnings`` is what an operator should look at though the set can be imported."""

    districts: tuple[District, ...] = ()
    stores: tuple[Store, ...] = ()
    tenants: tuple[Tenant, ...] = ()
    floors: tuple[Floor, ...] = ()
    zones: tuple[Zone, ...] = ()
    doors: tuple[Door, ...] = ()
    points: tuple[Point, ...] = ()
    agents: tuple[Agent, ...] = ()
    devices: tuple[Device, ...] = ()
    registered_series: tuple[RegisteredSeriesRow, ...] = ()
    audits: tuple[Audit, ...] = ()
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, rows: Iterable[RegistryRow], warnings: Iterable[Problem] = ()) -> RegistrySet:
        """Return the set of these rows, each table sorted by what its facts are about and by time."""
        tables: dict[str, Any] = {row_type.table: [] for row_type in ROW_TYPES}
        for row in rows:
            tables[row.table].append(row)
        ordered = {table: tuple(sorted(found, key=_order)) for table, found in tables.items()}
        return cls(**ordered, warnings=tuple(warnings))

    def rows(self) -> Iterator[RegistryRow]:
        """Yield every row, table after table."""
        for row_type in ROW_TYPES:
            yield from self.table(row_type)

    def table(self, row_type: type[RegistryRow]) -> tuple[RegistryRow, ...]:
        """Return the rows of one table."""
        rows: tuple[RegistryRow, ...] = getattr(self, row_type.table)
        return rows

    def digest(self) -> bytes:
        """Return the SHA-256 of the set's canonical text: a line a row, sorted within its table."""
        text = hashlib.sha256()
        for row_type in ROW_TYPES:
            for line in sorted(map(canonical_line, self.table(row_type))):
                text.update(f"{row_type.table} {line}\n".encode())
        return text.digest()


def canonical_line(row: RegistryRow) -> str:
    """Return the one text of a row: its fields by name as JSON without spaces, dates and times in ISO form."""
    return json.dumps(row.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _order(row: RegistryRow) -> tuple[tuple[str, ...], date, str]:
    return row.identity(), row.valid_from, canonical_line(row)
