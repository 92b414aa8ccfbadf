"""Buckets kept right: hours are closed and computed in the order of time, and touched ones are made good.

Any step may be the last: what it leaves is right, and the next run goes on from there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from threading import Event

from ingest.store import touched, watermarks
from ingest.store.buckets_in import Span, fill
from ingest.store.connection import Database
from ingest.store.series import CLASSES
from ingest.store.touched import TouchedHour
from ingest.store.watermarks import HOUR
from ingest.write_fence import LONGEST_WAIT_S, writes_have_ended

SERIES_AT_ONCE = 2_000
"""Series of which one hour is computed in one transaction."""
HOURS_AT_ONCE = 5_000
"""Touched hours that are made good in one transaction."""
_BATCHES_OF_A_RUN = 20


class Stage(StrEnum):
    """Moments of a run that an observer is told of."""

    CLOSED = "closed"
    WRITES_ENDED = "writes_ended"
    COMPUTED = "computed"
    """Some of the series have the buckets of an hour, which is not declared right yet."""
    ADVANCED = "advanced"
    TOUCHED_COMPUTED = "touched_computed"
    MADE_GOOD = "made_good"


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Runs over the hours that are not right yet; ``stopping`` ends a run between two transactions."""

    connection: Database
    stopping: Event = field(default_factory=Event)
    observe: Callable[[Stage], None] = lambda _: None
    longest_wait_s: float = LONGEST_WAIT_S
    """How long a run waits for writes that may not know of its close; then nothing is computed before the next run."""

    def run(self, until: datetime) -> bool:
        """Compute the buckets of all hours before ``until``, a whole hour, and of touched hours.

        The first time, every hour that has readings is touched, and made good by this run and the next ones.

        Returns
        -------
        bool
            Whether there is more to do.
        """
        watermarks.close_until(self.connection, until)
        self.observe(Stage.CLOSED)
        if not writes_have_ended(self.connection, self.stopping, self.longest_wait_s, "aggregation_waits_for_a_write"):
            return False
        self.observe(Stage.WRITES_ENDED)
        done = watermarks.watermarks(self.connection).aggregated_until
        if done is None:
            self._touch_all(until)
        while done is not None and done < until and not self.stopping.is_set():
            self._compute(done)
            done += HOUR
        return self._make_good()

    def _touch_all(self, until: datetime) -> None:
        for retention_class, numbers in self._slices():
            touched.touch_all(self.connection, retention_class, numbers, until)
            self.observe(Stage.COMPUTED)
        self._advance(None, until)

    def _compute(self, hour: datetime) -> None:
        for retention_class, numbers in self._slices():
            spans = [Span(number, hour, hour + HOUR) for number in numbers]
            with self.connection.transaction():
                fill(self.connection, retention_class, spans, hour + HOUR)
            self.observe(Stage.COMPUTED)
        self._advance(hour, hour + HOUR)

    def _slices(self) -> Iterator[tuple[str, list[int]]]:
        for retention_class in CLASSES:
            last = 0
            while not self.stopping.is_set():
                numbers = touched.series_after(self.connection, retention_class, last, SERIES_AT_ONCE)
                if not numbers:
                    break
                last = numbers[-1]
                yield retention_class, numbers

    def _advance(self, start: datetime | None, end: datetime) -> None:
        if not self.stopping.is_set():  # else slices may be missing
            watermarks.advance_buckets(self.connection, start, end)
            self.observe(Stage.ADVANCED)

    def _make_good(self) -> bool:
        """Compute the hours that were touched longest ago; return whether others are left."""
        for _ in range(_BATCHES_OF_A_RUN):
            hours = touched.touched_hours(self.connection, HOURS_AT_ONCE)
            blocks_until = watermarks.watermarks(self.connection).aggregated_until
            if not hours or blocks_until is None or self.stopping.is_set():
                return False
            for retention_class, spans in _spans(hours).items():
                with self.connection.transaction():
                    fill(self.connection, retention_class, spans, blocks_until)
            self.observe(Stage.TOUCHED_COMPUTED)
            touched.mark_made_good(self.connection, hours)
            self.observe(Stage.MADE_GOOD)
        return True


def _spans(hours: Sequence[TouchedHour]) -> dict[str, list[Span]]:
    """Return the hours by retention class, successive ones of a series as one span."""
    spans: dict[str, list[Span]] = defaultdict(list)
    for hour in sorted(hours, key=lambda h: (h.retention_class, h.series_id, h.hour)):
        of_class = spans[hour.retention_class]
        last = of_class[-1] if of_class else None
        if last and (last.series_id, last.end) == (hour.series_id, hour.hour):
            of_class[-1] = Span(last.series_id, last.start, hour.hour + HOUR)
        else:
            of_class.append(Span(hour.series_id, hour.hour, hour.hour + HOUR))
    return spans
