"""A disk that is full, or turns read-only, for SQLite's files in one folder."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fault_tools.sqlite_files import FULL, OK, READONLY


@dataclass
class SmallDisk:
    """A watcher that lets files grow to ``capacity_bytes`` together; what was never written takes no room."""

    folder: Path
    capacity_bytes: int
    read_only: bool = False
    refused: int = 0

    def created(self, _path: Path) -> int:
        return self._answer(0)

    def written(self, path: Path, offset: int, data: bytes) -> int:
        growth = max(0, offset + len(data) - path.stat().st_size)
        return self._answer(growth)

    def truncated(self, path: Path, size: int) -> int:
        return self._answer(max(0, size - path.stat().st_size))

    def synced(self, _path: Path) -> int:
        return OK

    def deleted(self, _path: Path) -> int:
        return self._answer(0)

    def directory_synced(self, _path: Path) -> int:
        return OK

    def _answer(self, growth: int) -> int:
        if self.read_only:
            self.refused += 1
            return READONLY
        if growth and self.used() + growth > self.capacity_bytes:
            self.refused += 1
            return FULL
        return OK

    def used(self) -> int:
        """Return the bytes that the files of the folder take, without the shared memory of the index."""
        total = 0
        for path in self.folder.iterdir():
            if not path.name.endswith("-shm"):
                with suppress(FileNotFoundError):  # another thread has just renamed or deleted it
                    total += path.stat().st_size
        return total

    def allocate(self, descriptor: int, _offset: int, size: int) -> None:
        """Stand in for ``os.posix_fallocate``, which SQLite does not see."""
        if self._answer(size) != OK:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.ftruncate(descriptor, size)
