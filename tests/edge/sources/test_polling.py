from __future__ import annotations

from random import Random
from threading import Event
from typing import Any

from edge.sources.polling import PollingSettings, ticks


class Timed(Event):
    """A clock that waiting moves; set after so many waits."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.now_s = 100.0
        self.waited: list[float] = []
        self._waits = waits

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waited.append(round(timeout, 6))
        self.now_s += timeout
        return len(self.waited) > self._waits


def settings(**keys: Any) -> PollingSettings:
    return PollingSettings.model_construct(**{"interval_s": 10.0, "jitter_s": 0.0} | keys)


def test_the_first_is_at_once_and_the_others_at_the_interval_whatever_the_answers_take() -> None:
    stop = Timed(4)
    for number, _ in enumerate(ticks(settings(), stop, Random(1), lambda: stop.now_s)):
        stop.now_s += number  # the answers take 0, 1, 2, 3 seconds
    assert stop.waited == [0.0, 10.0, 9.0, 8.0, 7.0]


def test_what_is_overdue_is_left_out() -> None:
    stop = Timed(2)
    for _ in ticks(settings(), stop, Random(1), lambda: stop.now_s):
        stop.now_s += 34.0
    assert stop.waited == [0.0, 0.0, 0.0]
    stop = Timed(2)
    asked = []
    for _ in ticks(settings(), stop, Random(1), lambda: stop.now_s):
        asked.append(stop.now_s)
        stop.now_s += 34.0 if len(asked) == 1 else 0.0
    assert asked == [100.0, 134.0]
    assert stop.waited == [0.0, 0.0, 6.0]


def test_jitter_delays_each_and_does_not_add_up() -> None:
    stop = Timed(200)
    asked = [stop.now_s for _ in ticks(settings(jitter_s=4.0), stop, Random(1), lambda: stop.now_s)]
    late = [t - 100.0 - 10.0 * number for number, t in enumerate(asked)]
    assert all(-1e-6 <= each <= 4.0 for each in late)
    assert max(late) - min(late) > 3.0
