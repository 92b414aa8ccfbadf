"""The newest batch of each agent that the platform takes batches from."""

from __future__ import annotations

from datetime import date

from psycopg.types.numeric import Int4

from ingest.store.connection import Database
from ingest.store.registry import current_version


def newest_batches(c: Database, on: date) -> dict[str, int | None]:
    """Return for every agent that is approved when its newest live batch was sealed, at the latest its receipt.

    It looks at the last entry of each spool, not at the whole ledger. Imported history is not live.

    Parameters
    ----------
    on
        A date in UTC; facts carry local dates, so what is valid anywhere on Earth on that date counts.

    Returns
    -------
    µs since 1970 by agent, None for one of which nothing is committed.
    """
    rows = c.execute(
        """
        with approved as (
            select distinct agent_id as agent
              from agents
             where approved and int4range(version_from, version_to) @> %(version)s
               and daterange(valid_from, valid_to) && daterange(%(on)s - 1, %(on)s + 1, '[]')
        )
        select a.agent, (extract(epoch from max(least(l.sealed_at, l.received_at))) * 1000000)::bigint
          from approved a
          left join spools s on s.agent = a.agent
          left join lateral (
               select sealed_at, received_at, origin from ledger where spool_id = s.spool_id
                order by sequence desc limit 1) l on l.origin <> 'imported'
         group by a.agent""",
        {"version": Int4(current_version(c)), "on": on},
    ).fetchall()
    return dict(rows)
