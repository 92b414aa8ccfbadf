"""Presence of agents: births and wills, paired by the number of the connection that they speak of."""

from __future__ import annotations

from edge.wire.presence import Birth, Will
from ingest.store.connection import Database


def record_birth(connection: Database, birth: Birth) -> None:
    """Note that an agent is connected; a birth that is older than what is known, or known already, changes nothing.

    An agent that lost its spool counts its connections from 1 again: then the spool's id differs.
    """
    connection.execute(
        """insert into presence as p (agent, connection, online, clean, software, spool)
           values (%s, %s, true, null, %s, %s)
           on conflict (agent) do update
              set connection = excluded.connection, online = true, clean = null, software = excluded.software,
                  spool = excluded.spool, changed_at = clock_timestamp()
            where excluded.connection > p.connection or excluded.spool is distinct from p.spool""",
        [birth.agent, birth.connection, birth.software.replace("\0", "\ufffd"), birth.spool],
    )


def record_will(connection: Database, will: Will) -> None:
    """Note that a connection ended; a will of another connection than the last birth's says nothing."""
    connection.execute(
        """insert into presence as p (agent, connection, online, clean) values (%s, %s, false, %s)
           on conflict (agent) do update
              set online = false, clean = excluded.clean, changed_at = clock_timestamp()
            where excluded.connection = p.connection and (p.online or p.clean is distinct from excluded.clean)""",
        [will.agent, will.connection, will.clean],
    )
