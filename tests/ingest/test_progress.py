"""Who stands still is told from who is idle, held up, excused or at work, however seldom anybody looks."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ingest.progress import Doing, Pulse, Watchdog

BOUND_S = 60.0


@dataclass
class Watched:
    """One thread under a watchdog whose clock is set by hand."""

    now_s: float = 1000.0
    work_waits: bool = False
    excused: bool = False
    pulse: Pulse = field(default_factory=Pulse)
    watchdog: Watchdog = field(init=False)

    def __post_init__(self) -> None:
        self.watchdog = Watchdog(BOUND_S, lambda: self.now_s)
        self.watchdog.watch("writing", self.pulse, lambda: self.work_waits, lambda: self.excused)

    def after(self, seconds: float) -> dict[str, float]:
        self.now_s += seconds
        return self.watchdog.standing_still()


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_busy_thread_without_progress_stands_still_after_the_bound(watched: Watched) -> None:
    watched.pulse.now(Doing.BUSY)
    assert watched.after(0) == {}
    assert watched.after(BOUND_S - 1) == {}
    assert watched.after(1) == {"writing": BOUND_S}
    assert watched.after(5) == {"writing": BOUND_S + 5}
    watched.pulse.now(Doing.BUSY)
    assert watched.after(5) == {}
    assert watched.after(BOUND_S) == {"writing": BOUND_S}


def test_an_idle_thread_stands_still_when_work_waits_for_it(watched: Watched) -> None:
    assert watched.after(0) == {}
    watched.work_waits = True
    assert watched.after(10 * BOUND_S) == {}
    assert watched.after(BOUND_S) == {"writing": BOUND_S}


def test_who_is_asked_seldom_blames_nobody_for_the_quiet_before(watched: Watched) -> None:
    watched.after(0)
    for _ in range(3):
        watched.work_waits = False
        assert watched.after(10 * BOUND_S) == {}
        watched.work_waits = True  # it has just come
        assert watched.after(10 * BOUND_S) == {}
        watched.pulse.now(Doing.BUSY)
        watched.pulse.now(Doing.IDLE)
        assert watched.after(10 * BOUND_S) == {}  # and so has this
        watched.pulse.now(Doing.BUSY)
        watched.pulse.now(Doing.IDLE)


def test_a_thread_that_the_next_one_holds_up_does_not_stand_still(watched: Watched) -> None:
    watched.work_waits = True
    watched.pulse.now(Doing.HELD_UP)
    watched.after(0)
    assert watched.after(10 * BOUND_S) == {}


def test_the_time_of_an_excuse_does_not_count(watched: Watched) -> None:
    watched.pulse.now(Doing.BUSY)
    watched.after(0)
    watched.excused = True
    assert watched.after(10 * BOUND_S) == {}
    watched.excused = False
    assert watched.after(10 * BOUND_S) == {}
    assert watched.after(BOUND_S) == {"writing": BOUND_S}
