"""Room on the disk for what makes room: a file of nothing beside the spool, given up when the disk is full.

Taking acknowledged batches out of a spool needs a little room first, for the write-ahead log and its way into the file.
On a disk that the spool itself has filled there would be none, and no acknowledgement could ever change that.
"""

from __future__ import annotations

import os
from pathlib import Path

from edge import event_log

RESERVE_BYTES = 8 * 1024 * 1024
"""Enough for a whole write-ahead log, which SQLite writes back into the file from 4 MiB on."""
_FIX = "free space on the disk that holds the spool: without a reserve a full disk takes no acknowledgements either"

log = event_log.get(__name__)


class Reserve:
    """The file ``<spool>.reserve``."""

    def __init__(self, spool: Path) -> None:
        self._path = spool.with_name(f"{spool.name}.reserve")
        self._held = False
        self._missed = False

    def take(self) -> None:
        """Have the file, where the disk allows it."""
        if self._held:
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
            finally:
                os.close(descriptor)
        except OSError as error:
            self.release()
            if not self._missed:
                log.warning("spool_reserve_missing", problem=error.strerror, fix=_FIX)
            self._missed = True
        else:
            self._held, self._missed = True, False

    def release(self) -> None:
        """Give the room back to the disk."""
        self._held = False
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("spool_reserve_kept", problem=error.strerror, fix=_FIX)
