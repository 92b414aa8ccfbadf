"""A source played without an agent: its groups are accepted at once, or when a test says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Event, Thread

from edge.readings import Reading, ReadingGroup
from edge.source_states import SourceStates
from edge.sources.source import KeepsJournal, Source
from edge.wire.batch import DecoderRefusal

DEADLINE_S = 20.0


class Played:
    """What a source has yielded so far, and how it ended."""

    def __init__(self, source: Source, *, accepting: bool) -> None:
        self.groups: list[ReadingGroup] = []
        self.error: Exception | None = None
        self.ended = False
        self.stop = Event()
        self.states = SourceStates([source.name], lambda: time.time_ns() // 1000)
        self.changed = Condition()
        self._source = source
        self._accepting = accepting
        if isinstance(source, KeepsJournal):
            source.keep(self.states)

    def play(self, position: str | None) -> None:
        try:
            for group in self._source.groups(position, self.stop):
                with self.changed:
                    self.groups.append(group)
                    self.changed.notify_all()
                if self._accepting:
                    self.accept(group)
        except Exception as error:  # a test looks at it
            self.error = error
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def accept(self, group: ReadingGroup, *, accepted: bool = True) -> None:
        if group.receipt is not None and group.receipt.begin():
            group.receipt.settle(accepted=accepted)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE_S
        with self.changed:
            while not condition():
                left_s = end - time.monotonic()
                assert left_s > 0, f"nothing of it in {DEADLINE_S} s: {len(self.groups)} groups, {self.error!r}"
                self.changed.wait(min(left_s, 0.05))

    @property
    def readings(self) -> list[Reading]:
        return [reading for group in list(self.groups) for reading in group.readings]

    @property
    def values(self) -> list[float]:
        return [reading.value for reading in self.readings]

    @property
    def refusals(self) -> list[DecoderRefusal]:
        return [refusal for group in list(self.groups) for refusal in group.refusals]


@contextmanager
def playing(source: Source, position: str | None = None, *, accepting: bool = True) -> Iterator[Played]:
    """Yield a source at work in its thread; stopped at the end."""
    played = Played(source, accepting=accepting)
    thread = Thread(target=played.play, args=(position,))
    thread.start()
    try:
        yield played
    finally:
        played.stop.set()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        Event().wait(0.01)
