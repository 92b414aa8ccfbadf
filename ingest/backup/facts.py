"""The facts of a database: taken when it is dumped, and again when a dump was restored."""

from __future__ import annotations

import numpy as np
import psycopg

from edge.wire.series import SeriesTable
from ingest.backup.manifest import AccountFact, DatabaseFacts, RowRootFact, SpoolFact
from ingest.canonical import records, root_of_leaves, root_of_series
from ingest.store import backup_facts as store
from ingest.store.account import account, rows_by_spool
from ingest.store.backup_facts import SampledEntry
from ingest.store.connection import Database
from ingest.store.schema_state import applied_migrations

SAMPLE = 100


def facts_of(connection: Database, roots: list[RowRootFact]) -> DatabaseFacts:
    """Return what a database holds; ``roots`` are the row roots that were computed again."""
    return DatabaseFacts(
        migrations={number: sha256.hex() for number, sha256 in applied_migrations(connection).items()},
        rows=store.rows_of_tables(connection),
        spools=[
            SpoolFact(spool=spool, agent=agent, entries=entries, head=head.hex())
            for spool, agent, entries, head in store.spool_heads(connection)
        ],
        account=_account(connection),
        row_roots=roots,
    )


def sampled_roots(connection: Database) -> tuple[list[RowRootFact], list[SampledEntry]]:
    """Return the row roots of a sample of ledger entries that hold, and the entries whose root differs.

    Entries of which retention has removed rows are proved by the leaves that it kept.
    """
    good, bad = [], []
    for entry in store.sampled_entries(connection, SAMPLE):
        root, rows = row_root(connection, entry)
        if root == entry.row_root:
            good.append(RowRootFact(spool=entry.spool, sequence=entry.sequence, row_root=root.hex()))
        elif rows == entry.readings:
            bad.append(entry)
    return good, bad


def roots_again(connection: Database, wanted: list[RowRootFact]) -> list[RowRootFact]:
    """Return the row roots of these entries, computed from the rows that are here now."""
    found = []
    for fact in wanted:
        entry = store.entry_of(connection, fact.spool, fact.sequence)
        root = b"" if entry is None else row_root(connection, entry)[0]
        found.append(fact.model_copy(update={"row_root": root.hex()}))
    return found


def row_root(connection: Database, entry: SampledEntry) -> tuple[bytes, int]:
    """Return the Merkle root over the rows that came with an entry, and their number.

    Where rows of it are removed, it is the root over the leaves that were kept of it.
    """
    table = SeriesTable.model_validate_json(entry.series_table)
    found = store.rows_of_entry(connection, entry, [series.definition for series in table.series])
    leaves = []
    for series in found:
        t_us, ordinal, value, flags = zip(*series.rows, strict=True)
        arrays = np.array(t_us), np.array(ordinal, np.int16), np.array(value), np.array(flags, np.int16)
        leaves.append((series.definition, records(*arrays)))
    root = root_of_series(leaves)
    if root != entry.row_root:
        root = root_of_leaves(kept) if (kept := store.leaves_kept(connection, entry.entry_id)) else root
    return root, sum(len(series.rows) for series in found)


def _account(connection: Database) -> list[AccountFact] | None:
    try:
        with connection.transaction():
            rows = rows_by_spool(connection)
            return [
                AccountFact(
                    spool=each.spool,
                    agent=each.agent,
                    committed=each.committed,
                    refused=each.refused,
                    declared_lost=each.declared_lost,
                    missing=each.missing,
                    readings_sealed=each.readings_sealed,
                    rows_stored=rows.get(each.spool, 0) if each.committed else 0,
                    duplicates=each.duplicates,
                    corrections=each.corrections,
                    chain_breaks=each.chain_breaks,
                )
                for each in account(connection)
            ]
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction):
        return None  # a schema of another release
