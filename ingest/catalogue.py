"""Series tables in memory: what a batch's indices stand for, learnt from the database once and kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from edge.wire.model import canonical
from edge.wire.series import Origin, SeriesTable
from ingest.canonical import definition_digest
from ingest.store.connection import Database
from ingest.store.entries import Numbering
from ingest.store.series import CLASSES, retention_class, series_numbers, store_table, table_document

_MOST_SERIES = 200_000
"""Series held over all tables; beyond, the tables that were not used for longest are forgotten."""


@dataclass(slots=True)
class KnownTable:
    """A series table with what every batch that names it needs; ``devices`` are the devices that it speaks of."""

    table: SeriesTable
    definitions: list[bytes]
    devices: frozenset[str]
    numberings: dict[Origin, Numbering] = field(default_factory=dict)


class Catalogue:
    """Series tables by digest, and the numbers of their series; used by one thread."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, KnownTable] = OrderedDict()
        self._series = 0

    def learn(self, connection: Database, table: SeriesTable) -> None:
        """Store a table that arrived; it is committed when this returns, unless the caller has a transaction open."""
        if table.digest not in self._known:
            store_table(connection, table, canonical(table))
            self._remember(table)

    def table(self, connection: Database, digest: str) -> KnownTable | None:
        """Return a table by its digest, None where it never arrived."""
        known = self._known.get(digest)
        if known is not None:
            self._known.move_to_end(digest)
            return known
        document = table_document(connection, bytes.fromhex(digest))
        if document is None:
            return None
        # Not by ``decode``: what was taken in stays readable, also when the deny-list has grown since.
        return self._remember(SeriesTable.model_validate_json(document))

    def numbering(self, connection: Database, known: KnownTable, origin: Origin) -> Numbering:
        """Return number and retention class of each series of a table for readings of an origin."""
        numbering = known.numberings.get(origin)
        if numbering is None:
            classes = [retention_class(origin, series.kind) for series in known.table.series]
            numbers = series_numbers(connection, list(zip(known.table.series, classes, strict=True)))
            indices = [CLASSES.index(name) for name in classes]
            numbering = Numbering(np.array(numbers, np.int32), np.array(indices, np.int8))
            known.numberings[origin] = numbering
        return numbering

    def _remember(self, table: SeriesTable) -> KnownTable:
        known = KnownTable(
            table,
            [definition_digest(series.definition) for series in table.series],
            frozenset(series.device for series in table.series),
        )
        self._known[table.digest] = known
        self._series += len(table.series)
        while self._series > _MOST_SERIES and len(self._known) > 1:
            _, forgotten = self._known.popitem(last=False)
            self._series -= len(forgotten.table.series)
        return known
