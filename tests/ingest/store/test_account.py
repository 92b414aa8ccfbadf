"""The completeness account against a count sequence by sequence in Python."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from storage_tools.made_spools import (
    AT,
    Entry,
    Lost,
    Refusal,
    Spool,
    next_spool,
    payload_sha,
    previous_of,
    spools,
    write_spool,
)

from ingest.store.account import LossFact, SpoolAccount, account, losses, missing_ranges, rows_stored


def expected(agent: str, spool: UUID, content: Spool) -> SpoolAccount | None:
    entries = {e.sequence: e for e in content.entries} if content.registered else {}
    unreadable = {payload_sha(spool, r.sequence, r.payload) for r in content.refusals if not r.readable}
    named: dict[int, set[bytes]] = {}
    for r in content.refusals:
        if r.readable:
            named.setdefault(r.sequence, set()).add(payload_sha(spool, r.sequence, r.payload))
    for e in entries.values():
        previous = previous_of(spool, e)
        if previous is not None and previous in unreadable and e.sequence - 1 not in entries:
            named.setdefault(e.sequence - 1, set()).add(previous)
    lost_ranges = list({(d.first, d.last): d for d in reversed(content.lost)}.values()) if content.registered else []
    lost = {n for d in lost_ranges for n in range(d.first, d.last + 1)}
    kept = {*named, *content.resealed}
    highest = max([*entries, *kept, *lost], default=0)
    standing = [
        "committed" if n in entries else "refused" if n in kept else "lost" if n in lost else "missing"
        for n in range(1, highest + 1)
    ]
    breaks = 0
    for e in entries.values():
        n = e.sequence - 1
        if n in entries:
            known = {payload_sha(spool, n)}
        else:
            known = named.get(n, set()) | {payload_sha(spool, n, d.digest) for d in lost_ranges if d.last == n}
        breaks += n > 0 and bool(known) and previous_of(spool, e) not in known
    if not content.registered and not kept:
        return None
    return SpoolAccount(
        agent=agent,
        spool=spool,
        highest_sequence=highest,
        committed=standing.count("committed"),
        refused=standing.count("refused"),
        declared_lost=standing.count("lost"),
        missing=standing.count("missing"),
        readings_sealed=sum(e.readings for e in entries.values()),
        duplicates=sum(e.duplicates for e in entries.values()),
        corrections=sum(e.corrections for e in entries.values()),
        chain_breaks=breaks,
    )


HUGE = 2**63 - 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.lists(st.tuples(st.sampled_from(["agent-1", "agent-2"]), spools), min_size=1, max_size=4))
@example([("agent-1", Spool(entries=[Entry(1), Entry(3)], refusals=[Refusal(2, "own", readable=False)]))])
@example([("agent-1", Spool(entries=[Entry(2)], lost=[Lost(1, 3, "own"), Lost(3, 6, "own")]))])
def test_every_sequence_stands_in_exactly_one_place(
    connection: psycopg.Connection[Any], contents: list[tuple[str, Spool]]
) -> None:
    try:
        want = []
        for number, (agent, content) in enumerate(contents):
            spool = UUID(int=number + 1)
            write_spool(connection, agent, spool, content)
            want.append(expected(agent, spool, content))
            if content.resealed:
                carried = Spool(entries=[Entry(n) for n in range(1, len(content.resealed) + 1)])
                want.append(expected(agent, next_spool(spool), carried))
        found = account(connection)
        order = {(a.agent, a.spool): a for a in found}
        assert len(order) == len(found)
        assert order == {(a.agent, a.spool): a for a in want if a is not None}
        for line in found:
            ranges = missing_ranges(connection, line.agent, line.spool, limit=100)
            assert sum(last - first + 1 for first, last in ranges) == line.missing
    finally:
        connection.rollback()


def test_missing_ranges_name_the_sequences(connection: psycopg.Connection[Any]) -> None:
    spool = UUID(int=1)
    content = Spool(
        entries=[Entry(3), Entry(4), Entry(9), Entry(20)],
        refusals=[Refusal(7, "own"), Refusal(19, "own", readable=False)],
        lost=[Lost(11, 12, "own"), Lost(12, 13, "own")],
    )
    write_spool(connection, "agent-1", spool, content)
    assert missing_ranges(connection, "agent-1", spool) == [(1, 2), (5, 6), (8, 8), (10, 10), (14, 18)]
    assert missing_ranges(connection, "agent-1", spool, limit=2) == [(1, 2), (5, 6)]


def test_numbers_out_of_this_world_neither_fail_nor_take_long(connection: psycopg.Connection[Any]) -> None:
    spool = UUID(int=1)
    content = Spool(entries=[Entry(1)], lost=[Lost(5, HUGE, "own")], refusals=[Refusal(HUGE, "own")])
    write_spool(connection, "agent-1", spool, content)
    (line,) = account(connection)
    assert (line.highest_sequence, line.committed, line.refused) == (HUGE, 1, 1)
    assert (line.declared_lost, line.missing) == (HUGE - 5, 3)
    assert missing_ranges(connection, "agent-1", spool) == [(2, 4)]


def test_a_refusal_under_another_agent_s_spool_is_not_that_spool_s(connection: psycopg.Connection[Any]) -> None:
    spool = UUID(int=1)
    write_spool(connection, "agent-1", spool, Spool(entries=[Entry(1), Entry(2)]))
    write_spool(
        connection,
        "agent-2",
        spool,
        Spool(refusals=[Refusal(900, "own")], resealed=frozenset([900, 901]), registered=False),
    )
    line, other = account(connection)
    assert (line.agent, line.highest_sequence, line.refused, line.missing) == ("agent-1", 2, 0, 0)
    assert (other.agent, other.spool, other.committed, other.missing) == ("agent-2", next_spool(spool), 2, 0)
    assert missing_ranges(connection, "agent-2", spool) == []


def series_and_rows(
    c: psycopg.Connection[Any], table: str, agent_entry: dict[str, int], rows: list[tuple[str, int]]
) -> None:
    for number, (agent, minutes) in enumerate(rows):
        c.execute(
            psycopg.sql.SQL("insert into {} values (%s, 1, %s, 1, 0, %s)").format(psycopg.sql.Identifier(table)),
            (AT + timedelta(minutes=minutes), agent_entry[agent], number),
        )


def test_rows_stored_are_counted_over_all_retention_classes(connection: psycopg.Connection[Any]) -> None:
    write_spool(connection, "agent-1", UUID(int=1), Spool(entries=[Entry(1)]))
    write_spool(connection, "agent-2", UUID(int=2), Spool(entries=[Entry(1)]))
    by_agent = dict(connection.execute("select agent, entry_id from ledger join spools using (spool_id)").fetchall())
    series_and_rows(connection, "readings_count", by_agent, [("agent-1", 0), ("agent-1", 1), ("agent-2", 2)])
    series_and_rows(connection, "readings_state", by_agent, [("agent-1", 0)])
    series_and_rows(connection, "readings_archive", by_agent, [("agent-2", 0)])
    assert [rows_stored(connection, agent) for agent in ("agent-1", "agent-2", "nobody")] == [3, 2, 0]


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [(-5, 0, False), (-5, 1, True), (0, 1, True), (60, 61, True), (61, 70, False), (-5, 90, True)],
)
def test_losses_in_a_window(connection: psycopg.Connection[Any], start: int, end: int, found: bool) -> None:
    write_spool(connection, "agent-1", UUID(int=1), Spool(entries=[Entry(1), Entry(2), Entry(4)]))
    connection.execute(
        "insert into losses select spool_id, 2, 3, 40, 'spool_age', '', %s, %s, 1 from spools",
        (AT, AT + timedelta(minutes=60)),
    )
    # All of this one came after all; the one without readings touches no window.
    connection.execute(
        "insert into losses select spool_id, 1, 2, 9, 'spool_full', %s, %s, %s, 1 from spools",
        (payload_sha(UUID(int=1), 2), AT, AT),
    )
    connection.execute("insert into losses select spool_id, 5, 5, 0, 'spool_full', '', null, null, 1 from spools")
    window = (AT + timedelta(minutes=start), AT + timedelta(minutes=end))
    expected_facts = [LossFact("agent-1", AT, AT + timedelta(minutes=60), 40, "spool_age")] if found else []
    assert losses(connection, ["agent-1", "agent-2"], *window) == expected_facts
    assert losses(connection, ["agent-2"], *window) == []


def test_a_loss_under_numbers_that_are_committed_with_another_content_stays_one(
    connection: psycopg.Connection[Any],
) -> None:
    write_spool(connection, "agent-1", UUID(int=1), Spool(entries=[Entry(1), Entry(2)], lost=[Lost(1, 2, "other")]))
    (fact,) = losses(connection, ["agent-1"], AT, AT + timedelta(minutes=1))
    assert fact.readings == 5
    (line,) = account(connection)
    assert (line.committed, line.declared_lost, line.missing) == (2, 0, 0)
