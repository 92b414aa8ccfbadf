"""One ingest worker of a scenario: started, asked, killed, and its memory followed."""

from __future__ import annotations

import re
import signal
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import ingest_worker
from benchmarks.process_account import resident_mib
from standalone.children import Child
from standalone.free_port import LOOPBACK

from ingest.writer import Stage

_READY_S = 60.0
_STOP_S = 60.0
_SAMPLE_S = 0.1


class WorkerProcess:
    """A worker that may be started more than once.

    Parameters
    ----------
    settings
        Its settings file.
    clock
        The file that its clock is stepped by; None: it has this machine's.
    """

    def __init__(self, number: int, settings: Path, clock: Path | None) -> None:
        self.number = number
        self.growth_mib = 0.0
        self._settings = settings
        self._clock = clock
        self._path = settings.with_suffix(".log")
        self._began = 0
        self._child: Child | None = None
        self._mortal = False

    def start(self, stage: Stage | None = None, nth: int = 1, *, ask: Path | None = None) -> None:
        """Start it; when it comes to a stage for the nth time, it dies, or asks where it may."""
        argv = ingest_worker.command(self._settings, stage, nth, ask=ask, clock=self._clock)
        self._began = len(self.log())
        self._mortal = stage is not None and ask is None
        child = Child(f"worker-{self.number}", argv, self._path, environment=ingest_worker.environment())
        self._child = child
        threading.Thread(target=self._follow_memory, args=[child], daemon=True).start()

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def killed_itself(self) -> bool:
        return self._child is not None and self._child.returncode == -signal.SIGKILL

    def wait_until_ready(self) -> None:
        """Wait until it takes batches; one that is to die may have done so by then.

        Raises
        ------
        CannotStart
            It has ended, or is not ready in time.
        """
        assert self._child is not None
        end = time.monotonic() + _READY_S
        while not self.is_ready():
            if not self._child.running and self._mortal:
                return
            if not self._child.running or time.monotonic() > end:
                raise self._child.failed("is not ready")
            time.sleep(0.02)

    def is_ready(self) -> bool:
        """Tell whether it says that it takes batches."""
        status = self._status()
        if status is None or not self.running:
            return False
        try:
            with urllib.request.urlopen(f"{status}/readyz", timeout=2) as answer:  # noqa: S310 - its own loopback port
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def metric(self, name: str) -> float:
        """Return the sum of one of its figures."""
        with urllib.request.urlopen(f"{self._status()}/metrics", timeout=5) as answer:  # noqa: S310 - likewise
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"smartstore_ingest_{name}"))

    def log(self) -> str:
        """Return what it has logged since its first start."""
        return self._path.read_text(errors="replace") if self._path.exists() else ""

    def errors(self) -> list[str]:
        """Return the lines of its log that say that something failed."""
        return [line for line in self.log().splitlines() if '"level": "error"' in line]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._child is not None
        self._child.signal(number)

    def kill(self) -> None:
        """Kill it as ``kill -9`` does."""
        assert self._child is not None
        self._child.kill()

    def stop(self) -> int:
        """End it in order, and return the exit code; 0 where it does not run."""
        return self._child.stop(_STOP_S) if self._child is not None and self._child.running else 0

    def _status(self) -> str | None:
        """Return the address of its status server, None before it has said which."""
        found = re.search(r'"event": "ingest_started".*"status_port": (\d+)', self.log()[self._began :])
        return f"http://{LOOPBACK}:{found[1]}" if found else None

    def _follow_memory(self, child: Child) -> None:
        """Note by how much its resident memory grows from when it is first ready."""
        first: float | None = None
        while child.running:
            if first is not None or self.is_ready():
                with suppress(ValueError, OSError):
                    now = resident_mib(child.pid)
                    first = now if first is None else first
                    self.growth_mib = max(self.growth_mib, now - first)
            time.sleep(_SAMPLE_S)
