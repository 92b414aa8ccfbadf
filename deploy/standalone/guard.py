"""Ends the servers of a launcher that was killed: what it started must not outlive it.

One small process reads the launcher's pipe. Lines name processes to watch or forget; the end of the pipe means that
the launcher is gone, however it went.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

_PATIENCE_S = 10.0
_lock = threading.Lock()
_guard: subprocess.Popen[bytes] | None = None


def watch(pid: int, stop_signal: signal.Signals) -> None:
    """Have the process ``pid``, a child of this one, ended by ``stop_signal`` when this one ends."""
    _tell(f"+{pid} {stop_signal.value} {_started(pid)}\n")


def forget(pid: int) -> None:
    """Take back ``watch``: the process has ended."""
    _tell(f"-{pid}\n")


def _tell(line: str) -> None:
    global _guard  # noqa: PLW0603 - one guard a process, made when first needed
    with _lock:
        if _guard is None or _guard.poll() is not None:
            _guard = subprocess.Popen(
                [sys.executable, "-S", "-E", __file__], stdin=subprocess.PIPE, cwd="/", start_new_session=True
            )
            atexit.register(_close, _guard)
        with suppress(BrokenPipeError):
            os.write(_pipe(_guard), line.encode())


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.wait()


def _pipe(process: subprocess.Popen[bytes]) -> int:
    if process.stdin is None:
        raise RuntimeError("the guard has no pipe")
    return process.stdin.fileno()


def _started(pid: int) -> str:
    """Return the start time of a process in clock ticks (tells a reused number), empty when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - light on purpose
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _end(processes: dict[int, tuple[int, str]]) -> None:
    for pid, (stop_signal, started) in processes.items():
        _send(pid, started, stop_signal)
    end = time.monotonic() + _PATIENCE_S
    while any(_started(pid) == started for pid, (_, started) in processes.items()):
        if time.monotonic() > end:
            for pid, (_, started) in processes.items():
                _send(pid, started, signal.SIGKILL)
        time.sleep(0.05)


def _send(pid: int, started: str, number: int) -> None:
    if _started(pid) == started:
        with suppress(OSError):
            os.kill(pid, number)


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    processes: dict[int, tuple[int, str]] = {}
    for line in sys.stdin:
        pid, *particulars = line[1:].split()
        if line[0] == "-":
            processes.pop(int(pid), None)
        elif len(particulars) == 2:  # else it had ended before it was named
            processes[int(pid)] = (int(particulars[0]), particulars[1])
    _end(processes)


if __name__ == "__main__":
    _main()
