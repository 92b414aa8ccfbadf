"""When a device is asked: at an interval, a little later each time at random, so that many agents don't ask at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from random import Random
from threading import Event
from typing import Annotated, Self

from pydantic import Field, model_validator

from edge.sources.decoding import DecodedSourceSettings


class PollingSettings(DecodedSourceSettings):
    """Keys of every source that asks its device."""

    interval_s: Annotated[float, Field(ge=0.1, le=86_400)] = 60.0
    jitter_s: Annotated[float, Field(ge=0)] = 0.0
    """Each question is later than its time by up to so much, at random."""
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    """How long the whole answer may take."""

    @model_validator(mode="after")
    def _jitter_within_the_interval(self) -> Self:
        if self.jitter_s > self.interval_s:
            msg = "jitter_s is longer than interval_s"
            raise ValueError(msg)
        return self


def ticks(
    settings: PollingSettings, stop: Event, random: Random, monotonic_s: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Yield whenever it is time to ask, at once first, until ``stop`` is set; what is overdue is left out."""
    interval_s = settings.interval_s
    due_s = monotonic_s()
    while not stop.wait(max(0.0, due_s + random.uniform(0.0, settings.jitter_s) - monotonic_s())):
        yield
        late_s = monotonic_s() - due_s
        due_s += interval_s * max(1.0, late_s // interval_s)
