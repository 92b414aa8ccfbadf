"""The one folder that the launcher writes: environment, unpacked packages, databases, logs."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from standalone.account import server_account
from standalone.failure import CannotStart

CLONE = Path(__file__).resolve().parents[2]
_VARIABLE = "SMARTSTORE_DATA"


def data_folder() -> Path:
    """Return the data folder, made if it wasn't there: ``SMARTSTORE_DATA``, else ``.smartstore`` in the clone.

    As root, the servers run under an unprivileged account; where that can't reach a clone (one under a closed home,
    say), the folder is a private one under ``/var/tmp``, and a line says so.
    """
    named = os.environ.get(_VARIABLE)
    if named:
        return _checked(Path(named).resolve())
    wanted = CLONE / ".smartstore"
    account = server_account()
    if account is None or account.reaches(CLONE):
        return _checked(wanted)
    mark = hashlib.sha256(str(CLONE).encode()).hexdigest()[:12]
    folder = Path("/var/tmp") / f"smartstore-{mark}"  # noqa: S108 - owner and kind are checked below
    print(f"data folder: {folder} (account {account.name!r}, which runs the servers, can't reach {CLONE})", flush=True)
    os.environ[_VARIABLE] = str(folder)  # said once: the processes started from here find it named
    return _checked(folder)


def _checked(folder: Path) -> Path:
    fix = f"name another folder in {_VARIABLE}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"data folder {folder} can't be made ({error.strerror}): {fix}") from error
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise CannotStart(f"data folder {folder} is not this user's own: {fix}, or remove it")
    account = server_account()
    if account is not None:
        folder.chmod(0o755)
        if not account.reaches(folder):
            raise CannotStart(f"account {account.name!r}, which runs the servers, can't reach {folder}: {fix}")
    return folder


@contextmanager
def locked(folder: Path, purpose: str) -> Iterator[None]:
    """Hold the folder's lock for ``purpose``: two launchers never prepare the same thing at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{purpose}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another launcher that prepares {purpose}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """Yield a new folder in the data folder that the servers' account can reach, and remove it at the end."""
    parent = data_folder() / purpose
    parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
