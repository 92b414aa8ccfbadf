"""A failing source goes on exactly where its accepted readings end."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from threading import Event, Thread

import pytest
from edge_tools.readings import Counting, group

from edge import supervision
from edge.intake import Intake
from edge.readings import ReadingGroup
from edge.source_states import SourceStates


def supervisor(accepted: Accepted, intake: Intake) -> supervision.Supervisor:
    return supervision.Supervisor(accepted, intake, SourceStates(["counter"], lambda: 1), Random(1))


class Failing(Counting):
    """Counts, and fails after each third group, and once before the first."""

    def __init__(self, count: int) -> None:
        super().__init__(count, 2)
        self.starts = 0

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        self.starts += 1
        if self.starts == 1:
            raise OSError("no such device")
        for number, each in enumerate(super().groups(position, stop)):
            if number == 3:
                raise ValueError("the device talks nonsense")
            yield each


class Accepted:
    """What was accepted, as the spool would know it."""

    def __init__(self, intake: Intake) -> None:
        self.values: list[float] = []
        self._position: str | None = None
        self._intake = intake

    def position(self, source: str) -> str | None:
        return self._position if source == "counter" else None

    def accept_until(self, done: Event) -> None:
        while not (done.is_set() and self._intake.is_empty()):
            groups = self._intake.gather(1, 0.0, 0.05)
            done.wait(0.02)  # a slow disk: the source fails, and is ready again, while its groups are on the way
            for _, each in groups:
                self.values += [reading.value for reading in each.readings]
                self._position = each.position
            self._intake.accepted(groups)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_FIRST_PAUSE_S", 0.001)


def test_a_source_that_fails_again_and_again_yields_everything_once() -> None:
    intake = Intake(5)
    accepted, done = Accepted(intake), Event()
    sealer = Thread(target=accepted.accept_until, args=(done,))
    sealer.start()
    source = Failing(40)
    supervisor(accepted, intake).play(source, Event())
    done.set()
    sealer.join(10)
    assert accepted.values == [float(number) for number in range(40)]
    assert source.starts > 5


def test_a_stopped_source_is_left_alone() -> None:
    stop = Event()
    stop.set()
    source = Failing(4)
    supervisor(Accepted(Intake(5)), Intake(5)).play(source, stop)
    assert source.starts == 0


def test_a_closed_intake_ends_the_playing() -> None:
    intake = Intake(2)
    intake.put("other", group(0, 2))
    player = Thread(target=supervisor(Accepted(intake), intake).play, args=(Counting(10, 2), Event()))
    player.start()
    intake.close()
    player.join(10)
    assert not player.is_alive()
