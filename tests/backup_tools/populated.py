"""A database with something of everything that a backup must bring back."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
from ingest_steps import Steps
from sealed_batches import SECOND_US, SealingAgent, gauge, interval, register

from edge.wire.batch import DecoderRefusal, Loss, LossReason
from edge.wire.series import Origin, SeriesTable
from ingest.store.connection import connect

DAY_US = 86_400 * SECOND_US
AGENTS = ("a", "b")


def populate(dsn: str, batches: int = 30) -> dict[str, SealingAgent]:
    """Have agents deliver readings over months, with duplicates, corrections, refusals and a loss; return them."""
    agents = {}
    with connect(dsn, "test") as connection:
        for name in AGENTS:
            register(connection, name, [f"{name}1", f"{name}2"])
        steps = Steps(connection)
        for name in AGENTS:
            agent = SealingAgent(name, SeriesTable.of([gauge(f"{name}1"), interval(f"{name}2")]))
            steps.take(name, agent.table_payload)
            for n in range(batches):
                deliver(steps, agent, n)
            agents[name] = agent
        steps.take("a", b"\x00unreadable")
        connection.execute(
            """insert into enrolment_codes (agent, secret_sha256, expires_at)
               values ('a', sha256('x'), now() + interval '1 day')"""
        )
    return agents


def deliver(steps: Steps, agent: SealingAgent, n: int) -> None:
    """Deliver the agent's batch of day ``n``: some repeat or correct the day before, some carry a refusal or a loss."""
    rows = [(0, n * DAY_US + m * 60 * SECOND_US, m + n / 7) for m in range(20)] + [(1, n * DAY_US, float(n))]
    further: dict[str, Any] = {"origin": Origin.IMPORTED if n % 5 == 0 else Origin.MEASURED}
    if n % 7 == 3:
        rows += [(1, (n - 1) * DAY_US, float(n - 1)), (0, n * DAY_US, n / 7 + 0.5)]
    if n % 7 == 4:
        further["refusals"] = [DecoderRefusal(source="s", reason="r", detail="d", payload=f"{n}", at_us=0)]
    if n == 6:
        agent.sequence, agent.previous = agent.sequence + 1, "0" * 64  # the batch before is lost
        lost: dict[str, Any] = {"first_sequence": agent.sequence, "last_sequence": agent.sequence}
        lost |= {"last_digest": agent.previous, "first_us": 0, "last_us": 1}
        further["losses"] = [Loss(readings=7, reason=LossReason.SPOOL_AGE, **lost)]
    steps.take(agent.name, agent.seal(rows, **further))


def compress(dsn: str) -> int:
    """Compress every chunk of the readings but the last of each table; return their number."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute(
            """select compress_chunk(format('%I.%I', chunk_schema, chunk_name)::regclass)
                 from (select *, max(range_end) over (partition by hypertable_name) as last
                         from timescaledb_information.chunks where hypertable_name like 'readings%') c
                where range_end < last and not is_compressed"""
        ).fetchall()
    return len(rows)


def aggregate(dsn: str) -> str:
    """Make a continuous aggregate beside the schema and compute it; return its name."""
    name = f"hourly_{uuid4().hex[:6]}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            f"""create materialized view {name} with (timescaledb.continuous) as
                select series_id, time_bucket('1 hour', t) as hour, count(*) as n, sum(value) as total
                  from readings_state group by 1, 2 with no data""".encode()  # noqa: S608 - own name
        )
        connection.execute(f"call refresh_continuous_aggregate('{name}', null, null)".encode())
    return name
