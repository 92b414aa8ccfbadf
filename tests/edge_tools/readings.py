"""Readings that can be told apart: the value of each is its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event
from uuid import UUID

from edge.clock import Clock
from edge.readings import Reading, ReadingGroup
from edge.wire.batch import DecoderRefusal
from edge.wire.series import Kind, Origin, Series, Unit

FIRST_US = 1_750_000_000_000_000
BOOT = UUID(int=7)


def gauge(device: str = "door-1") -> Series:
    return Series(device=device, quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=60.0)


SERIES = [gauge(f"sensor-{number}") for number in range(5)]


def numbered(first: int, count: int) -> list[Reading]:
    """Return readings whose values are first, first + 1, ..."""
    return [
        Reading(SERIES[number % len(SERIES)], FIRST_US + number * 1000, float(number))
        for number in range(first, first + count)
    ]


def group(
    first: int, count: int, origin: Origin = Origin.REPLAYED, refusals: Sequence[DecoderRefusal] = ()
) -> ReadingGroup:
    """Return a group of numbered readings whose position is the number of its last one."""
    return ReadingGroup(numbered(first, count), origin, str(first + count - 1), refusals)


def refusal(payload: str, detail: str = "not a number") -> DecoderRefusal:
    return DecoderRefusal(source="counter", reason="undecodable", detail=detail, payload=payload, at_us=FIRST_US)


class Counting:
    """A source that counts to ``count`` in groups; ``after_each_s`` between two groups."""

    def __init__(self, count: int, group_readings: int, name: str = "counter", after_each_s: float = 0.0) -> None:
        self.name = name
        self._count = count
        self._group_readings = group_readings
        self._after_each_s = after_each_s

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        first = int(position) + 1 if position is not None else 0
        for start in range(first, self._count, self._group_readings):
            yield group(start, min(self._group_readings, self._count - start))
            if stop.wait(self._after_each_s):
                return


class HandClock:
    """A clock that a test moves."""

    def __init__(self, now_us: int = FIRST_US, boot: UUID = BOOT) -> None:
        self.now_us = now_us
        self.monotonic_us = 1_000_000
        self.boot = boot

    def advance(self, seconds: float) -> None:
        self.now_us += round(seconds * 1e6)
        self.monotonic_us += round(seconds * 1e6)

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now_us, lambda: self.monotonic_us, self.boot)
