"""Child processes: started with a log each, watched, stopped in order."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from standalone import guard
from standalone.account import Account
from standalone.failure import CannotStart

_POLL_S = 0.05
_TAIL_BYTES = 4000
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Child:
    """One process in a session of its own, so that a terminal's Ctrl-C reaches the launcher alone.

    Standard output and error are appended to ``log``. With ``account``, the process runs under that account.
    """

    def __init__(  # noqa: PLR0913 - what one start of a process takes
        self,
        name: str,
        argv: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        account: Account | None = None,
        folder: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            try:
                self._process = subprocess.Popen(
                    [str(part) for part in argv],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=None if environment is None else dict(environment),
                    cwd=folder,
                    start_new_session=True,
                    user=account.user if account else None,
                    group=account.group if account else None,
                    extra_groups=[] if account else None,
                )
            except OSError as error:
                raise CannotStart(f"{name} can't be started: {argv[0]}: {error.strerror}") from error
        guard.watch(self._process.pid, stop_signal)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self.returncode is None

    def tail(self) -> str:
        """Return the last lines of the log."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace").rstrip()

    def failed(self, what: str) -> CannotStart:
        """Return the error that says ``what`` of this child, with the tail of its log."""
        return CannotStart(f"{self.name} {what}; its log {self.log} ends:\n{self.tail()}")

    def wait_ready(self, ready: Callable[[], bool], deadline_s: float) -> None:
        """Wait until ``ready()`` is true.

        Raises
        ------
        CannotStart
            When the child ends first, or ``deadline_s`` seconds pass.
        """
        end = time.monotonic() + deadline_s
        while not ready():
            if not self.running:
                raise self.failed(f"ended with exit code {self.returncode} before it was ready")
            if time.monotonic() > end:
                raise self.failed(f"was not ready within {deadline_s:g} s")
            time.sleep(_POLL_S)

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        self._process.send_signal(number)

    def wait(self, deadline_s: float) -> int:
        """Wait for the end and return the exit code; ``subprocess.TimeoutExpired`` after ``deadline_s`` seconds."""
        code = self._process.wait(deadline_s)
        guard.forget(self.pid)
        return code

    def stop(self, deadline_s: float = 20) -> int:
        """Ask the process to end, kill its session after ``deadline_s`` seconds, and return the exit code."""
        if self.running:
            self._process.send_signal(self._stop_signal)
            try:
                return self.wait(deadline_s)
            except subprocess.TimeoutExpired:
                pass
        return self.kill()

    def kill(self) -> int:
        """Kill the process and what is left of its process group, as ``kill -9`` does; return the exit code."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return self.wait(60)


class Children:
    """The processes of one run, stopped in the reverse order of their start."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._children: dict[str, Child] = {}

    def __getitem__(self, name: str) -> Child:
        return self._children[name]

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        ready: Callable[[], bool] | None = None,
        deadline_s: float = 30,
    ) -> Child:
        """Start a process, wait until it is ready, and return it; a name that was stopped may be started again."""
        earlier = self._children.pop(name, None)
        if earlier is not None and earlier.running:
            raise ValueError(f"{name} already runs")
        child = Child(name, argv, self.logs / f"{name}.log", environment=environment)
        self._children[name] = child
        if ready is not None:
            child.wait_ready(ready, deadline_s)
        return child

    def check(self) -> None:
        """Raise ``CannotStart`` with the tail of its log when a child has ended with a failure."""
        for child in self._children.values():
            if child.returncode not in (None, 0):
                raise child.failed(f"ended with exit code {child.returncode}")

    def watch(self, done: Callable[[], bool], deadline_s: float | None = None) -> bool:
        """Wait until ``done()``; False when ``deadline_s`` seconds pass first. A child that fails raises at once."""
        end = None if deadline_s is None else time.monotonic() + deadline_s
        while True:
            self.check()
            if done():
                return True
            if end is not None and time.monotonic() > end:
                return False
            time.sleep(_POLL_S)

    def stop(self, first: Sequence[str] = ()) -> None:
        """Stop every child: those named in ``first`` in that order, then the rest, latest started first."""
        rest = [name for name in reversed(self._children) if name not in first]
        for name in [*first, *rest]:
            child = self._children.pop(name, None)
            if child is not None:
                child.stop()

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextmanager
def ends_on_signals() -> Iterator[None]:
    """Turn every signal that ends into ``KeyboardInterrupt``, so that each way of ending runs the same clean-up.

    SIGINT too: a shell that starts this in its background has it ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("signals are handled in the main thread")

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    earlier = {number: signal.signal(number, interrupt) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
