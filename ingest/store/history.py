"""What an import of a history asks of the ledger: whether it is alone, and when it was begun."""

from __future__ import annotations

from uuid import UUID

from ingest.store.connection import Database


def take_spool(connection: Database, spool: UUID) -> bool:
    """Keep a spool to this connection until it closes; False where another import has it."""
    key = spool.int & (2**63 - 1)
    row = connection.execute("select pg_try_advisory_lock(%s::bigint)", [key]).fetchone()
    return row is not None and row[0] is True


def sealing_us(connection: Database, spool: UUID) -> int | None:
    """Return the time of sealing of a spool's batches in µs since 1970, None where it has none in the ledger."""
    row = connection.execute(
        """select (extract(epoch from sealed_at) * 1000000)::bigint
             from ledger where spool_id = (select spool_id from spools where spool = %s) limit 1""",
        [spool],
    ).fetchone()
    return None if row is None else int(row[0])
