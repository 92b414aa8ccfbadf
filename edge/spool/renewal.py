"""Going on under a new spool id: every pending batch is sealed again, every open loss keeps its numbers.

A loss names the spool that its numbers are of. So the platform's account of the abandoned spool shows it as declared,
and once only where the abandoned spool had declared it already. Where that spool belongs to another agent there is
nothing to declare for it: each open loss then takes one number of the new spool, made and lost at once, and the chain
goes on through the digest of the last batch dropped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from edge.spool import chain, losses
from edge.spool.records import Chain, SealedBatch
from edge.spool.seal import MOST_LOSSES, Link, Stamp, encode_again
from edge.wire.acknowledgement import RefusalReason
from edge.wire.batch import Loss, LossReason, ResealedFrom
from edge.wire.model import digest


def renew(db: sqlite3.Connection, fresh: UUID, reason: str, stamp: Stamp) -> int:
    """Abandon the spool's id for a fresh one in the transaction of the caller; return how many batches go on."""
    _drop_damaged(db)
    old = chain.read_chain(db)
    batches: int = db.execute("select pending_batches from spool").fetchone()[0]
    db.execute(
        "insert into renewals (spool, continued_as, reason, at_us, last_sequence, batches) values (?, ?, ?, ?, ?, ?)",
        (str(old.spool), str(fresh), reason, stamp.sealed_us, old.next_sequence - 1, batches),
    )
    db.execute("update losses set declared_in = null where settled = 0")
    chain.write_chain(db, Chain(fresh, 1, None, old.last_table, old.last_origin))
    if reason == RefusalReason.SPOOL_OF_ANOTHER_AGENT:
        for entry in losses.undeclared(db, -1):
            losses.renumber(db, entry, _lost_number(db, entry.loss.last_digest))
    new = chain.read_chain(db)
    db.execute("update batches set sequence = -sequence")
    for batch in _abandoned(db):
        new = _carry_batch(db, new, old.spool, batch)
    chain.count(db, made_batches=batches, resealed_batches=batches)
    chain.write_chain(db, new)
    chain.seal_losses(db, stamp)
    return batches


def lose_unnumbered(db: sqlite3.Connection, stamp: Stamp) -> None:
    """Declare a loss of which nothing is known: it takes one number of the spool, made and lost at once."""
    before = chain.read_chain(db).previous or digest(b"")
    number = _lost_number(db, before)
    loss = Loss(
        first_sequence=number,
        last_sequence=number,
        readings=0,
        reason=LossReason.SPOOL_CORRUPT,
        last_digest=before,
        first_us=None,
        last_us=stamp.sealed_us,
    )
    losses.record(db, loss)
    chain.seal_losses(db, stamp)


def _drop_damaged(db: sqlite3.Connection) -> None:
    rows = db.execute("select sequence, payload, sha256 from batches order by sequence")
    damaged = [sequence for sequence, payload, sha256 in rows if digest(payload) != sha256]
    for sequence in damaged:
        losses.drop_batch(db, sequence, LossReason.SPOOL_CORRUPT)


def _lost_number(db: sqlite3.Connection, last_digest: str) -> int:
    """Make the next number of the chain, lost at once; the batch after it follows upon this digest."""
    end = chain.read_chain(db)
    chain.write_chain(db, replace(end, next_sequence=end.next_sequence + 1, previous=last_digest))
    chain.count(db, made_batches=1, lost_batches=1)
    return end.next_sequence


def _abandoned(db: sqlite3.Connection) -> Iterator[SealedBatch]:
    """Yield the batches of the old id, oldest first, one at a time: a long backlog does not fit into memory."""
    while rows := db.execute(
        "select sequence, payload, sha256, readings, sealed_us, series_table from batches"
        " where sequence < 0 order by sequence desc limit 1"
    ).fetchall():
        yield SealedBatch(*rows[0])


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
