"""From when until when there are readings, as the ledger tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

_EDGE_ENTRIES = 256


def data_span(c: Connection[Any], agents: Sequence[str]) -> tuple[datetime, datetime] | None:
    """Return the first and the last instant at which these agents have committed readings, None where none has.

    Looks at the first and the last 256 entries of each spool, so its cost doesn't grow with the ledger: a spool is
    sealed in the order of acceptance, and only older readings accepted late can lie outside what is found. Good for
    choosing what to show first, not for accounts.
    """
    query = """
        select min(edge.first_t), max(edge.last_t)
          from spools s
          cross join lateral (
                (select first_t, last_t from ledger l where l.spool_id = s.spool_id
                  order by sequence limit %(entries)s)
                union all
                (select first_t, last_t from ledger l where l.spool_id = s.spool_id
                  order by sequence desc limit %(entries)s)) edge
         where s.agent = any(%(agents)s)"""
    row = c.execute(query, {"agents": list(agents), "entries": _EDGE_ENTRIES}).fetchone()
    return None if row is None or row[0] is None else (row[0], row[1])
