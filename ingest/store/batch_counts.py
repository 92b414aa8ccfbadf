"""Kept counts of the ledger's entries by spool and hour of sealing, and the ranges of their sequences."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.store.connection import Database

ENTRIES_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class LedgerEnd:
    """The newest entry that could be seen, and the first transaction (its number) that had not begun then.

    Entries are numbered before they can be seen: one of a smaller number may still be on its way, in a transaction that
    had begun. A write locks its spools, by which its transaction has its number, before it inserts an entry.
    """

    entry_id: int
    transaction: int


def ledger_end(c: Database) -> LedgerEnd:
    """Return where the ledger ends at this moment."""
    ((entry_id, transaction),) = c.execute(
        """select coalesce((select max(entry_id) from ledger), 0),
                  pg_snapshot_xmax(pg_current_snapshot())::text::bigint"""
    ).fetchall()
    return LedgerEnd(entry_id, transaction)


def is_settled(c: Database, end: LedgerEnd) -> bool:
    """Return whether every transaction has ended that had begun when the ledger ended there."""
    ((oldest,),) = c.execute("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetchall()
    return int(oldest) >= end.transaction


def counted_until(c: Database) -> int:
    """Return the newest entry that is counted."""
    ((entry_id,),) = c.execute("select entry_id from batches_counted").fetchall()
    return int(entry_id)


def count_entries(c: Database, until: int) -> bool:
    """Count the next entries up to ``until``, all of which are settled; return whether others are left.

    Counting and the note up to where it has come are one transaction, so that nothing is counted twice.
    """
    with c.transaction():
        done = counted_until(c)
        upto = min(until, done + ENTRIES_AT_ONCE)
        if upto > done:
            c.execute(
                """with fresh as materialized (
                       select spool_id, sequence, sealed_at, readings, duplicates, corrections, resealed_spool,
                              resealed_sequence
                         from ledger where entry_id > %(done)s and entry_id <= %(upto)s
                   ), hours as (
                       insert into batch_hours as b (spool_id, hour, batches, readings, duplicates, corrections)
                       select spool_id, date_bin('1 hour', sealed_at, '0001-01-01 00:00:00Z'), count(*),
                              sum(readings), sum(duplicates), sum(corrections)
                         from fresh group by 1, 2
                       on conflict (spool_id, hour) do update
                          set batches = b.batches + excluded.batches,
                              readings = b.readings + excluded.readings,
                              duplicates = b.duplicates + excluded.duplicates,
                              corrections = b.corrections + excluded.corrections
                   ), ranges as (
                       insert into batch_ranges as b (spool_id, committed)
                       select spool_id, range_agg(numrange(sequence, sequence + 1::numeric)) from fresh group by 1
                       on conflict (spool_id) do update set committed = b.committed + excluded.committed
                   ), resealed as (
                       insert into batches_resealed (agent, spool, sequence)
                       select s.agent, f.resealed_spool, f.resealed_sequence
                         from fresh f join spools s using (spool_id) where f.resealed_spool is not null
                       on conflict do nothing
                   )
                   update batches_counted set entry_id = %(upto)s""",
                {"done": done, "upto": upto},
            )
    return upto < until
