"""Old chunks moved to the columnstore, one a transaction; who wants to write to one goes first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread

from psycopg import Error, errors

from edge import event_log
from ingest.store import compression as store
from ingest.store.connection import Database

log = event_log.get(__name__)

_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Compression:
    """Runs over the chunks that ended ``after`` ago; ``stopping`` ends a run between two chunks.

    ``watching`` is a second connection: it sees whether others wait for the one that compresses.
    """

    connection: Database
    watching: Database
    after: timedelta
    chunk_interval: timedelta
    stopping: Event = field(default_factory=Event)
    patience: timedelta = timedelta(seconds=3)
    """How long others wait for a chunk before its compression is given up for this time."""

    def run(self) -> bool:
        """Compress what is old enough, and anew what got rows since; return whether there is more to do.

        A chunk that others wait for is left for the next run.
        """
        if not store.has_chunks(self.connection):
            return False
        store.set_chunk_interval(self.connection, self.chunk_interval)
        if not store.has_columnstore(self.connection):
            return False
        for chunk in store.chunks_to_compress(self.connection, self.after):
            if self.stopping.is_set():
                break
            self._compress(chunk)
        return False

    def _compress(self, chunk: str) -> None:
        try:
            with self._giving_way():
                store.compress(self.connection, chunk)
        except (errors.QueryCanceled, errors.LockNotAvailable) as error:
            log.info("compression_gave_way", chunk=chunk, error=str(error).strip())
        else:
            log.info("chunk_compressed", chunk=chunk)

    @contextmanager
    def _giving_way(self) -> Iterator[None]:
        """Cancel the statement within as soon as somebody has waited long enough for it, or the process is stopping."""
        ended = Event()
        process = self.connection.info.backend_pid

        def watch() -> None:
            while not ended.wait(_LOOK_EVERY_S):
                if self.stopping.is_set() or self._is_waited_for(process):
                    self.connection.cancel_safe()
                    return

        thread = Thread(target=watch, name="compression watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _is_waited_for(self, process: int) -> bool:
        try:
            return store.is_waited_for(self.watching, process, self.patience)
        except Error as error:  # who cannot see whether others wait does not make them
            log.warning("compression_not_watched", error=str(error).strip(), fix="none: it is tried again")
            return True
