"""The spool's chain and its pending batches: reading and writing single batches inside a transaction of the caller."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from edge.readings import Priority
from edge.spool import losses
from edge.spool.records import Chain, SealedBatch
from edge.spool.seal import MOST_LOSSES, Draft, Link, Stamp, empty_draft, encode
from edge.wire.model import digest
from edge.wire.series import Origin

_BATCH = "sequence, payload, sha256, readings, sealed_us, series_table"


def read_chain(db: sqlite3.Connection) -> Chain:
    """Return the end of the chain."""
    row = db.execute("select spool, next_sequence, previous, last_table, last_origin from spool").fetchone()
    return Chain(UUID(row[0]), *row[1:])


def write_chain(db: sqlite3.Connection, chain: Chain) -> None:
    """Store the end of the chain."""
    db.execute(
        "update spool set spool = ?, next_sequence = ?, previous = ?, last_table = ?, last_origin = ?",
        (str(chain.spool), chain.next_sequence, chain.previous, chain.last_table, chain.last_origin),
    )


def count(db: sqlite3.Connection, **changes: int) -> None:
    """Add to counters of the spool."""
    assignments = ", ".join(f"{name} = {name} + ?" for name in changes)
    db.execute(f"update spool set {assignments}", tuple(changes.values()))  # noqa: S608 - names come from this code


def seal(db: sqlite3.Connection, drafts: Sequence[Draft], stamp: Stamp) -> list[int]:
    """Store drafts as the next batches of the spool, with the losses that wait to be declared; return the sequences."""
    chain = read_chain(db)
    sequences: list[int] = []
    size = readings = 0
    for one in drafts:
        waiting = losses.undeclared(db, MOST_LOSSES)
        link = Link(chain.spool, chain.next_sequence, chain.previous)
        payload, sha256 = encode(one, link, stamp, [entry.loss for entry in waiting])
        losses.declare(db, waiting, chain.next_sequence)
        times = (one.base_us, one.last_us) if one.readings else (None, None)
        db.execute(
            "insert into batches (sequence, sha256, bytes, readings, first_us, last_us, sealed_us, monotonic_us, boot,"
            " origin, series_table, priority, payload) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(chain.next_sequence, sha256, len(payload), one.readings, *times),
                *(stamp.sealed_us, stamp.monotonic_us, str(stamp.boot)),
                *(one.origin.value, one.table, one.priority, payload),
            ),
        )
        sequences.append(chain.next_sequence)
        size += len(payload)
        readings += one.readings
        chain = replace(
            chain,
            next_sequence=chain.next_sequence + 1,
            previous=sha256,
            last_table=one.table,
            last_origin=one.origin.value,
        )
    write_chain(db, chain)
    count(
        db,
        accepted_readings=readings,
        made_batches=len(sequences),
        pending_batches=len(sequences),
        pending_bytes=size,
        pending_readings=readings,
    )
    return sequences


def seal_losses(db: sqlite3.Connection, stamp: Stamp) -> list[int]:
    """Seal batches without readings until no loss waits to be declared."""
    sequences: list[int] = []
    while losses.undeclared(db, 1):
        chain = read_chain(db)
        if chain.last_table is None or chain.last_origin is None:
            break
        one = empty_draft(Origin(chain.last_origin), chain.last_table, stamp.sealed_us)
        sequences += seal(db, [one], stamp)
    return sequences


def first_pending(db: sqlite3.Connection, after: int, up_to: int, priority: Priority) -> int | None:
    """Return the lowest pending sequence of a priority in (after, up_to], None where there is none."""
    found: int | None = db.execute(
        "select min(sequence) from batches where priority = ? and sequence > ? and sequence <= ?",
        (priority, after, up_to),
    ).fetchone()[0]
    return found


def read_batches(db: sqlite3.Connection, after: int, limit: int) -> list[SealedBatch]:
    """Return pending batches in ascending sequence."""
    rows = db.execute(
        f"select {_BATCH} from batches where sequence > ? order by sequence limit ?",  # noqa: S608 - own text
        (after, limit),
    )
    return [SealedBatch(*row) for row in rows]


def is_intact(batch: SealedBatch) -> bool:
    """Tell whether a stored payload still has the digest that it was sealed with."""
    return digest(batch.payload) == batch.sha256
