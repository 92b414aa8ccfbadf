"""The columnstore: which chunks are old enough for it, and moving one there. TimescaleDB's community edition alone."""

from __future__ import annotations

from datetime import timedelta

from ingest.store.connection import Database

_OURS = "^(readings|buckets|increments)_"
_UNPACKED = 2 | 8  # of a chunk's status: rows out of order, rows beside the columns


def has_chunks(connection: Database) -> bool:
    """Tell whether readings are in chunks: whether the schema was made with TimescaleDB."""
    ((there,),) = connection.execute(
        "select exists (select from pg_extension where extname = 'timescaledb')"
    ).fetchall()
    return there is True


def has_columnstore(connection: Database) -> bool:
    """Tell whether chunks can be compressed: whether the schema was made with TimescaleDB's community edition."""
    ((there,),) = connection.execute(
        """select exists (select from timescaledb_information.hypertables
                           where hypertable_name = 'readings_count' and compression_enabled)"""
    ).fetchall()
    return there is True


def set_chunk_interval(connection: Database, interval: timedelta) -> None:
    """Have the next chunks of live readings span this time; those that are there stay as they are."""
    connection.execute(
        """select set_chunk_time_interval(format('%%I.%%I', hypertable_schema, hypertable_name)::regclass, %(interval)s)
             from timescaledb_information.dimensions
            where hypertable_name in ('readings_count', 'readings_state') and time_interval <> %(interval)s""",
        {"interval": interval},
    )


def chunks_to_compress(connection: Database, after: timedelta) -> list[str]:
    """Return the chunks that ended so long ago and are not compressed, or not wholly, the oldest first."""
    rows = connection.execute(
        """select format('%%I.%%I', c.chunk_schema, c.chunk_name)
             from timescaledb_information.chunks c
             join timescaledb_information.hypertables h using (hypertable_schema, hypertable_name)
             join _timescaledb_catalog.chunk k on k.schema_name = c.chunk_schema and k.table_name = c.chunk_name
            where h.compression_enabled and c.hypertable_name ~ %s and c.range_end < clock_timestamp() - %s::interval
              and (not c.is_compressed or k.status & %s <> 0)
            order by c.range_end, c.hypertable_name""",
        [_OURS, after, _UNPACKED],
    )
    return [name for (name,) in rows]


def compress(connection: Database, chunk: str) -> None:
    """Move a chunk's rows to the columnstore; nobody can add to the chunk meanwhile."""
    connection.execute("select compress_chunk(%s::regclass)", [chunk])


def is_waited_for(connection: Database, process: int, patience: timedelta) -> bool:
    """Tell whether a session has waited so long for what a server process does."""
    ((waited,),) = connection.execute(
        """select exists (
               select from pg_locks l
                where not l.granted and l.waitstart < clock_timestamp() - %s::interval
                  and %s = any(pg_blocking_pids(l.pid)))""",
        [patience, process],
    ).fetchall()
    return waited is True
