"""Where batches stand by kept counts is where ``account`` finds them in the whole ledger, however much is counted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from threading import Event
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage_tools.made_spools import AT, Entry, Lost, Refusal, Spool, spools, write_spool

from analytics.batches import STANDINGS, batches_between, gaps_of
from analytics.scheduler.batch_counting import BatchCounting
from analytics.windows import to_us
from ingest.store import batch_counts
from ingest.store.account import account
from ingest.store.batch_standing import sealed_batches, standing_ranges

AGENTS = ["agent-1", "agent-2", "agent-x"]
EVER = datetime.min.replace(year=1990, tzinfo=AT.tzinfo), datetime.max.replace(year=2100, tzinfo=AT.tzinfo)
Connection = psycopg.Connection[Any]


def standing_of(c: Connection) -> Counter[tuple[str, UUID, str]]:
    """Return how many sequences stand where by kept counts, after checking that each stands in one place."""
    found: Counter[tuple[str, UUID, str]] = Counter()
    ends: dict[tuple[str, UUID], int] = {}
    for each in standing_ranges(c, AGENTS):
        assert each.first == ends.get((each.agent, each.spool), 0) + 1
        ends[each.agent, each.spool] = each.last
        found[each.agent, each.spool, each.standing] += each.last - each.first + 1
    return found


def accounted(c: Connection) -> Counter[tuple[str, UUID, str]]:
    return +Counter({(a.agent, a.spool, name): getattr(a, name) for a in account(c) for name in STANDINGS})


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contents=st.lists(st.tuples(st.sampled_from(["agent-1", "agent-2"]), spools), min_size=1, max_size=4),
    counted=st.lists(st.integers(0, 60), max_size=3),
    hours=st.lists(st.integers(0, 5), min_size=1, max_size=8),
)
def test_kept_counts_agree_with_the_account(
    connection: Connection, contents: list[tuple[str, Spool]], counted: list[int], hours: list[int]
) -> None:
    try:
        for number, (agent, content) in enumerate(contents):
            write_spool(connection, agent, UUID(int=number + 1), content)
        connection.execute(
            "update ledger set sealed_at = %s + (%s::integer[])[1 + sequence %% %s] * interval '1 hour'",
            [AT, hours, len(hours)],
        )
        first, last = connection.execute("select min(entry_id), max(entry_id) from ledger").fetchone() or (None, None)
        if first is not None:
            connection.execute("update batches_counted set entry_id = %s", [first - 1])
            for upto in sorted(counted):
                batch_counts.count_entries(connection, min(last, first + upto))
        assert standing_of(connection) == accounted(connection)
        # By hour they add up to the same, each agent's in its own.
        bounds_us = np.array([to_us(EVER[0]), *(to_us(AT + timedelta(hours=h)) for h in range(1, 6)), to_us(EVER[1])])
        batches = batches_between(connection, AGENTS, gaps_of(connection, AGENTS), bounds_us)
        totals = account(connection)
        for agent in AGENTS:
            own = [a for a in totals if a.agent == agent]
            for name, of in [*((s, s) for s in STANDINGS), ("readings", "readings_sealed"), *((n, n) for n in _BOTH)]:
                assert batches[agent][name].sum() == sum(getattr(a, of) for a in own), (agent, name)
            sealed = connection.execute(
                """select (extract(epoch from sealed_at) * 1000000)::bigint
                     from ledger join spools using (spool_id) where agent = %s""",
                [agent],
            )
            expected, _ = np.histogram([at for (at,) in sealed], bounds_us)
            assert batches[agent]["committed"].tolist() == expected.tolist()
    finally:
        connection.rollback()


_BOTH = ("duplicates", "corrections")


def test_what_is_not_in_the_ledger_stands_where_the_batch_before_it_was_sealed(connection: Connection) -> None:
    content = Spool(
        entries=[Entry(3), Entry(4), Entry(9)],
        refusals=[Refusal(6, "own"), Refusal(11, "own")],
        lost=[Lost(7, 8, "own")],
    )
    write_spool(connection, "agent-1", UUID(int=1), content)
    connection.execute("update ledger set sealed_at = %s + sequence * interval '1 hour'", [AT])
    connection.execute("update refusals set received_at = %s + sequence * interval '1 hour'", [AT])
    gaps = gaps_of(connection, ["agent-1"])
    told = [([(r.standing, r.first, r.last) for r in gap.ranges], gap.at, gap.until, gap.refused_alone) for gap in gaps]
    assert gaps[-1].refused_until == AT + timedelta(hours=11)
    assert gaps[1].refused_until == AT + timedelta(hours=9)
    at = [AT + timedelta(hours=hours) for hours in range(12)]
    assert told == [
        ([("missing", 1, 2)], at[3], at[3], False),
        ([("missing", 5, 5), ("refused", 6, 6), ("declared_lost", 7, 8)], at[4], at[9], False),
        ([("missing", 10, 10), ("refused", 11, 11)], at[9], None, False),
    ]


def test_an_entry_that_is_committed_after_later_ones_is_counted_once(database: str) -> None:
    """Numbers are given before the commit: the entry of the slow write has the smaller one."""
    with (
        psycopg.connect(database, autocommit=True) as scheduler,
        psycopg.connect(database) as slow,
        psycopg.connect(database, autocommit=True) as quick,
    ):
        counting, stopping = BatchCounting(), Event()
        write_spool(slow, "agent-1", UUID(int=1), Spool(entries=[Entry(1), Entry(2)]))
        write_spool(quick, "agent-2", UUID(int=2), Spool(entries=[Entry(1), Entry(2), Entry(3)]))
        for _ in range(3):
            counting.run(scheduler, stopping)
        assert batch_counts.counted_until(scheduler) == 0
        assert [hour.batches for hour in sealed_batches(scheduler, AGENTS, EVER)] == [3]
        slow.commit()
        write_spool(quick, "agent-1", UUID(int=3), Spool(entries=[Entry(1)]))
        for _ in range(3):
            counting.run(scheduler, stopping)
        ((newest,),) = scheduler.execute("select max(entry_id) from ledger").fetchall()
        assert batch_counts.counted_until(scheduler) == newest
        assert scheduler.execute("select sum(batches) from batch_hours").fetchone() == (6,)
        assert standing_of(scheduler) == accounted(scheduler)


@pytest.mark.parametrize("portion", [2, 50_000])
def test_portions_make_no_difference(connection: Connection, monkeypatch: pytest.MonkeyPatch, portion: int) -> None:
    monkeypatch.setattr(batch_counts, "ENTRIES_AT_ONCE", portion)
    write_spool(
        connection, "agent-1", UUID(int=1), Spool(entries=[Entry(n) for n in (1, 2, 4)], resealed=frozenset([3]))
    )
    ((newest,),) = connection.execute("select max(entry_id) from ledger").fetchall()
    while batch_counts.count_entries(connection, newest):
        pass
    connection.execute("update ledger set sealed_at = '2000-01-01', readings = 99")  # what is counted is not looked at
    (hour,) = sealed_batches(connection, ["agent-1"], [AT, AT + timedelta(hours=1)])
    assert (hour.batches, hour.readings) == (4, 12)
    assert standing_of(connection)["agent-1", UUID(int=1), "refused"] == 1


_DYING = """
import os, signal, sys, psycopg
from ingest.store.batch_counts import count_entries
connection = psycopg.connect(sys.argv[1])
count_entries(connection, int(sys.argv[2]))
if sys.argv[3] == "after":
    connection.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.fault
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_process_killed_beside_the_commit_counts_nothing_twice(database: str, side: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        write_spool(connection, "agent-1", UUID(int=1), Spool(entries=[Entry(1), Entry(2), Entry(4)]))
        newest = batch_counts.ledger_end(connection).entry_id
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        died = subprocess.run([sys.executable, "-c", _DYING, database, str(newest), side], env=environment, check=False)
        assert died.returncode == -signal.SIGKILL
        counting = BatchCounting()
        for _ in range(2):
            counting.run(connection, Event())
        assert batch_counts.counted_until(connection) == newest
        assert connection.execute("select sum(batches), sum(readings) from batch_hours").fetchone() == (3, 9)
        assert standing_of(connection) == accounted(connection)
