"""The rows of the ledger: one for each batch, whose key decides whether its readings are stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ingest.columns import Columns
from ingest.store.chain import NewRow
from ingest.store.connection import Database
from ingest.store.entries import Write
from ingest.store.pgarray import digest_array, number_array
from ingest.store.spools import Spool

_NO_DIGEST = bytes(32)


def insert_rows(connection: Database, work: Write, chosen: Sequence[int], spools: dict[UUID, Spool]) -> list[NewRow]:
    """Insert the ledger rows of the ``chosen`` entries whose key is new, in the order of keys; return the new rows."""
    entries = [work.entries[i] for i in chosen]
    batches = [entry.batch for entry in entries]
    first_us, last_us = _spans_us(work.columns, len(work.entries))
    origins = sorted({str(batch.origin) for batch in batches})
    cursor = connection.execute(
        """insert into ledger (spool_id, sequence, sha256, previous, series_table, origin, readings, first_t, last_t,
                               sealed_at, received_at, row_root, resealed_spool, resealed_sequence)
           select spool_id, sequence, sha256, case when sequence > 1 then previous end, series_table,
                  (%s::text[])[origin], readings, case when readings > 0 then first_t end,
                  case when readings > 0 then last_t end, sealed_at, received_at, row_root, resealed_spool,
                  resealed_sequence
             from unnest(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b::uuid[], %b::bigint[])
                  as r (spool_id, sequence, sha256, previous, series_table, origin, readings, first_t, last_t,
                        sealed_at, received_at, row_root, resealed_spool, resealed_sequence)
            order by spool_id, sequence
           on conflict (spool_id, sequence) do nothing
           returning spool_id, sequence, entry_id,
                     -- what this statement inserts is not seen by these
                     coalesce((select b.sha256 <> ledger.previous from ledger b
                                where b.spool_id = ledger.spool_id and b.sequence = ledger.sequence - 1), false),
                     coalesce((select a.previous <> ledger.sha256 from ledger a
                                where a.spool_id = ledger.spool_id and a.sequence = ledger.sequence + 1), false)""",
        [
            origins,
            number_array("int4", _int64(spools[batch.spool].number for batch in batches)),
            number_array("int8", _int64(batch.sequence for batch in batches)),
            digest_array([entry.sha256 for entry in entries]),
            digest_array([batch.previous or _NO_DIGEST for batch in batches]),
            digest_array([bytes.fromhex(batch.series_table) for batch in batches]),
            number_array("int4", _int64(origins.index(str(batch.origin)) + 1 for batch in batches)),
            number_array("int4", _int64(len(batch.series) for batch in batches)),
            number_array("timestamptz", first_us[list(chosen)]),
            number_array("timestamptz", last_us[list(chosen)]),
            number_array("timestamptz", _int64(batch.sealed_us for batch in batches)),
            number_array("timestamptz", _int64(entry.received_us for entry in entries)),
            digest_array([work.row_roots[i] for i in chosen]),
            [batch.resealed_from.spool if batch.resealed_from else None for batch in batches],
            [batch.resealed_from.sequence if batch.resealed_from else None for batch in batches],
        ],
    )
    return [NewRow(*row) for row in cursor.fetchall()]


def _int64(values: Iterable[int]) -> NDArray[np.int64]:
    return np.fromiter(values, np.int64)


def _spans_us(columns: Columns, batches: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the earliest and the latest time of each batch in µs; 0 for one without readings."""
    first_us, last_us = np.zeros(batches, np.int64), np.zeros(batches, np.int64)
    if len(columns.batch):
        starts = np.flatnonzero(np.diff(columns.batch, prepend=-1))
        present = columns.batch[starts]
        first_us[present] = np.minimum.reduceat(columns.t_us, starts)
        last_us[present] = np.maximum.reduceat(columns.t_us, starts)
    return first_us, last_us
