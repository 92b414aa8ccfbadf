"""Which files are followed, how far each was read, and what has come since: over rotation, truncation and restarts.

How far a file was read is kept with its inode, its name, and a digest of the bytes right before that place. Inode and
name say where to look, the digest proves that it is the same content: a truncated file, a new one under an old name or
number, and a copy are told apart.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from edge.sources.source import SourceTroubleError

_PROOF_BYTES = 64
_PROOF_CHARACTERS = 12
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_NUMBERED = re.compile(r"[.-](\d+)$")
_FORGOTTEN_AFTER_S = 600.0
"""A file that is not there may only be on its way to another name."""


class Found(NamedTuple):
    """A file as the folder shows it."""

    path: Path
    inode: int
    size: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file was read: ``offset`` bytes, which end as ``proof`` says."""

    inode: int
    name: str
    offset: int = 0
    proof: str = ""

    def is_of(self, file: BinaryIO) -> bool:
        """Tell whether a file begins with what was read."""
        return os.fstat(file.fileno()).st_size >= self.offset and proof_at(file, self.offset) == self.proof


def proof_at(file: BinaryIO, offset: int) -> str:
    """Return a digest of the bytes right before an offset."""
    if offset == 0:
        return ""
    start = max(0, offset - _PROOF_BYTES)
    return hashlib.sha256(os.pread(file.fileno(), offset - start, start)).hexdigest()[:_PROOF_CHARACTERS]


class Place:
    """Where the files are: one file with those that it was rotated to, or the files of a folder."""

    def __init__(self, path: Path, pattern: str, most_files: int) -> None:
        self._path = path
        self._pattern = pattern
        self._most_files = most_files

    def is_live(self, file: Found) -> bool:
        """Tell whether a file is the one that is followed, not one that it was rotated to."""
        return file.path == self._path

    @property
    def is_folder(self) -> bool:
        """Whether all files of a folder are followed."""
        return self._path.is_dir()

    def files(self) -> list[Found]:
        """Return the files, the oldest first and the live one last.

        Raises
        ------
        SourceTroubleError
            There is none, or there are too many.
        """
        folder, pattern = (self._path, self._pattern) if self.is_folder else (self._path.parent, None)
        try:
            found = [self._found(path) for path in folder.iterdir() if self._is_wanted(path, pattern)]
        except OSError as error:
            problem = f"{folder} cannot be read: {error.strerror}"
            raise SourceTroubleError(problem, "check path, and that the agent's user may read it") from error
        files = [file for file in found if file is not None]
        if not files and pattern is None:
            fix = "check path; where the file is only to come, this ends by itself"
            raise SourceTroubleError(f"{self._path} is not there", fix)
        if len(files) > self._most_files:
            problem = f"{folder} holds more than {self._most_files} files that match"
            raise SourceTroubleError(problem, "move old exports away, narrow pattern, or raise most_files")
        return sorted(files, key=self._age)

    def _is_wanted(self, path: Path, pattern: str | None) -> bool:
        name = path.name
        if name.startswith(".") or name.endswith(_COMPRESSED):
            return False
        return path.match(pattern) if pattern is not None else self._is_own(name)

    def _is_own(self, name: str) -> bool:
        own = self._path.name
        return name == own or (name.startswith(own) and name[len(own)] in ".-")

    def _found(self, path: Path) -> Found | None:
        try:
            state = path.stat()
        except FileNotFoundError:
            return None
        return Found(path, state.st_ino, state.st_size, state.st_mtime_ns) if path.is_file() else None

    def _age(self, file: Found) -> tuple[bool, int, int, str]:
        number = _NUMBERED.search(file.path.name)
        is_live = not self.is_folder and self.is_live(file)
        return is_live, file.changed_ns, -int(number[1]) if number and not self.is_folder else 0, file.path.name


class Progresses:
    """How far every file was read; as text, the position of the source."""

    def __init__(self, position: str | None, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """Go on at a position; raises ``SourceTroubleError`` where it is not one."""
        try:
            rows = json.loads(position) if position else []
            self._known = [Progress(int(inode), str(name), int(at), str(proof)) for inode, name, at, proof in rows]
        except (TypeError, ValueError):
            problem = "what was kept about this source's name is not how far files were read"
            raise SourceTroubleError(problem, "give the source another name to let it begin anew") from None
        self._monotonic_s = monotonic_s
        self._missing_since: dict[Progress, float] = {}
        self._proved: dict[Found, Progress] = {}
        """What the last look proved of files that have not changed since."""

    @property
    def position(self) -> str:
        """The position."""
        rows = [[each.inode, each.name, each.offset, each.proof] for each in self._known]
        return json.dumps(rows, separators=(",", ":"))  # in ASCII: a name may hold bytes that are no UTF-8

    def note(self, before: Progress, after: Progress) -> None:
        """Exchange how far a file was read."""
        self._known = [*(each for each in self._known if each != before), after]

    def matched(self, files: list[Found], live: Callable[[Found], bool] | None) -> list[tuple[Found, Progress]]:
        """Return the files with how far each was read; new ones at their beginning.

        ``live`` tells the one file that is followed from those that it was rotated to (None: a folder of files). A copy
        of the live file is left out: it may be the rotation under way, and is told apart when the live one is cut.
        """
        known = set(self._known)
        proved = {file: each for file in files if (each := self._proved.get(file)) in known and each is not None}
        for same in (_same_inode, _same_name) if live is None else (_same_inode, _same_name, _is_copy_beside(live)):
            for file in files:
                if file not in proved:
                    free = known.difference(proved.values())
                    mine = _first_of(file, [each for each in free if same(file, each)])
                    proved |= {file: mine} if mine else {}
        self._proved = proved
        self._forget(known.difference(proved.values()))
        read = [proved[file] for file in files if live and live(file) and file in proved and proved[file].offset]
        return [
            (file, proved.get(file) or Progress(file.inode, file.path.name))
            for file in files
            if file in proved or _first_of(file, read) is None
        ]

    def _forget(self, missing: set[Progress]) -> None:
        now_s = self._monotonic_s()
        self._missing_since = {each: self._missing_since.get(each, now_s) for each in missing}
        gone = {each for each, since_s in self._missing_since.items() if now_s - since_s > _FORGOTTEN_AFTER_S}
        self._known = [each for each in self._known if each not in gone]


def _same_inode(file: Found, progress: Progress) -> bool:
    return file.inode == progress.inode


def _same_name(file: Found, progress: Progress) -> bool:
    return file.path.name == progress.name


def _is_copy_beside(live: Callable[[Found], bool]) -> Callable[[Found, Progress], bool]:
    return lambda file, progress: not live(file) and progress.offset > 0


def _first_of(file: Found, candidates: list[Progress]) -> Progress | None:
    """Return the furthest progress that is of this file's content."""
    if not candidates:
        return None
    with opened(file) as content:
        if content is None:
            return None
        furthest = sorted(candidates, key=lambda each: -each.offset)
        return next((each for each in furthest if each.is_of(content)), None)


@contextmanager
def opened(file: Found) -> Iterator[BinaryIO | None]:
    """Open a file; None where it has just gone, or another has its name."""
    try:
        content = file.path.open("rb")
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        problem = f"{file.path} cannot be read: {error.strerror}"
        raise SourceTroubleError(problem, "let the agent's user read it") from error
    with content:
        yield content if os.fstat(content.fileno()).st_ino == file.inode else None
