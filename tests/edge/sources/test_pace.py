"""The pace of a play, on a clock of the test's own."""

from __future__ import annotations

from threading import Event

from edge.sources.pace import Pace


class _Stop(Event):
    """An event that advances a clock instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 100.0

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now_s += timeout
        return self.is_set()


def test_played_time_takes_its_share_of_real_time() -> None:
    stop = _Stop()
    pace = Pace(speed=60.0, start_us=0, clock_s=lambda: stop.now_s)
    assert pace.wait(120_000_000, stop)
    assert stop.now_s == 102.0
    assert pace.wait(60_000_000, stop)
    assert stop.now_s == 102.0


def test_speed_zero_never_waits() -> None:
    stop = _Stop()
    assert Pace(0.0, 0, lambda: stop.now_s).wait(10**15, stop)
    assert stop.now_s == 100.0


def test_a_stop_ends_the_wait() -> None:
    stop = Event()
    stop.set()
    assert not Pace(1e-6, 0).wait(10**12, stop)
