"""What a supervisor is told: whether the worker is to be started anew, and whether it takes batches; and what is wrong.

To start a worker anew is of use where a thread of it has ended or is stuck. While the database is away, does not answer
or is at work for that thread, it is of none, and what the worker holds would have to be sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from threading import Thread
from typing import Any

from edge import event_log
from ingest.gate import Gate
from ingest.outages import Outages
from ingest.progress import Watchdog

log = event_log.get(__name__)

Working = Callable[[Collection[str]], set[str] | None]
"""Returns for which of these threads the database is at work, None where it does not answer."""


class Health:
    """Reports for ``StatusServer``.

    Parameters
    ----------
    threads
        Threads that run for as long as the worker does.
    connected
        Whether the broker has accepted the worker.
    failed
        The error that a thread ended with, None while there is none.
    """

    def __init__(  # noqa: PLR0913 - what health is made of
        self,
        threads: Collection[Thread],
        watchdog: Watchdog,
        working: Working,
        *,
        gate: Gate,
        outages: Outages,
        connected: Callable[[], bool],
        failed: Callable[[], str | None],
    ) -> None:
        self._threads = threads
        self._watchdog = watchdog
        self._working = working
        self._gate = gate
        self._outages = outages
        self._connected = connected
        self._failed = failed
        self._told: set[str] = set()

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Return whether the worker is well, False where it is to be started anew."""
        alive = {thread.name: thread.is_alive() for thread in self._threads}
        still = self._reasons()
        stuck = sorted(name for name, (_, reason) in still.items() if reason == _STUCK)
        failed = self._failed()
        wrong = [f"thread {name} has ended" for name, lives in alive.items() if not lives]
        wrong += [f"failed: {failed}"] if failed else []
        wrong += [f"thread {name} has been stuck for {still[name][0]:.0f} s" for name in stuck]
        self._tell(stuck)
        return not wrong, {
            "wrong": wrong,
            "fix": "start the worker anew; report this if it comes again" if wrong else "",
            "threads": alive,
            "standing_still": {name: {"for_s": round(s, 1), "why": reason} for name, (s, reason) in still.items()},
            "failed": failed,
        }

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Return whether the worker takes batches."""
        connected, errors, state = self._connected(), self._outages.errors(), self._gate.state()
        still = self._watchdog.standing_still()
        wrong = [] if connected else ["the broker is away, or has not accepted the worker yet"]
        if errors:
            lasting_s = self._outages.lasting_s()
            wrong.append(f"the database has been away for {lasting_s:.0f} s: {next(iter(errors.values()))}")
        elif not state.accepting:
            wrong.append(state.reason)
        wrong += [f"thread {name} has made no progress for {s:.0f} s although work waits" for name, s in still.items()]
        return not wrong, {
            "wrong": wrong,
            "broker": connected,
            "database": not errors,
            "accepting": state.accepting,
            "reason": state.reason,
        }

    def _reasons(self) -> dict[str, tuple[float, str]]:
        """Return the threads that stand still, since when in seconds, and why as far as the database tells."""
        still = self._watchdog.standing_still()
        working = self._working(still) if still else None
        return {name: (for_s, _why(name, working)) for name, for_s in still.items()}

    def _tell(self, stuck: Collection[str]) -> None:
        for name in set(stuck) - self._told:
            log.error("thread_stuck", thread=name, fix="start the worker anew; report this if it comes again")
        self._told = set(stuck)


_STUCK = "stuck: the database answers and has nothing to do for it"


def _why(name: str, working: Collection[str] | None) -> str:
    if working is None:
        return "the database does not answer"
    return "the database is at work for it" if name in working else _STUCK
