"""What the scheduler asks of the database besides its work: who leads, who does a job, and how far one may go."""

from __future__ import annotations

from psycopg.types.numeric import Int4

from ingest.store.connection import Database

_LEAD = 0x6C656164  # "lead": the scheduler that works, in a database
_JOB = 0x6A6F6273  # "jobs": with a job's name, the session that does it


def take_lead(connection: Database) -> bool:
    """Keep the lead to this connection until it closes; False where another scheduler has it.

    It is tried, not waited for: a session that waits for a lock holds back the removal of dead rows.
    """
    ((taken,),) = connection.execute("select pg_try_advisory_lock(%s)", [_LEAD]).fetchall()
    return taken is True


def take_job(connection: Database, name: str) -> bool:
    """Keep a job to this connection until it closes; False where the session of a dead scheduler still ends it."""
    ((taken,),) = connection.execute("select pg_try_advisory_lock(%s, hashtext(%s))", [Int4(_JOB), name]).fetchall()
    return taken is True


def bound_job(connection: Database, statement_timeout_s: float) -> None:
    """Bound what a job's statements may wait for and last, and have them end with the process that asked.

    What comes late is taken up whatever it makes of compressed chunks: the job's own portions bound it.
    """
    connection.execute(
        """select set_config(b.name, b.value, false)
             from (values ('lock_timeout', '5s'),
                          ('statement_timeout', %s),
                          ('client_connection_check_interval', '2s'),
                          ('timescaledb.max_tuples_decompressed_per_dml_transaction', '0')) as b (name, value)
             join pg_settings using (name)""",
        [f"{round(statement_timeout_s * 1000)}ms"],
    )
