"""A whole agent at work in threads of this process, on a clock and with a source that a test holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from threading import Condition, Event, Thread

from edge_tools.readings import BOOT, group

from edge.agent import Agent, limits_of
from edge.clock import Clock
from edge.readings import ReadingGroup
from edge.settings import EdgeSettings
from edge.spool.spool import Spool
from edge.uplink import Uplink

DEADLINE_S = 30.0


class SetClock:
    """The clock of this machine, set forward or back by a test; its monotonic side goes on undisturbed."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(
            lambda: time.time_ns() // 1000 + round(self.ahead_s * 1e6), lambda: time.monotonic_ns() // 1000, BOOT
        )


class Released:
    """A source that counts as far as the test has released it, three readings a group."""

    name = "counter"

    def __init__(self) -> None:
        self._changed = Condition()
        self._released = 0

    def release(self, readings: int) -> int:
        """Let so many readings more come; return how many have in all."""
        with self._changed:
            self._released += readings
            self._changed.notify_all()
            return self._released

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        first = int(position) + 1 if position is not None else 0
        while not stop.is_set():
            with self._changed:
                if self._released <= first:
                    self._changed.wait(0.05)
                size = min(3, self._released - first)
            if size > 0:
                yield group(first, size)
                first += size


@dataclass
class Playing:
    """A running agent."""

    spool: Spool
    uplink: Uplink
    source: Released
    clock: SetClock
    ended: list[bool] = field(default_factory=list)

    def accept(self, readings: int) -> int:
        """Let the source go on, and wait until what it gave is accepted; return how many there are in all."""
        wanted = self.source.release(readings)
        wait_until(lambda: self.spool.totals().accepted_readings >= wanted)
        return wanted


@contextmanager
def playing(settings: EdgeSettings, clock: SetClock | None = None) -> Iterator[Playing]:
    """Yield an agent at work over its spool; stopped in order at the end."""
    set_clock, source, random, stop = clock or SetClock(), Released(), Random(1), Event()
    spool = Spool.open(settings.spool.path, limits_of(settings.spool), set_clock.clock)
    uplink = Uplink(settings, spool, set_clock.clock, random, "test 1")
    agent = Agent([source], spool, uplink, settings, random)
    running = Playing(spool, uplink, source, set_clock)
    thread = Thread(target=lambda: running.ended.append(agent.run(stop, until_drained=False)))
    thread.start()
    try:
        yield running
    finally:
        stop.set()
        thread.join(DEADLINE_S)
        spool.close()
    assert running.ended == [True], "the agent gave up"


def wait_until(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"did not happen in {deadline_s} s"
        time.sleep(0.01)
