"""What an acknowledgement changes: committed and refused batches leave, heads of the day stay."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from edge.spool import chain, losses
from edge.spool.records import Trimmed
from edge.wire.acknowledgement import RENEWAL_REASONS, Acknowledgement, LedgerHead

_SIZES = "sequence, bytes, readings"


def trim(db: sqlite3.Connection, ack: Acknowledgement, now_us: int) -> Trimmed:
    """Apply an acknowledgement in the transaction of the caller; one for another spool id changes nothing."""
    end = chain.read_chain(db)
    if ack.spool not in {None, end.spool}:
        return Trimmed()
    committed = _committed(db, ack)
    committed_numbers = {row[0] for row in committed}
    refused = [
        (answer, row)
        for answer in ack.refused
        for row in db.execute(f"select {_SIZES} from batches where sha256 = ?", (answer.sha256,))  # noqa: S608 - own text
        if row[0] not in committed_numbers
    ]
    given_up = [row for answer, row in refused if answer.reason not in RENEWAL_REASONS]
    to_renew = [(answer, row[0]) for answer, row in refused if answer.reason in RENEWAL_REASONS]
    _remove(db, committed, "committed")
    _remove(db, given_up, "refused")
    settled = [row[0] for row in committed + given_up]
    losses.settle(db, settled)
    db.execute("update spool set acknowledged_us = ?", (now_us,))
    if ack.head is not None and ack.spool is not None:
        _keep_head(db, ack.head, now_us)
    return Trimmed(
        committed=len(committed),
        refused=[answer for answer, _ in refused],
        settled=settled,
        renewal=to_renew[0][0] if to_renew else None,
        to_renew=[sequence for _, sequence in to_renew],
    )


def _committed(db: sqlite3.Connection, ack: Acknowledgement) -> list[tuple[int, int, int]]:
    if ack.spool is None:
        return []
    return [
        row
        for low, high in ack.committed
        for row in db.execute(
            f"select {_SIZES} from batches where sequence between ? and ?",  # noqa: S608 - own text
            (low, high),
        )
    ]


def _remove(db: sqlite3.Connection, rows: list[tuple[int, int, int]], outcome: str) -> None:
    if not rows:
        return
    db.executemany("delete from batches where sequence = ?", [(row[0],) for row in rows])
    readings = sum(row[2] for row in rows)
    changes = {f"{outcome}_batches": len(rows), f"{outcome}_readings": readings}
    size = sum(row[1] for row in rows)
    chain.count(db, **changes, pending_batches=-len(rows), pending_bytes=-size, pending_readings=-readings)


def _keep_head(db: sqlite3.Connection, head: LedgerHead, now_us: int) -> None:
    """Keep the furthest ledger head of the day; acknowledgements may overtake each other."""
    day = datetime.fromtimestamp(now_us / 1e6, UTC).date().isoformat()
    db.execute(
        "insert into daily_heads (day, spool, last_sequence, last_digest, ledger_entries, ledger_digest, at_us)"
        " select ?, spool, next_sequence - 1, previous, ?, ?, ? from spool where true"
        " on conflict (day, spool) do update set last_sequence = excluded.last_sequence,"
        " last_digest = excluded.last_digest, ledger_entries = excluded.ledger_entries,"
        " ledger_digest = excluded.ledger_digest, at_us = excluded.at_us"
        " where excluded.ledger_entries >= daily_heads.ledger_entries",
        (day, head.entries, head.digest, now_us),
    )
