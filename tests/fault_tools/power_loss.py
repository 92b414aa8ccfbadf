"""What a disk holds after a power loss: a model of a file system that keeps its promises about syncs and no others.

A synced file holds what was written before the sync. Of what was written, truncated, created or deleted since, any
part may be there: any subset of the changes, and of a write any subset of its sectors. A sector is old or new, never
mixed: what SQLite calls power-safe overwrite and relies upon.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple

from fault_tools.sqlite_files import OK

SECTOR_BYTES = 512


class Change(NamedTuple):
    """One call: a file is created, written at an offset, truncated to a size, synced, deleted; a folder is synced."""

    kind: Literal["create", "write", "truncate", "sync", "delete", "sync_folder"]
    name: str
    offset: int = 0
    data: bytes = b""


@dataclass
class Record:
    """A watcher that notes every change of the files of one folder."""

    changes: list[Change] = field(default_factory=list)

    def created(self, path: Path) -> int:
        return self._note(Change("create", path.name))

    def written(self, path: Path, offset: int, data: bytes) -> int:
        return self._note(Change("write", path.name, offset, data))

    def truncated(self, path: Path, size: int) -> int:
        return self._note(Change("truncate", path.name, size))

    def synced(self, path: Path) -> int:
        return self._note(Change("sync", path.name))

    def deleted(self, path: Path) -> int:
        return self._note(Change("delete", path.name))

    def directory_synced(self, _path: Path) -> int:
        return self._note(Change("sync_folder", ""))

    def _note(self, change: Change) -> int:
        self.changes.append(change)
        return OK


@dataclass
class _Stored:
    synced: bytearray = field(default_factory=bytearray)
    unsynced: list[Change] = field(default_factory=list)


class Disk:
    """The files of one folder, change by change."""

    def __init__(self) -> None:
        self._named: dict[str, _Stored] = {}
        """As the folder is now."""
        self._durable: dict[str, _Stored] = {}
        """As the folder was at its last sync."""
        self._moves: list[tuple[str, _Stored | None]] = []
        """Names given (None: taken away) since."""

    def apply(self, change: Change) -> None:
        """Let the next change happen."""
        match change.kind:
            case "create" | "delete":
                stored = _Stored() if change.kind == "create" else None
                self._moves.append((change.name, stored))
                _move(self._named, change.name, stored)
            case "sync":
                stored = self._named[change.name]
                for each in stored.unsynced:
                    _change(stored.synced, each)
                stored.unsynced.clear()
            case "sync_folder":
                self._durable = dict(self._named)
                self._moves.clear()
            case "write" | "truncate":
                self._named[change.name].unsynced.append(change)

    def with_synced_only(self) -> dict[str, bytes]:
        """Return the files of which nothing is left but what was synced."""
        return {name: bytes(stored.synced) for name, stored in self._durable.items()}

    def with_everything(self) -> dict[str, bytes]:
        """Return the files as a process sees them: what a kill leaves."""
        return {name: _content(stored, stored.unsynced) for name, stored in self._named.items()}

    def with_a_part(self, random: Random) -> dict[str, bytes]:
        """Return the files after a loss of power that caught the disk in the midst of its work."""
        share = random.choice((0.1, 0.5, 0.9))
        named = dict(self._durable)
        for name, stored in self._moves:
            if random.random() < share:
                _move(named, name, stored)
        return {name: _content(stored, _survivors(stored.unsynced, random, share)) for name, stored in named.items()}


def _survivors(changes: list[Change], random: Random, share: float) -> list[Change]:
    kept: list[Change] = []
    for change in changes:
        if change.kind == "truncate" or random.random() < 0.5:
            kept += [change] if random.random() < share else []
        else:
            kept += [sector for sector in _sectors(change) if random.random() < share]
    return kept


def _sectors(write: Change) -> list[Change]:
    """Cut a write where sectors of the disk begin."""
    cut: list[Change] = []
    start = 0
    while start < len(write.data):
        end = start + SECTOR_BYTES - (write.offset + start) % SECTOR_BYTES
        cut.append(write._replace(offset=write.offset + start, data=write.data[start:end]))
        start = end
    return cut


def _content(stored: _Stored, changes: list[Change]) -> bytes:
    content = bytearray(stored.synced)
    for change in changes:
        _change(content, change)
    return bytes(content)


def _change(content: bytearray, change: Change) -> None:
    end = change.offset + len(change.data)
    if change.kind == "truncate":
        del content[change.offset :]
    content.extend(bytes(max(0, end - len(content))))
    content[change.offset : end] = change.data


def _move(named: dict[str, _Stored], name: str, stored: _Stored | None) -> None:
    if stored is None:
        named.pop(name, None)
    else:
        named[name] = stored
