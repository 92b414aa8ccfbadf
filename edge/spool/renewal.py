"""Going on under a new spool id: every pending batch is sealed again, every open loss keeps its place in the chain.

A loss of the abandoned id cannot be declared under the new one by its old numbers. It takes one number of the new
spool, made and lost at once, so that the chain goes on through the digest of the last batch dropped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from edge.spool import chain, losses
from edge.spool.records import Chain, SealedBatch
from edge.spool.seal import MOST_LOSSES, Link, Stamp, encode_again
from edge.wire.batch import LossReason, ResealedFrom


def renew(db: sqlite3.Connection, fresh: UUID, reason: str, stamp: Stamp) -> int:
    """Abandon the spool's id for a fresh one in the transaction of the caller; return how many batches go on."""
    old = chain.read_chain(db)
    batches: int = db.execute("select pending_batches from spool").fetchone()[0]
    db.execute(
        "insert into renewals (spool, continued_as, reason, at_us, last_sequence, batches) values (?, ?, ?, ?, ?, ?)",
        (str(old.spool), str(fresh), reason, stamp.sealed_us, old.next_sequence - 1, batches),
    )
    db.execute("update losses set declared_in = null where settled = 0")
    new = Chain(fresh, 1, None, old.last_table, old.last_origin)
    new = _carry_losses(db, new)
    db.execute("update batches set sequence = -sequence")
    damaged: list[int] = []
    for batch in _abandoned(db):
        if chain.is_intact(batch):
            new = _carry_batch(db, new, old.spool, batch)
        else:
            damaged.append(new.next_sequence)
            new = _carry_damaged(db, new, batch)
    chain.count(db, made_batches=batches, resealed_batches=batches)
    chain.write_chain(db, new)
    for sequence in damaged:
        losses.drop_batch(db, sequence, LossReason.SPOOL_CORRUPT)
    chain.seal_losses(db, stamp)
    return batches


def _abandoned(db: sqlite3.Connection) -> Iterator[SealedBatch]:
    """Yield the batches of the old id, oldest first, one at a time: a long backlog does not fit into memory."""
    while rows := db.execute(
        "select sequence, payload, sha256, readings, sealed_us, series_table from batches"
        " where sequence < 0 order by sequence desc limit 1"
    ).fetchall():
        yield SealedBatch(*rows[0])


def _carry_losses(db: sqlite3.Connection, new: Chain) -> Chain:
    entries = losses.undeclared(db, -1)
    for entry in entries:
        db.execute(
            "update losses set spool = ?, first_sequence = ?, last_sequence = ? where loss_id = ?",
            (str(new.spool), new.next_sequence, new.next_sequence, entry.loss_id),
        )
        new = replace(new, next_sequence=new.next_sequence + 1, previous=entry.loss.last_digest)
    chain.count(db, made_batches=len(entries), lost_batches=len(entries))
    return new


def _carry_batch(db: sqlite3.Connection, new: Chain, old_spool: UUID, batch: SealedBatch) -> Chain:
    carried_from = ResealedFrom(spool=old_spool, sequence=-batch.sequence, sha256=batch.sha256)
    waiting = losses.undeclared(db, MOST_LOSSES)
    link = Link(new.spool, new.next_sequence, new.previous)
    payload, sha256 = encode_again(batch.payload, carried_from, link, [entry.loss for entry in waiting])
    losses.declare(db, waiting, new.next_sequence)
    db.execute(
        "update batches set sequence = ?, sha256 = ?, bytes = ?, payload = ? where sequence = ?",
        (new.next_sequence, sha256, len(payload), payload, batch.sequence),
    )
    chain.count(db, pending_bytes=len(payload) - len(batch.payload))
    return replace(new, next_sequence=new.next_sequence + 1, previous=sha256)


def _carry_damaged(db: sqlite3.Connection, new: Chain, batch: SealedBatch) -> Chain:
    """Give a damaged batch its number under the digest that it was sealed with; it is dropped right afterwards."""
    db.execute("update batches set sequence = ? where sequence = ?", (new.next_sequence, batch.sequence))
    return replace(new, next_sequence=new.next_sequence + 1, previous=batch.sha256)
