"""Releases of agents: what each device says of the one that it dealt with last, and which version it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from edge.wire.presence import Birth
from ingest.store.connection import Database


@dataclass(frozen=True, slots=True)
class ReleaseStanding:
    """What an agent runs, and what it says of releases; ``version`` None: it has dealt with none."""

    agent: str
    software: str | None
    version: str | None
    state: str | None
    detail: str | None
    reported_at: datetime | None


def record_release(c: Database, birth: Birth) -> None:
    """Note what an agent's birth says of a release; a birth that is older than what is known changes nothing.

    An agent that lost its spool counts its connections from 1 again: then the spool's id differs.
    """
    report = birth.release
    if report is None:
        return
    c.execute(
        """insert into agent_release_reports as r (agent, spool, connection, at_us, version, state, detail)
           values (%s, %s, %s, %s, %s, %s, %s)
           on conflict (agent) do update
              set spool = excluded.spool, connection = excluded.connection, at_us = excluded.at_us,
                  version = excluded.version, state = excluded.state, detail = excluded.detail,
                  reported_at = case when (r.version, r.state, r.detail)
                                        = (excluded.version, excluded.state, excluded.detail)
                                     then r.reported_at else clock_timestamp() end
            where excluded.spool <> r.spool or (excluded.connection, excluded.at_us) > (r.connection, r.at_us)""",
        [
            birth.agent,
            birth.spool,
            birth.connection,
            birth.at_us,
            report.version,
            report.state.value,
            report.detail.replace("\0", "\ufffd"),
        ],
    )


def release_standings(c: Database) -> list[ReleaseStanding]:
    """Return every agent that was ever connected, by name."""
    with c.cursor(row_factory=class_row(ReleaseStanding)) as cursor:
        return cursor.execute(
            """select agent, p.software, r.version, r.state, r.detail, r.reported_at
                 from presence p full join agent_release_reports r using (agent)
                order by agent"""
        ).fetchall()
