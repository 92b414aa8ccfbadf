"""The broker's password file, brought to what the database says; whoever never enrolled keeps their line."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edge import event_log
from edge.durable_file import write_durably
from ingest.settings import EnrolmentSettings

_BROKER = "mosquitto"
_COMMAND_S = 30.0

Lines = Mapping[str, str | None]
"""Password line by user; None: this user may not connect."""

log = event_log.get(__name__)


class NotAppliedError(Exception):
    """The broker was not told; the database is as it should be, so that the same can be tried again."""


def merged(present: str, lines: Lines) -> str:
    r"""Return the file's text with the lines of these users replaced, added or taken out, all others as they were.

    Examples
    --------
    >>> merged("ingest:$7$a\nshop-1:$7$b\nshop-2:$7$c\n", {"shop-1": "$7$d", "shop-2": None, "shop-3": "$7$e"})
    'ingest:$7$a\nshop-1:$7$d\nshop-3:$7$e\n'
    """
    kept: list[str] = []
    missing = dict(lines)
    for line in present.splitlines():
        user = line.partition(":")[0]
        if user not in lines:
            kept.append(line)
        elif wanted := missing.pop(user, None):
            kept.append(f"{user}:{wanted}")
    kept += [f"{user}:{line}" for user, line in sorted(missing.items()) if line is not None]
    return "".join(f"{line}\n" for line in kept)


class PasswordFile:
    """Writes the file and has the broker read it; one at a time on a machine, whoever does it."""

    def __init__(self, settings: EnrolmentSettings) -> None:
        self._path = settings.password_file_out
        self._pid_file = settings.reload_pid_file
        self._command = settings.reload_command

    def apply(self, read: Callable[[], Lines]) -> bool:
        """Bring the file to what ``read`` returns and have the broker read it; return whether the file changed.

        ``read`` is called when nobody else writes, so that an older state never replaces a newer one. The broker is
        told each time: it may be that an earlier attempt ended between writing and telling.

        Raises
        ------
        NotAppliedError
            The file could not be written, or the broker not be told; the message says what to do.
        """
        try:
            with self._alone():
                changed = self._write(read())
            self._reload()
        except OSError as error:
            msg = f"{self._path}: {error}; this process must be able to read and replace it as its owner, or as root"
            raise NotAppliedError(msg) from error
        return changed

    def _write(self, lines: Lines) -> bool:
        before = self._path.stat()
        present = self._path.read_text(encoding="utf-8")
        text = merged(present, lines)
        if text == present:
            return False
        owner = (before.st_uid, before.st_gid)
        write_durably(self._path, text.encode(), before.st_mode & 0o777, owner if os.geteuid() == 0 else None)
        log.info("password_file_written", file=str(self._path), users=sum(1 for line in lines.values() if line))
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _reload(self) -> None:
        if self._pid_file is not None:
            os.kill(_broker_in(self._pid_file), signal.SIGHUP)
        elif self._command is not None:
            _run(self._command)


def _broker_in(pid_file: Path) -> int:
    """Return the broker's process id. SIGHUP ends most other programs, so that a stale number must not be used."""
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
        name = Path("/proc", str(pid), "comm").read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        msg = f"enrolment.reload_pid_file {pid_file} names no running broker ({error}); start the broker, then apply"
        raise NotAppliedError(msg) from None
    if not name.startswith(_BROKER):
        msg = f"enrolment.reload_pid_file {pid_file} names process {pid}, which is '{name}' and not {_BROKER}"
        raise NotAppliedError(msg)
    return pid


def _run(command: tuple[str, ...]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_COMMAND_S)  # noqa: S603 - settings
    except subprocess.CalledProcessError as error:
        msg = f"enrolment.reload_command ended with {error.returncode}: {error.stderr.strip()[:300]}"
        raise NotAppliedError(msg) from None
    except subprocess.TimeoutExpired:
        msg = f"enrolment.reload_command did not end within {_COMMAND_S:g} s"
        raise NotAppliedError(msg) from None
