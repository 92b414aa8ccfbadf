"""Spools with committed, refused, lost and resealed batches, written straight into the ledger; strategies of such."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from hypothesis import strategies as st

AT = datetime(2025, 1, 1, tzinfo=UTC)


def sha(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True)
class Entry:
    sequence: int
    readings: int = 3
    duplicates: int = 0
    corrections: int = 0
    chain: str = "true"
    """true: names the batch before it; false: names something else."""


@dataclass(frozen=True)
class Refusal:
    sequence: int
    payload: str
    """Which of several payloads of that sequence; 'own' is the one that the next batch names."""
    readable: bool = True
    state: str = "open"


@dataclass(frozen=True)
class Lost:
    first: int
    last: int
    digest: str


@dataclass(frozen=True)
class Spool:
    entries: list[Entry] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    resealed: frozenset[int] = frozenset()
    """Sequences whose readings were sealed again under the agent's next spool, and committed there."""
    foreign: list[Refusal] = field(default_factory=list)
    """Refusals of another agent under this spool."""
    registered: bool = True
    """Whether the spool is in the table of spools: it isn't where all its batches were refused."""


def next_spool(spool: UUID) -> UUID:
    return UUID(int=spool.int + 1000)


def payload_sha(spool: UUID, sequence: int, payload: str = "own") -> bytes:
    return sha(f"{spool} {sequence} {payload}")


def previous_of(spool: UUID, entry: Entry) -> bytes | None:
    if entry.sequence == 1:
        return None
    return payload_sha(spool, entry.sequence - 1) if entry.chain == "true" else sha(f"{spool} {entry.sequence} stray")


def write_spool(c: psycopg.Connection[Any], agent: str, spool: UUID, content: Spool) -> None:
    if content.registered:
        row = c.execute(
            "insert into spools (spool, agent) values (%s, %s) returning spool_id", (spool, agent)
        ).fetchone()
        assert row is not None
        for entry in content.entries:
            c.execute(
                "insert into ledger (spool_id, sequence, sha256, previous, series_table, origin, readings, duplicates,"
                " corrections, sealed_at, row_root) values (%s, %s, %s, %s, '', 'measured', %s, %s, %s, %s, '')",
                (
                    row[0],
                    entry.sequence,
                    payload_sha(spool, entry.sequence),
                    previous_of(spool, entry),
                    entry.readings,
                    entry.duplicates,
                    entry.corrections,
                    AT,
                ),
            )
        for lost in content.lost:
            c.execute(
                "insert into losses values (%s, %s, %s, 5, 'spool_full', %s, %s, %s, 1) on conflict do nothing",
                (row[0], lost.first, lost.last, payload_sha(spool, lost.last, lost.digest), AT, AT),
            )
    if content.resealed:
        row = c.execute(
            "insert into spools (spool, agent) values (%s, %s) returning spool_id", (next_spool(spool), agent)
        ).fetchone()
        assert row is not None
        for number, sequence in enumerate(sorted(content.resealed), 1):
            c.execute(
                "insert into ledger (spool_id, sequence, sha256, previous, series_table, origin, readings, sealed_at,"
                " row_root, resealed_spool, resealed_sequence)"
                " values (%s, %s, %s, %s, '', 'measured', 3, %s, '', %s, %s)",
                (
                    row[0],
                    number,
                    payload_sha(next_spool(spool), number),
                    payload_sha(next_spool(spool), number - 1) if number > 1 else None,
                    AT,
                    spool,
                    sequence,
                ),
            )
    if content.registered:
        write_refusals(c, "agent-x", spool, content.foreign)
    write_refusals(c, agent, spool, content.refusals)


def write_refusals(c: psycopg.Connection[Any], agent: str, spool: UUID, refusals: list[Refusal]) -> None:
    for refusal in refusals:
        c.execute(
            "insert into refusals (agent, unit, spool, sequence, sha256, reason, detail, state)"
            " values (%s, 'batch', %s, %s, %s, %s, '', %s) on conflict do nothing",
            (
                agent,
                spool if refusal.readable else None,
                refusal.sequence if refusal.readable else None,
                payload_sha(spool, refusal.sequence, refusal.payload),
                "device_not_registered" if refusal.readable else "undecodable",
                refusal.state,
            ),
        )


sequences = st.integers(1, 14)
entries = st.builds(
    Entry,
    sequence=sequences,
    readings=st.integers(0, 9),
    duplicates=st.integers(0, 2),
    corrections=st.integers(0, 2),
    chain=st.sampled_from(["true", "true", "true", "false"]),
)
refusals = st.builds(
    Refusal,
    sequence=sequences,
    payload=st.sampled_from(["own", "other", "third"]),
    readable=st.sampled_from([True, True, False]),
    state=st.sampled_from(["open", "replayed", "resealed", "discarded"]),
)
lost_ranges = st.builds(
    lambda first, length, digest: Lost(first, first + length, digest),
    sequences,
    st.integers(0, 5),
    st.sampled_from(["own", "other"]),
)
spools = st.builds(
    Spool,
    entries=st.lists(entries, max_size=12, unique_by=lambda e: e.sequence),
    refusals=st.lists(refusals, max_size=5),
    lost=st.lists(lost_ranges, max_size=4),
    resealed=st.frozensets(sequences, max_size=3),
    foreign=st.lists(refusals, max_size=2),
    registered=st.sampled_from([True, True, True, False]),
)
