"""The end of a process together with those that it has started, as by a power cut."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from standalone.children import Child
from standalone.failure import CannotStart

_STOPPED, _ENDED = "T", "Z"
_DEADLINE_S = 60.0
_POLL_S = 0.005


def kill_with_children(child: Child) -> None:
    """Kill a process and its children, and return when all of them have ended.

    Raises
    ------
    CannotStart
        One of them does not end, so that nothing should be started in its place.
    """
    child.signal(signal.SIGSTOP)  # so that it starts no more of them
    _wait_until(lambda: _state(child.pid) in {_STOPPED, _ENDED, ""}, f"{child.name} doesn't stop")
    others = _children_of(child.pid)
    child.kill()
    for pid in others:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _wait_until(lambda: all(_state(pid) in {_ENDED, ""} for pid in others), f"processes of {child.name} don't end")


def _state(pid: int) -> str:
    """Return the letter by which the kernel names a process's state, none where there is no such process."""
    try:
        return _fields(Path(f"/proc/{pid}/stat"))[0]
    except OSError:
        return ""


def _children_of(pid: int) -> list[int]:
    children: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(_fields(stat)[1]) == pid:
                children.append(int(stat.parent.name))
    return children


def _fields(stat: Path) -> list[str]:
    """Return what the kernel says of a process after its name: state, parent and so on."""
    return stat.read_text(errors="replace").rpartition(")")[2].split()


def _wait_until(holds: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + _DEADLINE_S
    while not holds():
        if time.monotonic() > end:
            raise CannotStart(f"{otherwise} within {_DEADLINE_S:g} s")
        time.sleep(_POLL_S)
