"""The ledger: one transaction a write. Spools, keys, readings, losses, refusals, heads; or nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from uuid import UUID

import numpy as np
from psycopg.errors import UniqueViolation

from edge.wire.acknowledgement import RefusalReason
from ingest.canonical import batch_leaves, records
from ingest.store import leaves, refusals
from ingest.store.chain import NewRow, breaks_between
from ingest.store.connection import Database
from ingest.store.entries import Conflicts, Entry, Write, Written, instant
from ingest.store.leaves import EntryLeaves
from ingest.store.ledger_rows import insert_rows
from ingest.store.readings_in import Stored, store_readings
from ingest.store.refusals import ReadingRefusal, Refusal
from ingest.store.spools import Spool, lock_spools, store_heads


def write(connection: Database, work: Write, before_commit: Callable[[], None] = lambda: None) -> Written:
    """Commit a write in one transaction and return what became of it; on any error nothing of it is stored.

    Writing the same again is safe: what is in the ledger already comes back as redelivered.
    """
    try:  # nearly always every reading is the first of its key
        return _transaction(connection, work, before_commit, resolving=False)
    except UniqueViolation:
        return _transaction(connection, work, before_commit, resolving=True)


def _transaction(connection: Database, work: Write, before_commit: Callable[[], None], *, resolving: bool) -> Written:
    done = Written()
    with connection.transaction():
        spools = lock_spools(connection, work.entries)
        own = [i for i, entry in enumerate(work.entries) if all(spools[s].agent == entry.agent for s in entry.spools)]
        for i in sorted(set(range(len(work.entries))) - set(own)):
            detail = "the spool, or one of which it declares losses, belongs to another agent"
            done.refused.append(work.entries[i].refusal(RefusalReason.SPOOL_OF_ANOTHER_AGENT, detail))
        rows = _insert_keys(connection, work, own, spools, done)
        entry_ids = {i: row.entry_id for i, row in rows.items()}
        stored = _store_readings(connection, work, entry_ids, resolving=resolving)
        done.conflicts, done.past_retention = list(stored.conflicts), sum(stored.past_retention.values())
        done.refused += _not_committed(connection, work.refused, done)
        new = sorted(
            entry_ids, key=lambda i: (spools[work.entries[i].batch.spool].number, work.entries[i].batch.sequence)
        )
        done.committed = [work.entries[i] for i in new]
        done.chain_breaks = breaks_between([(work.entries[i], rows[i]) for i in new])
        with connection.pipeline():  # nothing of this returns rows: one wait for all of it
            _note_not_stored(connection, work, entry_ids, stored)
            _insert_losses(connection, [(work.entries[i], entry_ids[i]) for i in new], spools)
            _advance_heads(connection, work, new, spools, done)
            _settle_refusals(connection, work, spools, done)
        before_commit()
    return done


def _insert_keys(
    connection: Database, work: Write, own: Sequence[int], spools: dict[UUID, Spool], done: Written
) -> dict[int, NewRow]:
    """Insert the ledger rows; return by index of entry those that are new, and sort out the others."""
    if not own:
        return {}
    by_key = {(spools[work.entries[i].batch.spool].number, work.entries[i].batch.sequence): i for i in own}
    rows = {by_key.pop((row.spool, row.sequence)): row for row in insert_rows(connection, work, own, spools)}
    if by_key:
        _sort_out(connection, work, by_key, done)
    return rows


def _sort_out(connection: Database, work: Write, taken: dict[tuple[int, int], int], done: Written) -> None:
    """Tell redeliveries from reused sequences among entries whose key is in the ledger."""
    spool_numbers, sequences = zip(*taken, strict=True)
    rows = connection.execute(
        """select spool_id, sequence, sha256 from ledger
            join unnest(%s::integer[], %s::bigint[]) as k (spool_id, sequence) using (spool_id, sequence)""",
        [list(spool_numbers), list(sequences)],
    )
    for spool, sequence, digest in rows:
        entry = work.entries[taken[spool, sequence]]
        if bytes(digest) == entry.sha256:
            done.redelivered.append((entry.agent, entry.key))
        else:
            detail = f"sequence {sequence} of this spool is committed with another content"
            done.refused.append(entry.refusal(RefusalReason.SEQUENCE_REUSED, detail))


def _store_readings(connection: Database, work: Write, entry_ids: dict[int, int], *, resolving: bool) -> Stored:
    """Store the readings of the new entries; return what became of those that are no new rows."""
    columns = work.columns
    if not entry_ids or not len(columns.batch):
        return Stored()
    by_batch = np.zeros(len(work.entries), np.int64)
    by_batch[list(entry_ids)] = list(entry_ids.values())
    numberings = {id(entry.numbering): entry.numbering for entry in work.entries}
    lengths = [len(numbering.numbers) for numbering in numberings.values()]
    start_of = dict(zip(numberings, np.cumsum([0, *lengths[:-1]]).tolist(), strict=True))
    starts = np.array([start_of[id(entry.numbering)] for entry in work.entries])
    place_in_tables = starts[columns.batch] + columns.series
    arrays = {
        "t_us": columns.t_us,
        "value": columns.value,
        "entry_id": by_batch[columns.batch],
        "series_id": np.concatenate([n.numbers for n in numberings.values()])[place_in_tables],
        "flags": columns.flags,
        "ordinal": columns.ordinal,
        "place": columns.place,
    }
    classes = np.concatenate([n.classes for n in numberings.values()])[place_in_tables]
    if len(entry_ids) < len(work.entries):
        new = arrays["entry_id"] > 0
        arrays, classes = {name: values[new] for name, values in arrays.items()}, classes[new]
    return store_readings(connection, arrays, classes, resolving=resolving)


def _note_not_stored(connection: Database, work: Write, entry_ids: dict[int, int], stored: Stored) -> None:
    """Note of which entries not every reading is a row, and keep their leaves: their rows can't tell them."""
    numbers = {entry_id: (0, 0, past) for entry_id, past in stored.past_retention.items()}
    for entry_id, duplicates, corrections in _totals(stored.conflicts):
        numbers[entry_id] = duplicates, corrections, stored.past_retention.get(entry_id, 0)
    if not numbers:
        return
    connection.execute(
        """update ledger l
              set duplicates = n.duplicates, corrections = n.corrections, past_retention = n.past_retention
             from unnest(%s::bigint[], %s::integer[], %s::integer[], %s::integer[])
                  as n (entry_id, duplicates, corrections, past_retention)
            where l.entry_id = n.entry_id""",
        [list(column) for column in zip(*((entry_id, *of) for entry_id, of in numbers.items()), strict=True)],
    )
    leaves.keep(connection, [_leaves_of(work, i, entry_id) for i, entry_id in entry_ids.items() if entry_id in numbers])


