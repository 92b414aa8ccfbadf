"""How each agent stands at present: what the registry says of it, whether it is connected, what it delivered last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row
from psycopg.types.numeric import Int4

from ingest.store.connection import Database
from ingest.store.registry import current_version


@dataclass(frozen=True, slots=True)
class AgentState:
    """An agent that the registry, the broker or a refusal speaks of.

    ``approved`` None: not in the registry on that day. ``online`` None: it never connected.
    """

    agent: str
    description: str
    approved: bool | None
    devices: int
    online: bool | None
    changed_at: datetime | None
    software: str | None
    last_received_at: datetime | None
    """When its latest batch was received."""
    open_refusals: int


def agent_states(c: Database, on: date) -> list[AgentState]:
    """Return every agent that is known by any way, by name, with its registry facts of a day."""
    with c.cursor(row_factory=class_row(AgentState)) as cursor:
        return cursor.execute(
            """
            with registered as (
                select agent_id as agent, description, approved
                  from agents
                 where int4range(version_from, version_to) @> %(version)s and daterange(valid_from, valid_to) @> %(on)s
            ), owned as (
                select agent_id as agent, count(*) as devices
                  from devices
                 where int4range(version_from, version_to) @> %(version)s and daterange(valid_from, valid_to) @> %(on)s
                 group by agent_id
            ), refused as (
                select agent, count(*) as batches from refusals where unit = 'batch' and state = 'open' group by agent
            ), delivered as (  -- the last entry of each spool, not the whole ledger
                select s.agent, max(l.received_at) as last_received_at
                  from spools s
                  cross join lateral (select received_at from ledger where spool_id = s.spool_id
                                       order by sequence desc limit 1) l
                 group by s.agent
            ), known as (
                select agent from registered
                union select agent from presence
                union select agent from refused
                union select agent from delivered
            )
            select k.agent, coalesce(r.description, '') as description, r.approved, coalesce(o.devices, 0) as devices,
                   p.online, p.changed_at, p.software, d.last_received_at, coalesce(f.batches, 0) as open_refusals
              from known k
              left join registered r using (agent)
              left join owned o using (agent)
              left join presence p using (agent)
              left join delivered d using (agent)
              left join refused f using (agent)
             order by k.agent""",
            {"version": Int4(current_version(c)), "on": on},
        ).fetchall()
