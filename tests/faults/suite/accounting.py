"""The account of a scenario: what the senders know, held against what the database has, reading by reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import psycopg
from faults.suite.truth import Key, Sender, key_of

from edge.wire.batch import Batch
from edge.wire.decode import WireError, decode
from edge.wire.series import SeriesTable
from ingest.store.account import account

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Outcome:
    """Readings, by what became of them; ``problems`` are what else does not add up.

    ``duplicated`` counts what is stored or committed more often than it was generated, ``invented`` what is stored and
    was never generated, or not with this value; ``lost`` is what is left over of the generated ones.
    """

    generated: int
    committed: int
    declared_lost: int
    refused: int
    pending: int
    duplicated: int
    invented: int
    problems: tuple[str, ...] = ()

    @property
    def lost(self) -> int:
        return self.generated - self.committed - self.declared_lost - self.refused - self.pending

    @property
    def holds(self) -> bool:
        """Whether nothing is lost undeclared, duplicated or invented, and everything has been answered."""
        return not (self.lost or self.duplicated or self.invented or self.pending or self.problems)


def outcome_of(connection: Connection, senders: Sequence[Sender]) -> Outcome:
    """Return the account of all senders, once they are closed or settled."""
    truth: dict[Key, float] = {}
    for sender in senders:
        own = sender.truth()
        assert not truth.keys() & own.keys(), f"{sender.name} sends readings of another sender"
        truth |= own
    rows = _stored(connection)
    counts = Counter(key for key, _ in rows)
    invented = sum(truth.get(key) != value for key, value in rows)
    committed = {key for key, value in rows if truth.get(key) == value}
    refused = {key for key in _refused(connection) if key in truth} - committed
    again: int = _one(connection, "select coalesce(sum(duplicates + corrections), 0)::bigint from ledger")
    return Outcome(
        generated=len(truth),
        committed=len(committed),
        declared_lost=_declared_lost(connection),
        refused=len(refused),
        pending=sum(sender.pending() for sender in senders),
        duplicated=sum(counts.values()) - len(counts) + again,
        invented=invented,
        problems=tuple(_problems(connection)),
    )


def _stored(connection: Connection) -> list[tuple[Key, float]]:
    rows: list[tuple[Key, float]] = []
    for name in ("count", "state", "archive"):
        query = f"""
            select s.device, s.quantity, s.channel, (extract(epoch from r.t) * 1000000)::bigint, r.ordinal, r.value
              from readings_{name} r join series s using (series_id)"""  # noqa: S608 - own names
        rows += [((*row[:5],), row[5]) for row in connection.execute(query.encode())]
    return rows


def _refused(connection: Connection) -> list[Key]:
    tables = {
        bytes(digest).hex(): SeriesTable.model_validate_json(bytes(document))
        for digest, document in connection.execute("select digest, document from series_tables")
    }
    keys: list[Key] = []
    for (payload,) in connection.execute(
        "select payload from refusals where unit = 'batch' and state = 'open' and payload is not null"
    ):
        try:
            batch = decode(bytes(payload))
        except WireError:
            continue
        if isinstance(batch, Batch) and batch.series_table in tables:
            series = tables[batch.series_table].series
            ordinals = batch.ordinal or [0] * len(batch.series)
            keys += [
                key_of(series[index], batch.base_us + offset, ordinal)
                for index, offset, ordinal in zip(batch.series, batch.offset_us, ordinals, strict=True)
                if index < len(series)
            ]
    return keys


def _declared_lost(connection: Connection) -> int:
    """Return the readings declared lost, but for those of batches that were committed after all."""
    return _one(
        connection,
        """select (coalesce(sum(o.readings), 0)
                   - coalesce((select sum(l.readings) from ledger l
                                where exists (select from losses d
                                               where d.spool_id = l.spool_id
                                                 and l.sequence between d.first_sequence and d.last_sequence)), 0)
                  )::bigint from losses o""",
    )


def _problems(connection: Connection) -> list[str]:
    found = [
        f"{spool.agent}: {spool.missing} batches missing, {spool.chain_breaks} breaks of the chain"
        for spool in account(connection)
        if spool.missing or spool.chain_breaks
    ]
    sealed = _one(connection, "select coalesce(sum(readings - duplicates - corrections), 0)::bigint from ledger")
    stored = sum(
        _one(connection, f"select count(*) from readings_{name}")  # noqa: S608 - own names
        for name in ("count", "state", "archive")
    )
    if sealed != stored:
        found.append(f"the ledger has {sealed:,} readings, the tables {stored:,}")
    for spool_id, entries, head in connection.execute("select spool_id, entries, head from spools"):
        if _chained(connection, spool_id) != (entries, bytes(head)):
            found.append(f"the head of spool {spool_id} is not the chain over its entries")
    return found


def _chained(connection: Connection, spool_id: int) -> tuple[int, bytes]:
    entries = connection.execute(
        "select sha256, row_root from ledger where spool_id = %s order by entry_id", [spool_id]
    ).fetchall()
    head = sha256(b"").digest()
    for payload, row_root in entries:
        head = sha256(head + payload + row_root).digest()
    return len(entries), head


def _one(connection: Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])
