"""The unprivileged account that servers run under when the launcher is root."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

_PREFERRED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user and group by number; ``name`` is for messages."""

    name: str
    user: int
    group: int

    def reaches(self, path: Path) -> bool:
        """Return whether this account can enter the folder ``path`` (and so every folder above it)."""
        answer = subprocess.run(
            ["/usr/bin/test", "-d", path, "-a", "-x", path],
            user=self.user,
            group=self.group,
            extra_groups=[],
            cwd="/",
            check=False,
        )
        return answer.returncode == 0


def server_account() -> Account | None:
    """Return the account for servers; None for an ordinary user, whose servers run as that user."""
    if os.geteuid() != 0:
        return None
    for name in _PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    return Account("nobody", 65534, 65534)


def give(path: Path, account: Account | None, mode: int) -> None:
    """Set the mode of ``path`` and, where there is an account, make it the owner."""
    if account is not None:
        os.chown(path, account.user, account.group)
    path.chmod(mode)
