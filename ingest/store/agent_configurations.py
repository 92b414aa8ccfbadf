"""Agents' remote configurations: what was issued, and what each agent said of it last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row
from psycopg.types.numeric import Int4

from edge.wire.configuration import Configuration
from edge.wire.model import canonical, digest
from edge.wire.presence import Birth
from ingest.store.connection import Database

_LOCK = 0x636F6E66  # "conf": with an agent's hash, one new configuration of it at a time


@dataclass(frozen=True, slots=True)
class IssuedConfiguration:
    """An agent's latest configuration, as it is to be published."""

    agent: str
    number: int
    document: bytes
    known: bool
    """Whether the agent has said what became of it."""


@dataclass(frozen=True, slots=True)
class ConfigurationStanding:
    """What is issued to an agent, and what it says; ``reported_number`` None: it has said nothing yet."""

    agent: str
    number: int | None
    issued_at: datetime | None
    reported_number: int | None
    state: str | None
    detail: str | None
    reported_at: datetime | None


def issue_configuration(c: Database, agent: str, toml: str, now_us: int) -> Configuration:
    """Record an agent's next configuration, numbered higher than any that was issued or that it speaks of."""
    with c.transaction():
        c.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", [Int4(_LOCK), agent])
        row = c.execute(
            """select 1 + greatest((select max(number) from agent_configurations where agent = %(agent)s),
                                   (select number from agent_configuration_reports where agent = %(agent)s), 0)""",
            {"agent": agent},
        ).fetchone()
        number = row[0] if row else 1
        issued = Configuration(number=number, issued_us=now_us, toml=toml)
        document = canonical(issued)
        c.execute(
            "insert into agent_configurations (agent, number, document, sha256) values (%s, %s, %s, %s)",
            [agent, number, document, bytes.fromhex(digest(document))],
        )
    return issued


def issued_configurations(c: Database, within: timedelta | None = None) -> list[IssuedConfiguration]:
    """Return the latest configuration of every agent; ``within``: those that were issued so lately."""
    with c.cursor(row_factory=class_row(IssuedConfiguration)) as cursor:
        return cursor.execute(
            """select distinct on (i.agent) i.agent, i.number, i.document, coalesce(r.sha256 = i.sha256, false) as known
                 from agent_configurations i
                 left join agent_configuration_reports r on r.agent = i.agent
                where %(within)s::interval is null or i.issued_at > clock_timestamp() - %(within)s::interval
                order by i.agent, i.number desc""",
            {"within": within},
        ).fetchall()


def record_report(c: Database, birth: Birth) -> None:
    """Note what an agent's birth says of its configuration; a birth that is older than what is known changes nothing.

    An agent that lost its spool counts its connections from 1 again: then the spool's id differs.
    """
    report = birth.configuration
    if report is None:
        return
    c.execute(
        """insert into agent_configuration_reports as r
                  (agent, spool, connection, at_us, number, sha256, state, detail)
           values (%s, %s, %s, %s, %s, %s, %s, %s)
           on conflict (agent) do update
              set spool = excluded.spool, connection = excluded.connection, at_us = excluded.at_us,
                  number = excluded.number, sha256 = excluded.sha256, state = excluded.state,
                  detail = excluded.detail, reported_at = clock_timestamp()
            where excluded.spool <> r.spool or (excluded.connection, excluded.at_us) > (r.connection, r.at_us)""",
        [
            birth.agent,
            birth.spool,
            birth.connection,
            birth.at_us,
            report.number,
            bytes.fromhex(report.sha256),
            report.state.value,
            report.detail.replace("\0", "\ufffd"),
        ],
    )


def configuration_standings(c: Database) -> list[ConfigurationStanding]:
    """Return every agent with a configuration or a report of one, by name."""
    with c.cursor(row_factory=class_row(ConfigurationStanding)) as cursor:
        return cursor.execute(
            """with issued as (
                   select distinct on (agent) agent, number, issued_at
                     from agent_configurations order by agent, number desc
               )
               select agent, i.number, i.issued_at, r.number as reported_number, r.state, r.detail, r.reported_at
                 from issued i full join agent_configuration_reports r using (agent)
                order by agent"""
        ).fetchall()
