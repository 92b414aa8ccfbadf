"""A file system of its own, of a few MiB, that a test fills and frees: for servers that have to meet a full disk."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Self

from standalone.account import Account, give

_MOUNT = "/usr/bin/mount"
_CHUNK = bytes(1024 * 1024)


def lacks_volumes() -> str | None:
    """Return why there can be no such volume here, None where there can."""
    if os.geteuid() != 0:
        return "only root can mount a small file system"
    return None if Path(_MOUNT).exists() else f"there is no {_MOUNT}"


class SmallVolume:
    """A tmpfs in a folder, mounted from enter to exit."""

    def __init__(self, folder: Path, size_mib: int, account: Account | None) -> None:
        self.folder = folder
        self._size_mib = size_mib
        self._account = account
        self._ballast = folder / "ballast"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        options = f"size={self._size_mib}m,mode=0700"
        subprocess.run([_MOUNT, "-t", "tmpfs", "-o", options, "smartstore-test", self.folder], check=True)
        give(self.folder, self._account, 0o700)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["/usr/bin/umount", "--lazy", self.folder], check=True)
        self.folder.rmdir()

    def fill(self) -> None:
        """Take all the room that is left."""
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while file.write(_CHUNK):
                    pass
            except OSError:
                return

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink()