def _leaves_of(work: Write, i: int, entry_id: int) -> EntryLeaves:
    columns, entry = work.columns, work.entries[i]
    own = slice(*np.searchsorted(columns.batch, [i, i + 1]).tolist())
    rows = records(columns.t_us[own], columns.ordinal[own], columns.value[own], columns.flags[own])
    ((series, of),) = batch_leaves(rows, np.zeros(len(rows), np.int64), columns.series[own], [entry.definitions])
    return EntryLeaves(entry_id, entry.numbering.numbers[series].tolist(), of)


def _totals(conflicts: Sequence[Conflicts]) -> list[tuple[int, int, int]]:
    """Sum the conflicts of an entry over the retention classes that its readings went to."""
    totals: dict[int, tuple[int, int]] = {}
    for one in conflicts:
        duplicates, corrections = totals.get(one.entry_id, (0, 0))
        totals[one.entry_id] = duplicates + one.duplicates, corrections + one.corrections
    return [(entry_id, *counts) for entry_id, counts in totals.items()]


def _insert_losses(connection: Database, new: Sequence[tuple[Entry, int]], spools: dict[UUID, Spool]) -> None:
    rows = [
        (
            spools[loss.spool or entry.batch.spool].number,
            loss.first_sequence,
            loss.last_sequence,
            loss.readings,
            str(loss.reason),
            bytes.fromhex(loss.last_digest),
            None if loss.first_us is None else instant(loss.first_us),
            None if loss.last_us is None else instant(loss.last_us),
            entry_id,
        )
        for entry, entry_id in new
        for loss in entry.batch.losses
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(
                """insert into losses (spool_id, first_sequence, last_sequence, readings, reason, last_digest, first_t,
                                       last_t, entry_id)
                   values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing""",
                rows,
            )


def _advance_heads(
    connection: Database, work: Write, new: Sequence[int], spools: dict[UUID, Spool], done: Written
) -> None:
    """Chain payload digest and row root of each new entry to the head of its spool, in the order of sequences."""
    touched = {work.entries[i].batch.spool for i in new}
    for i in new:
        spools[work.entries[i].batch.spool].advance(work.entries[i].sha256, work.row_roots[i])
    store_heads(connection, [spools[spool] for spool in touched])
    done.heads = {name: spool.ledger_head() for name, spool in spools.items()}


def _settle_refusals(connection: Database, work: Write, spools: dict[UUID, Spool], done: Written) -> None:
    """Keep the write's refusals and those that travelled with it, and close the ones that are settled by it."""
    travelled = [refusal for entry in done.committed for refusal in _reading_refusals(entry)]
    refusals.keep(connection, [*done.refused, *travelled])
    open_of = {spool for spool, known in spools.items() if known.open_refusals or done.refused}
    if open_of:  # nearly never
        there = {key for _, key in done.redelivered} | {entry.key for entry in done.committed}
        settled = [e for e in work.entries if e.batch.spool in open_of and e.key in there]
        identities = [(e.agent, e.sha256, f"{e.batch.spool}/{e.batch.sequence}") for e in settled]
        refusals.close_committed(connection, identities)
    refusals.mark_resealed(
        connection,
        [
            (e.agent, of.spool, of.sequence, bytes.fromhex(of.sha256), f"{e.batch.spool}/{e.batch.sequence}")
            for e in done.committed
            if (of := e.batch.resealed_from)
        ],
    )


def _not_committed(connection: Database, refused: Sequence[Refusal], done: Written) -> list[Refusal]:
    """Return the refusals but for those of batches that are in the ledger (their agent was approved then)."""
    named = [
        (r.agent, r.spool, r.sequence, r.sha256) for r in refused if r.spool is not None and r.sequence is not None
    ]
    if not named:
        return list(refused)
    agents, spools, sequences, digests = zip(*named, strict=True)
    rows = connection.execute(
        """select distinct k.agent, k.spool, k.sequence, k.sha256
             from unnest(%s::text[], %s::uuid[], %s::bigint[], %s::bytea[]) as k (agent, spool, sequence, sha256)
             join spools s on s.spool = k.spool and s.agent = k.agent
             join ledger l on l.spool_id = s.spool_id and l.sequence = k.sequence and l.sha256 = k.sha256""",
        [list(agents), list(spools), list(sequences), list(digests)],
    )
    there = {(agent, spool, sequence, bytes(digest)) for agent, spool, sequence, digest in rows}
    done.redelivered += [(agent, (spool, sequence)) for agent, spool, sequence, _ in there]
    return [r for r in refused if (r.agent, r.spool, r.sequence, r.sha256) not in there]


def _reading_refusals(entry: Entry) -> list[ReadingRefusal]:
    return [
        ReadingRefusal(
            agent=entry.agent,
            sha256=sha256(refusal.payload.encode()).digest(),
            reason=refusal.reason,
            detail=f"{refusal.source}: {refusal.detail}",
            payload=refusal.payload.encode(),
            spool=entry.batch.spool,
            sequence=entry.batch.sequence,
            received_at=instant(entry.received_us),
        )
        for refusal in entry.batch.refusals
    ]
