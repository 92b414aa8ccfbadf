"""``pg_dump`` and ``pg_restore``: which of those on this machine fit the server, and how they are run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from edge import event_log

log = event_log.get(__name__)

_DEBIAN = Path("/usr/lib/postgresql")
_MOST_TOLD = 2000


class BackupError(RuntimeError):
    """A backup or restore cannot be done or is not right; the message says what to do."""


@dataclass(frozen=True, slots=True)
class PostgresProgram:
    """A program of PostgreSQL, and its own version such as ``15.4``."""

    path: Path
    version: str

    @property
    def major(self) -> int:
        """The major version."""
        return int(self.version.split(".")[0])

    def run(self, dsn: str, arguments: Sequence[str | Path]) -> None:
        """Run it on a database; the password goes by the environment, since everyone can read arguments.

        Raises
        ------
        BackupError
            It ended with an error; the message holds what it said.
        """
        parts = conninfo_to_dict(dsn)
        password = parts.pop("password", None)
        environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
        done = subprocess.run(  # noqa: S603 - a program of PostgreSQL with arguments of this module's callers
            [self.path, f"--dbname={make_conninfo('', **parts)}", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            msg = f"{self.path} ended with exit code {done.returncode}: {done.stderr.strip()[-_MOST_TOLD:]}"
            raise BackupError(msg)
        if done.stderr:
            log.debug("postgres_program_said", program=str(self.path), text=done.stderr[-_MOST_TOLD:])


def find_program(name: str, server_major: int, folder: Path | None, server_folder: str | None) -> PostgresProgram:
    """Return the program that fits a server best: of its own major version, else of the next newer one.

    Parameters
    ----------
    folder
        Where to look and nowhere else (``--bin``); None: the server's folder, Debian's folders, and ``PATH``.
    server_folder
        Where the server says that its own programs are, which means something on its own machine only.

    Raises
    ------
    BackupError
        There is none that can read a server of this version.
    """
    found = [
        PostgresProgram(path, version)
        for path in (_named(name, server_major, server_folder) if folder is None else [folder / name])
        if (version := _version(path)) is not None
    ]
    fitting = [program for program in found if program.major >= server_major]
    if not fitting:
        there = ", ".join(f"{program.path} ({program.version})" for program in found) or "none"
        msg = (
            f"no {name} for a server of PostgreSQL {server_major} was found (found: {there}); install its client"
            f" programs (Debian: postgresql-client-{server_major}), or name their folder with --bin"
        )
        raise BackupError(msg)
    return min(fitting, key=lambda program: program.major)


def _named(name: str, server_major: int, server_folder: str | None) -> Iterator[Path]:
    if server_folder is not None:
        yield Path(server_folder) / name
    yield _DEBIAN / str(server_major) / "bin" / name
    in_path = shutil.which(name)
    if in_path is not None:
        yield Path(in_path)


def _version(path: Path) -> str | None:
    """Return what a program says of its version, None where it cannot be run."""
    try:
        said = subprocess.run(  # noqa: S603 - the candidate itself
            [path, "--version"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\d+(\.\d+)*", said)
    return match[0] if match else None
