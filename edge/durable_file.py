"""Small files: written so that they hold all of the old or all of the new, read without trust in who wrote them."""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from pathlib import Path


def write_durably(path: Path, content: bytes, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Replace a file, or make it, and return when the disk has it.

    The new file is made beside it with its mode before anything is written, so that a secret is never readable by
    others. ``owner``: numbers of user and group, where it is not to be this process.

    Raises
    ------
    OSError
        The folder cannot be written, or the disk is full; the old file is as it was.
    """
    fresh = path.with_name(f"{path.name}.writing")
    fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_passing(path: Path, text: str) -> None:
    """Replace a file that informs a person and that nothing depends on: whole, but when the disk has it is its own.

    Raises
    ------
    OSError
        The folder cannot be written, or the disk is full; the old file is as it was.
    """
    fresh = beside(path, ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


@lru_cache(maxsize=16)
def beside(path: Path, ending: str) -> Path:
    """Return the path of the file that lies beside another under the same name with an ending.

    The same object each time: pathlib interns the parts of every new path, and what an agent interns a few times a
    second has Python triple its table of interned names within the hour, which is half a MiB.
    """
    return path.with_name(f"{path.name}{ending}")


def remove_durably(path: Path) -> None:
    """Remove a file that may not be there, and return when the disk knows.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk know the folder's present names."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def read_small(path: Path, most_bytes: int = 1024 * 1024) -> bytes:
    """Return what a small file holds that another user may have put there: no link, pipe or device is followed.

    Raises
    ------
    OSError
        There is no such file, it is no plain file, it is larger than that, or it cannot be read.
    """
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(f"{path} is no plain file")
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(f"{path} is larger than {most_bytes} bytes")
    return content
