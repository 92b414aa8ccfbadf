"""What decoders of counters have in common: parts of a payload that fail alone, and intervals as devices state them."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from edge.decoders.device_time import stated
from edge.decoders.payload import Decoded, PayloadRefusedError
from edge.readings import Reading
from edge.wire.batch import MAX_READINGS, Flag
from edge.wire.series import Kind, Series

_LONGEST_S = 86_400.0
_HOUR_US = 3_600_000_000
_MOST_REFUSED = 20
_TOLD_APART = frozenset({Kind.EVENT, Kind.STATE})


class Parts:
    """Collects a payload's readings part by part: what is wrong with one part leaves the others readable."""

    def __init__(self) -> None:
        self._readings: list[Reading] = []
        self._refused: list[PayloadRefusedError] = []
        self._seen: Tally[tuple[Series, int]] = Tally()

    @contextmanager
    def part(self) -> Iterator[None]:
        """Keep a refusal raised inside as the refusal of this part."""
        try:
            yield
        except PayloadRefusedError as refused:
            self._refused.append(refused)

    def add(self, series: Series, t_us: int, value: float, flags: int = Flag.NONE, ordinal: int | None = None) -> None:
        """Take a reading; without an ordinal, events and states of one instant are numbered 0, 1, 2 in their order."""
        if ordinal is None:
            ordinal = 0
            if series.kind in _TOLD_APART:
                ordinal = self._seen[series, t_us]
                self._seen[series, t_us] += 1
        self._readings.append(Reading(series, t_us, value, int(flags), ordinal))

    @property
    def is_empty(self) -> bool:
        """Whether neither a reading nor a refusal was collected."""
        return not self._readings and not self._refused

    def outcome(self) -> Decoded:
        """Return what was collected; a refusal ``nothing_to_read`` where that is nothing."""
        if self.is_empty:
            raise PayloadRefusedError(
                "nothing_to_read", "the payload holds none of the values that are read; is it of another model?"
            )
        return self.decoded()

    def decoded(self) -> Decoded:
        """Return what was collected, of many refusals the first; ``too_many`` where a batch can't hold the readings."""
        if len(self._readings) > MAX_READINGS:
            raise PayloadRefusedError("too_many", f"the payload holds more than {MAX_READINGS} readings; ask for less")
        refused = self._refused[:_MOST_REFUSED]
        if more := len(self._refused) - len(refused):
            refused.append(PayloadRefusedError("more_parts", f"{more} more parts of the payload are refused"))
        return Decoded(tuple(self._readings), tuple(refused))


class StatedInterval(NamedTuple):
    """An interval as a device states it: its start, its length by the device's own clock, and the start's flags."""

    start_us: int
    length_s: float
    flags: int

    @property
    def skipped(self) -> bool:
        """Whether it begins in a local hour that the day does not have."""
        return bool(self.flags & Flag.CLOCK_SUSPECT)

    def over(self, at_us: int, margin_s: float) -> bool:
        """Whether it had surely ended at ``at_us``: a count of an unfinished interval would be taken for the whole.

        The device's clock may be behind by ``margin_s``, and a repeated hour is over after its second run only.
        """
        repeated_us = _HOUR_US if self.flags & Flag.AMBIGUOUS_LOCAL_TIME else 0
        return self.start_us + (self.length_s + margin_s) * 1_000_000 + repeated_us <= at_us


def stated_interval(start: str, end: str, zone: ZoneInfo | timezone | None) -> StatedInterval:
    """Return the interval between two ISO times, as the device's clock shows them.

    An end at second 59 is the last second that counts, as in ``13:00:00`` to ``13:59:59``, an hour. A refusal ``time``
    where a time cannot be read, or the interval is empty or longer than a day.
    """
    start_us, flags = stated(start, zone)
    stated(end, zone)
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    if (first.tzinfo is None) != (last.tzinfo is None):
        raise PayloadRefusedError("time", "only one end of the interval states its offset from UTC")
    # Local times are compared as the clock on the wall shows them: across a change of offset the counted time is
    # what the device counted as so long.
    length = last - first + timedelta(seconds=1 if last.second == 59 else 0)
    length_s = length.total_seconds()
    if not 0 < length_s <= _LONGEST_S:
        raise PayloadRefusedError("time", "the interval is empty, or longer than a day")
    return StatedInterval(start_us, length_s, int(flags))
