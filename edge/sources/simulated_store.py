"""A source that plays a simulated store: given days one after the other, then, if wanted, today in real time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from threading import Event
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from edge.readings import ReadingGroup
from edge.reporting.rule import ReportedSource
from edge.simulator.local_day import SECOND_US, SLOT_US, date_at
from edge.simulator.plan import store_plan
from edge.simulator.site import StorePlan
from edge.simulator.store_day import StoreDay
from edge.sources.pace import Pace
from edge.wire.series import Origin

_LONGEST_WAIT_S = 60.0
_ONE_DAY = timedelta(days=1)
_RENAME = "give the source another name to let it begin anew"


class _Turn(NamedTuple):
    """A day to play from a slot on; ``opening`` where nothing before it delivers the registers at its start."""

    day: date
    first_slot: int
    opening: bool
    listed: bool


class SimulatedStoreSettings(ReportedSource):
    """Configuration of a simulated store; a session of the agent resumes where the last accepted group ended."""

    kind: Literal["simulated_store"] = "simulated_store"
    name: Annotated[str, Field(min_length=1, max_length=64)]
    store: str
    """A store of the simulated district."""
    seed: int = 1
    days: tuple[date, ...] = ()
    """Local days to play, in this order."""
    follow: bool = False
    """After the days: play today up to now, then go on in real time."""
    speed: Annotated[float, Field(ge=0)] = 0.0
    """Simulated seconds a second for ``days``; 0 plays them as fast as they are accepted."""

    @field_validator("store")
    @classmethod
    def _known(cls, store: str) -> str:
        try:
            return store_plan(1, store).store_id
        except LookupError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _plays_something(self) -> Self:
        if not self.days and not self.follow:
            msg = "days is empty and follow is false: name days, or set follow = true"
            raise ValueError(msg)
        if len(set(self.days)) != len(self.days):
            msg = "days names a day twice; name each once"
            raise ValueError(msg)
        return self

    def build(self) -> SimulatedStore:
        """Return the source."""
        return SimulatedStore(self)


class SimulatedStore:
    """Plays a store in groups of five simulated minutes; a position is the day and the slot, as 2026-05-04/287."""

    def __init__(self, settings: SimulatedStoreSettings, now_s: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._store: StorePlan = store_plan(settings.seed, settings.store)
        self._now_s = now_s

    @property
    def name(self) -> str:
        """Name of the source."""
        return self._settings.name

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        """Yield the groups after a position until the days end (``follow``: never) or ``stop`` is set.

        Raises
        ------
        ValueError
            If the position is not one of this source's.
        """
        for turn in self._turns(position):
            yield from self._play(turn, stop)
            if stop.is_set():
                return

    def _play(self, turn: _Turn, stop: Event) -> Iterator[ReadingGroup]:
        store_day = StoreDay(self._store, turn.day, opening=turn.opening)
        start_us = store_day.day.start_us
        pace = Pace(self._settings.speed if turn.listed else 0.0, start_us + turn.first_slot * SLOT_US)
        for slot in range(turn.first_slot, store_day.day.slots):
            ends_us = start_us + (slot + 1) * SLOT_US
            due = pace.wait(ends_us, stop) if turn.listed else self._wait_until(ends_us, stop)
            if not due:
                return
            yield ReadingGroup(store_day.slot(slot), Origin.SIMULATED, f"{turn.day.isoformat()}/{slot}")

    def _turns(self, position: str | None) -> Iterator[_Turn]:
        """Yield the days to play: what is left of the listed ones, then those that are followed."""
        played, slot = self._parsed(position) if position else (None, -1)
        listed = self._settings.days
        if played is None or played in listed:
            left = listed if played is None else listed[listed.index(played) :]
            for day in left:
                yield _Turn(day, slot + 1 if day == played else 0, opening=day - _ONE_DAY not in listed, listed=True)
        if self._settings.follow:
            resumed = played is not None and played not in listed
            yield from self._followed(played if resumed else None, slot + 1)

    def _followed(self, resumed: date | None, first_slot: int) -> Iterator[_Turn]:
        """Yield the day that was followed last, or today, and every day after it, without those that are listed."""
        listed = self._settings.days
        before: date | None = None
        day = resumed or self._today()
        while True:
            if day not in listed:
                opening = day - _ONE_DAY not in listed and day - _ONE_DAY != before
                yield _Turn(day, first_slot if day == resumed else 0, opening=opening, listed=False)
                before = day
            day += _ONE_DAY

    def _parsed(self, position: str) -> tuple[date, int]:
        day_text, _, slot_text = position.partition("/")
        try:
            day, slot = date.fromisoformat(day_text), int(slot_text)
        except ValueError:
            msg = f"source '{self.name}': '{position}' is not a position of a simulated store; {_RENAME}"
            raise ValueError(msg) from None
        if day not in self._settings.days and not self._settings.follow:
            msg = f"source '{self.name}': it last played {day}, which is not among its days; {_RENAME}"
            raise ValueError(msg)
        return day, slot

    def _today(self) -> date:
        return date_at(self._store, round(self._now_s() * SECOND_US))

    def _wait_until(self, t_us: int, stop: Event) -> bool:
        """Wait for an instant of real time, looking again at the clock now and then, since it may be set."""
        while not stop.is_set():
            remaining_s = t_us / SECOND_US - self._now_s()
            if remaining_s <= 0:
                break
            stop.wait(min(remaining_s, _LONGEST_WAIT_S))
        return not stop.is_set()
