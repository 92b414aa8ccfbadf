"""Increments kept right: those of the hours that have buckets, and of hours whose readings have changed since.

Any step may be the last: what it leaves is right, and the next run goes on from there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from threading import Event

from analytics.increments import Change, affected, computed, starts_at_midnight
from analytics.metrics.spans import Spans
from analytics.windows import to_us
from ingest.store import increments as store
from ingest.store import watermarks
from ingest.store.connection import Database
from ingest.store.due import Due, DueHour, due_hours, mark_done
from ingest.store.increments import Register
from ingest.store.registry import current_version
from ingest.store.watermarks import HOUR

REGISTERS_AT_ONCE = 500
HOURS_AT_ONCE = 2_000
"""Due hours that are computed before they are noted as such."""
_BATCHES_OF_A_RUN = 20


class Stage(StrEnum):
    """Moments of a run that an observer is told of."""

    STORED = "stored"
    """The increments of a register are computed, and not declared right yet."""
    ADVANCED = "advanced"
    DUE_STORED = "due_stored"
    MARKED = "marked"


@dataclass(frozen=True, slots=True)
class Rollup:
    """Runs over the increments that are not right yet; ``stopping`` ends a run between two transactions."""

    connection: Database
    stopping: Event = field(default_factory=Event)
    observe: Callable[[Stage], None] = lambda _: None

    def run(self) -> bool:
        """Compute the increments of all hours that have buckets, and of those that are due.

        Returns
        -------
        bool
            Whether there is more to do.
        """
        marks, version = watermarks.watermarks(self.connection), current_version(self.connection)
        until = marks.aggregated_until
        if until is None:
            return False
        done = marks.increments_until
        if done is not None and version != marks.registry_version:
            self._make_due_by_zone(marks.registry_version, version)
        if done is None or done < until or version != marks.registry_version:
            self._advance(done, until, version)
        return self._compute_due(version)

    def _make_due_by_zone(self, before: int, version: int) -> None:
        """Make all of the registers due that start again at other midnights than an earlier registry said."""
        for registers in self._slices():
            at_midnight = [register for register in registers if starts_at_midnight(register)]
            devices = [register.device for register in at_midnight]
            old, new = (store.time_zones(self.connection, devices, v) for v in (before, version))
            moved = [register for register in at_midnight if old.get(register.device) != new.get(register.device)]
            store.make_due(self.connection, moved)

    def _advance(self, done: datetime | None, until: datetime, version: int) -> None:
        for registers in self._slices():
            changes = self._since(done, registers, until)
            zones = store.time_zones(self.connection, [register.device for register, *_ in changes], version)
            for (register, *_), (start_us, _) in zip(changes, affected(self.connection, changes), strict=True):
                self._store(register, Spans.of([(start_us, to_us(until))]), zones)
                self.observe(Stage.STORED)
        if not self.stopping.is_set():  # else registers may be missing
            watermarks.advance_increments(self.connection, done, until, version)
            self.observe(Stage.ADVANCED)

    def _since(self, done: datetime | None, registers: Sequence[Register], until: datetime) -> list[Change]:
        if done is not None:
            return [(register, done, until) for register in registers]
        first: dict[int, datetime] = {}
        for retention_class in {register.retention_class for register in registers}:
            numbers = [r.series_id for r in registers if r.retention_class == retention_class]
            first |= store.first_readings(self.connection, retention_class, numbers)
        return [(r, first[r.series_id], until) for r in registers if first.get(r.series_id, until) < until]

    def _slices(self) -> Iterator[list[Register]]:
        last = 0
        while not self.stopping.is_set():
            registers = store.registers_after(self.connection, last, REGISTERS_AT_ONCE)
            if not registers:
                break
            last = registers[-1].series_id
            yield registers

    def _compute_due(self, version: int) -> bool:
        """Compute the hours that have been due longest; return whether others are left."""
        for _ in range(_BATCHES_OF_A_RUN):
            hours = due_hours(self.connection, Due.INCREMENTS, HOURS_AT_ONCE)
            if not hours or self.stopping.is_set():
                return False
            registers = {
                r.series_id: r for r in store.registers_numbered(self.connection, [hour.series_id for hour in hours])
            }
            zones = store.time_zones(self.connection, [r.device for r in registers.values()], version)
            for number, spans in self._affected(registers, hours).items():
                self._store(registers[number], Spans.of(spans), zones)
            self.observe(Stage.DUE_STORED)
            mark_done(self.connection, Due.INCREMENTS, hours)
            self.observe(Stage.MARKED)
        return True

    def _affected(self, registers: dict[int, Register], hours: Sequence[DueHour]) -> dict[int, list[tuple[int, int]]]:
        changes = [(registers[h.series_id], h.hour, h.hour + HOUR) for h in hours]
        found: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for (register, *_), pair in zip(changes, affected(self.connection, changes), strict=True):
            found[register.series_id].append(pair)
        return found

    def _store(self, register: Register, spans: Spans, zones: dict[str, str]) -> None:
        increments = computed(self.connection, [register], spans, zones.get(register.device, "UTC"))
        store.store_increments(self.connection, register.series_id, increments)
