"""Results that were computed ahead, and whether what they were computed from is still the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ingest.store.connection import Database


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A result of one metric of a store over [start, end); ``inputs`` is the SHA-256 of what it was computed from."""

    store_id: str
    metric: str
    formula_version: int
    start: datetime
    end: datetime
    registry_version: int
    inputs: bytes
    result: dict[str, Any]


def inputs_kept(c: Database, store_id: str, start: datetime, end: datetime) -> set[tuple[str, int, bytes]]:
    """Return metric, formula version and inputs of the results kept of a store over [start, end)."""
    rows = c.execute(
        """select metric, formula_version, inputs from kept_results
            where store_id = %s and window_start = %s and window_end = %s""",
        [store_id, start, end],
    )
    return {(metric, version, bytes(inputs)) for metric, version, inputs in rows}


def keep(c: Database, results: Sequence[KeptResult]) -> None:
    """Keep results in the place of those of the same key, all or none of them."""
    with c.transaction(), c.cursor() as cursor:
        cursor.executemany(
            """insert into kept_results as k (store_id, metric, formula_version, window_start, window_end,
                                              registry_version, inputs, result)
               values (%s, %s, %s, %s, %s, %s, %s, %s)
               on conflict (store_id, window_start, window_end, metric, formula_version, registry_version) do update
                  set inputs = excluded.inputs, result = excluded.result, computed_at = excluded.computed_at""",
            [(*astuple(one)[:-1], Jsonb(one.result)) for one in results],
        )


def entries_of_devices(c: Database, devices: Sequence[str], start: datetime, end: datetime) -> tuple[int, int]:
    """Return how many ledger entries may have readings of devices in [start, end), and the number of the last.

    A row and a correction come with a ledger entry of their own, in one transaction, and entries never go: while the
    number stays, so do rows and corrections. Whoever may ever have spoken for a device, by any registry version, counts
    with all its entries of that time.
    """
    ((number, last),) = c.execute(
        """select count(*), coalesce(max(l.entry_id), 0)
             from spools s join ledger l using (spool_id)
            where s.agent in (select agent_id from devices where device_id = any(%s))
              and l.first_t < %s and l.last_t >= %s""",
        [list(devices), end, start],
    ).fetchall()
    return number, last
