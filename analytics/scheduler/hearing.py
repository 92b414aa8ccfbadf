"""What was heard of each series, kept by stretches: readings join them once their hours have buckets, or changed since.

Joining is safe to repeat and needs no order, and a stretch never loses a reading; so any step may be the last, and what
retention removes was heard all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Event

import numpy as np

from analytics.metrics.completeness import joined, longest_step_us
from ingest.store import heard as store
from ingest.store import watermarks
from ingest.store.buckets_in import Span
from ingest.store.connection import Database
from ingest.store.due import Due, due_hours, mark_done
from ingest.store.heard import PacedSeries
from ingest.store.increments import first_readings
from ingest.store.watermarks import HOUR

SERIES_AT_ONCE = 1_000
HOURS_AT_ONCE = 5_000
"""Due hours whose readings join in one transaction."""
_LONGEST_STEP = timedelta(days=2)
"""Time whose readings join in one transaction; more only where a database is taken up that has none of this yet."""
_BATCHES_OF_A_RUN = 20


class Stage(StrEnum):
    """Moments of a run that an observer is told of."""

    JOINED = "joined"
    """Readings of some of the series have joined; nothing is declared yet."""
    ADVANCED = "advanced"
    DUE_JOINED = "due_joined"
    MARKED = "marked"


@dataclass(frozen=True, slots=True)
class Hearing:
    """Runs over the hours whose readings have not joined; ``stopping`` ends a run between two transactions."""

    connection: Database
    stopping: Event = field(default_factory=Event)
    observe: Callable[[Stage], None] = lambda _: None

    def run(self) -> bool:
        """Join the readings of all hours that have buckets, and of those that are due.

        Returns
        -------
        bool
            Whether there is more to do.
        """
        marks = watermarks.watermarks(self.connection)
        until, done = marks.aggregated_until, marks.heard_until
        if until is None:
            return False
        if done is None or done < until:
            self._advance(done, until)
        return self._join_due()

    def _advance(self, done: datetime | None, until: datetime) -> None:
        for series in self._slices():
            for start, end in self._steps(series, done, until):
                spans = [Span(each.series_id, start, end) for each in series]
                self._join(series, spans)
                self.observe(Stage.JOINED)
        if not self.stopping.is_set():  # else series may be missing
            watermarks.advance_heard(self.connection, done, until)
            self.observe(Stage.ADVANCED)

    def _slices(self) -> Iterator[list[PacedSeries]]:
        last = 0
        while not self.stopping.is_set():
            series = store.paced_after(self.connection, last, SERIES_AT_ONCE)
            if not series:
                break
            last = series[-1].series_id
            yield series

    def _steps(
        self, series: Sequence[PacedSeries], done: datetime | None, until: datetime
    ) -> Iterator[tuple[datetime, datetime]]:
        start = done
        if start is None:
            first = [at for _, of in _by_class(series) for at in self._first(of)]
            start = min(first, default=until)
        while start < until and not self.stopping.is_set():
            end = min(until, start + _LONGEST_STEP)
            yield start, end
            start = end

    def _first(self, series: Sequence[PacedSeries]) -> Iterator[datetime]:
        numbers = [each.series_id for each in series]
        yield from first_readings(self.connection, series[0].retention_class, numbers).values()

    def _join_due(self) -> bool:
        """Join the readings of the hours that have been due longest; return whether others are left."""
        for _ in range(_BATCHES_OF_A_RUN):
            hours = due_hours(self.connection, Due.HEARD, HOURS_AT_ONCE)
            if not hours or self.stopping.is_set():
                return False
            series = store.paced_numbered(self.connection, sorted({hour.series_id for hour in hours}))
            self._join(series, [Span(hour.series_id, hour.hour, hour.hour + HOUR) for hour in hours])
            self.observe(Stage.DUE_JOINED)
            mark_done(self.connection, Due.HEARD, hours)
            self.observe(Stage.MARKED)
        return True

    def _join(self, series: Sequence[PacedSeries], spans: Sequence[Span]) -> None:
        """Have the readings in these spans join the stretches of their series."""
        steps = {each.series_id: longest_step_us(each.period_us) for each in series}
        with self.connection.transaction():
            for retention_class, some in _by_class(series):
                own = {each.series_id for each in some}
                wanted = [span for span in spans if span.series_id in own]
                fresh = store.readings_as_stretches(self.connection, retention_class, wanted)
                # Among themselves first: there are few then whose neighbours are to be looked for.
                of, since, until = _joined([fresh], steps)
                slack = np.array([steps[number] for number in of.tolist()], np.int64)
                before = store.stretches(self.connection, of, since - slack, until + slack)
                after = _joined([before, (of, since, until)], steps)
                store.replace_stretches(self.connection, before, after)


def _joined(parts: Sequence[store.Stretches], steps: Mapping[int, int]) -> store.Stretches:
    of, since, until = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    numbers, place = np.unique(of, return_inverse=True)
    return joined(of, since, until, np.array([steps[number] for number in numbers.tolist()], np.int64)[place])


def _by_class(series: Sequence[PacedSeries]) -> list[tuple[str, list[PacedSeries]]]:
    found: Mapping[str, list[PacedSeries]] = defaultdict(list)
    for each in series:
        found[each.retention_class].append(each)
    return sorted(found.items())
