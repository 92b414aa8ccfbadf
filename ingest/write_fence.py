"""Waiting for the writes in flight: those that may not know yet what was closed a moment ago."""

from __future__ import annotations

import time
from threading import Event

from edge import event_log
from ingest.store.connection import Database
from ingest.store.watermarks import writes_in_flight

log = event_log.get(__name__)

LONGEST_WAIT_S = 10.0
_LOOK_AGAIN_S = 0.02


def writes_have_ended(connection: Database, stopping: Event, longest_wait_s: float, waiting: str) -> bool:
    """Wait until every write has ended that is in flight now; False where one takes too long or the process stops.

    ``waiting`` is the event that is logged then, with the processes that are waited for.
    """
    since_s = time.monotonic()
    awaited = writes_in_flight(connection)
    while awaited and not stopping.is_set():
        if time.monotonic() - since_s > longest_wait_s:
            fix = "it is tried again; if the same process stays, look for it in pg_stat_activity and end it"
            log.warning(waiting, database_processes=sorted(awaited.values()), fix=fix)
            break
        stopping.wait(_LOOK_AGAIN_S)
        there = writes_in_flight(connection)
        awaited = {transaction: process for transaction, process in awaited.items() if transaction in there}
    return not awaited
