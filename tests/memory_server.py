"""The database server of a test session with its files in memory, where this machine has the room."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

from standalone.database_choice import choose_server
from standalone.named_server import NamedServer
from standalone.postgres import PrivateServer

_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there is looked at before it is used
_ROOM_BYTES = 4 * 1024**3
"""Free memory that is asked for; a session takes up to 2 GiB, most of it write-ahead log."""


def choose_session_server(data: Path, name: str) -> PrivateServer | NamedServer:
    """Return the server to use, not started: as ``choose_server`` does, but a private one in memory if that can be.

    A database is some six hundred files. On a disk, making and dropping one for each test costs ten times as much, and
    shows nothing more: tests end processes, which leave their files to the kernel. ``deploy/faults`` and the benchmarks
    keep to the disk.
    """
    server = choose_server(data, name)
    if not isinstance(server, PrivateServer) or server.installation.root is not None:
        return server
    folder = _own_folder()
    if folder is None:
        return server
    return PrivateServer(replace(server.installation, clusters=folder), folder / name)


def _own_folder() -> Path | None:
    """Return a folder in memory that nobody else can change, None where there is none or too little room."""
    try:
        free = os.statvfs(_MEMORY)
        if min(free.f_bavail * free.f_frsize, _available_bytes()) < _ROOM_BYTES:
            return None
        folder = _MEMORY / f"smartstore-tests-{os.geteuid()}"
        folder.mkdir(mode=0o755, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return folder if is_own else None


def _available_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return 0
