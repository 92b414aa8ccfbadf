"""The folder of the releases: an environment for each version, and two links that say which of them counts.

``versions/<version>`` is a virtual environment. ``current`` is what the agent is started from. ``proven`` is the last
version that was watched and found healthy; the command that updates is run from there, so that a version that is on
trial need not be able to take itself back.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.durable_file import sync_folder
from edge.onboarding.wording import Words
from edge.update.problems import ReleaseDelayed
from edge.update.reported import versions_path

_VERSION = re.compile(r"[0-9]+(\.[0-9]+){2}")
_PROGRAM = Path("bin", "smartstore-edge")


class Layout:
    """The folder; it is root's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "incoming"
        """Where a release lies while it is looked at."""
        self._versions = versions_path(root)
        self._current, self._proven = root / "current", root / "proven"

    def environment(self, version: str) -> Path:
        """Return where a version is installed, or is to be."""
        return self._versions / version

    def program(self, version: str) -> Path:
        """Return the ``smartstore-edge`` of a version."""
        return self.environment(version) / _PROGRAM

    @property
    def current(self) -> str:
        """The version that the agent is started from; raises ``ReleaseDelayed`` where the folder says none."""
        return self._pointed_to(self._current)

    @property
    def proven(self) -> str:
        """The version that is known to be healthy; raises likewise."""
        return self._pointed_to(self._proven)

    def make_current(self, version: str) -> None:
        """Have the agent be started from a version from now on; returns when the disk knows."""
        self._point(self._current, version)

    def make_proven(self, version: str) -> None:
        """Have a version be what is gone back to; returns when the disk knows."""
        self._point(self._proven, version)

    def remove_others(self, kept: Collection[str | None]) -> None:
        """Remove every version but these and the two that are linked to."""
        linked = {self.current, self.proven}
        for path in self._versions.iterdir():
            if path.name not in kept and path.name not in linked:
                shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Have this process be the only one that updates; the kernel gives the lock back however it ends.

        Raises
        ------
        ReleaseDelayed
            Another process does, or this user may not write here.
        """
        try:
            lock = os.open(self.root / "update.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            problem = Words("{root} cannot be written ({error})", "无法写入 {root}（{error}）")
            fix = Words("run this as root; see the handbook's page on updates", "请以 root 运行；参见手册中的更新一节")
            raise ReleaseDelayed(problem.format(root=self.root, error=error.strerror), fix) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            problem = Words("another update is under way", "另一个更新正在进行")
            raise ReleaseDelayed(problem, Words("wait until it has ended", "请等待其结束")) from None
        try:
            yield
        finally:
            os.close(lock)

    def _pointed_to(self, link: Path) -> str:
        try:
            target = link.readlink()  # the text of the link: its target may be anything
        except OSError:
            target = Path()
        if target.parent != Path(self._versions.name) or not _VERSION.fullmatch(target.name):
            problem = Words("{link} is no link to versions/<version>", "{link} 不是指向 versions/<版本> 的链接")
            fix = Words(
                "lay the folder out as the handbook's page on updates says: versions/<version>, current and proven",
                "请按手册中更新一节布置该目录：versions/<版本>、current 和 proven",
            )
            raise ReleaseDelayed(problem.format(link=link), fix)
        return target.name

    def _point(self, link: Path, version: str) -> None:
        """Exchange a link at once: it leads to the old or to the new version at any moment, never to none."""
        if not self.program(version).exists():
            raise FileNotFoundError(f"{self.program(version)} is not there")
        fresh = link.with_name(f"{link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path(self._versions.name, version))
        fresh.replace(link)
        sync_folder(link.parent)
