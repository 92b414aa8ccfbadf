"""The ledger's entries counted once they are settled: at the earliest by the run after the one that saw them first."""

from __future__ import annotations

from threading import Event

from ingest.store.batch_counts import LedgerEnd, count_entries, is_settled, ledger_end
from ingest.store.connection import Database


class BatchCounting:
    """Remembers between runs where the ledger ended; one that has forgotten it counts a run later."""

    def __init__(self) -> None:
        self._seen: LedgerEnd | None = None

    def run(self, connection: Database, stopping: Event) -> None:
        """Count the entries that the run before saw, if every transaction of that moment has ended."""
        if self._seen is not None:
            if not is_settled(connection, self._seen):
                return
            while not stopping.is_set() and count_entries(connection, self._seen.entry_id):
                pass
        self._seen = ledger_end(connection)
