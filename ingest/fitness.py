"""Whether a worker of this release may write to a database: only one whose schema is this release's."""

from __future__ import annotations

from ingest.migrate import schema_files
from ingest.store.connection import Database
from ingest.store.link import NotReadyError, UnfitError
from ingest.store.schema_state import applied_migrations


def check_schema(connection: Database) -> None:
    """Look at the schema on a new connection of a worker.

    An older schema is waited for: somebody is about to migrate. With a newer one the worker ends, since what a write
    has to keep in step there is not known to it, even where every statement of it still works.

    Raises
    ------
    NotReadyError
        Files of this release's schema are still to be applied.
    UnfitError
        The schema is of a newer release, or of another one.
    """
    applied = applied_migrations(connection)
    wanted = {file.number: file.sha256 for file in schema_files()}
    if applied.keys() - wanted.keys():
        msg = f"the schema is of a newer release ({max(applied)}, this one: {max(wanted)}): install that release here"
        raise UnfitError(msg)
    if any(applied[number] != wanted[number] for number in applied):
        msg = "the schema was made by another release of this software: install that one here"
        raise UnfitError(msg)
    if missing := wanted.keys() - applied.keys():
        msg = f"the schema lacks {len(missing)} files of this release: run smartstore-ingest migrate"
        raise NotReadyError(msg)
