"""Increments of registers by quarter-hour: computed with the metrics' arithmetic, and right at any moment.

A reading bears on the increments to the nearest readings on either side, and near a local midnight on those across it.
What the stored ones lack, since readings came after they were computed, is computed when it is asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike

from analytics.metrics.counts import CLOCK_TOLERANCE_US, Slots
from analytics.metrics.inputs import SeriesArrays
from analytics.metrics.spans import Float64, Spans
from analytics.windows import Window, local_days, to_us
from edge.wire.series import Reset, Series, Statistic
from ingest.store import increments as store
from ingest.store.buckets_in import Span
from ingest.store.connection import Database
from ingest.store.entries import instant
from ingest.store.increments import QUARTER_US, Increments, Register
from ingest.store.readings import SeriesKey, class_rows, described_series, merged
from ingest.store.registry import current_version
from ingest.store.retention import marks, refuse_removed
from ingest.store.watermarks import HOUR, watermarks

Change = tuple[Register, datetime, datetime]
"""A register and the half-open time in which its readings have changed."""
_MICROSECOND = timedelta(microseconds=1)
_FAR_US = 2**62
_EVER = Spans.of([(-_FAR_US, _FAR_US)])
_NONE = Increments(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class SeriesIncrements:
    """The increments of one definition by quarter-hour; those that lie between no two readings are left out."""

    series: Series
    increments: Increments


def quarter_hours(slots: Slots, start_us: int, end_us: int) -> Increments:
    """Share increments out to the quarter-hours of [start, end), which are multiples of a quarter-hour since 1970.

    Notes
    -----
    Each quarter-hour gets ``amount`` by the share of the increment's length in it, as ``counts.shares`` has it; an
    increment between two readings of one instant goes to the one in which it lies.

    Examples
    --------
    >>> slots = Slots(np.array([0, 600_000_000]), np.array([600_000_000, 1_200_000_000]), np.array([4.0, 6.0]),
    ...               np.array([False, True]))
    >>> quarters = quarter_hours(slots, 0, 2 * QUARTER_US)
    >>> quarters.amount.tolist(), quarters.resets.tolist(), quarters.covered_us.tolist()
    ([7.0, 3.0], [0, 1], [900000000, 300000000])
    """
    length = slots.end_us - slots.start_us
    last = np.where(length > 0, slots.end_us - 1, slots.start_us) // QUARTER_US
    first = np.maximum(slots.start_us, start_us) // QUARTER_US
    pieces = np.maximum(np.minimum(last, end_us // QUARTER_US - 1) - first + 1, 0)
    slot = np.repeat(np.arange(pieces.size), pieces)
    quarter = first[slot] + np.arange(slot.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begins, ends = quarter * QUARTER_US, (quarter + 1) * QUARTER_US
    inside = np.minimum(slots.end_us[slot], ends) - np.maximum(slots.start_us[slot], begins)
    share = np.where(length[slot] > 0, inside / np.maximum(length[slot], 1), 1.0)
    found, place = np.unique(quarter, return_inverse=True)

    def total(of_pieces: ArrayLike) -> Float64:
        return np.bincount(place, np.asarray(of_pieces, np.float64), found.size).astype(np.float64)

    resets = total(slots.reset[slot] & (quarter == last[slot])).astype(np.int64)
    covered_us = total(inside).astype(np.int64)
    return Increments(found * QUARTER_US, total(slots.amount[slot] * share), resets, covered_us)


def computed(connection: Database, registers: Sequence[Register], spans: Spans, zone: str) -> Increments:
    """Compute the increments of one definition in whole quarter-hours from its readings.

    Parameters
    ----------
    registers
        The definition in each retention class that is to be merged.
    zone
        IANA zone of the midnights at which a register of that reset rule starts again.
    """
    return _joined([_computed(connection, registers, start, end, zone) for start, end in spans.pairs()])


def _joined(parts: Iterable[Increments]) -> Increments:
    columns = zip(*((p.bucket_us, p.amount, p.resets, p.covered_us) for p in [_NONE, *parts]), strict=True)
    joined = Increments(*(np.concatenate(column) for column in columns))
    return joined.taken(np.argsort(joined.bucket_us, kind="stable"))


def _computed(connection: Database, registers: Sequence[Register], start_us: int, end_us: int, zone: str) -> Increments:
    series = Series.model_validate_json(registers[0].definition)
    if series.counter is None:
        msg = f"{series.definition} is no register: it has no counter"
        raise ValueError(msg)
    reaches = _reaches(connection, [(register, instant(start_us), instant(end_us)) for register in registers])
    first, beyond = min(low for low, _ in reaches), max(high for _, high in reaches) + _MICROSECOND
    rows = [
        of_class
        for register in registers
        for _, of_class in class_rows(connection, register.retention_class, [register.series_id], first, beyond)
    ]
    if not rows:
        return _NONE
    told = merged(rows)
    midnights_us = np.zeros(0, np.int64)
    if series.counter.reset is Reset.MIDNIGHT:
        midnights_us = local_days(Window(first, beyond, zone)).bounds_us
    arrays = SeriesArrays(series, told.t_us, told.ordinal, told.value, told.flags)
    return quarter_hours(arrays.increments(series.counter, midnights_us), start_us, end_us)


def starts_at_midnight(register: Register) -> bool:
    """Return whether a register starts again at the midnights of its store."""
    counter = Series.model_validate_json(register.definition).counter
    return counter is not None and counter.reset is Reset.MIDNIGHT


def affected(connection: Database, changes: Sequence[Change]) -> list[tuple[int, int]]:
    """Return for each change the quarter-hours [start, end) in µs whose increments it may have changed.

    Increments whose readings retention has removed stand as they are.
    """
    settled_us = _settled_before_us(connection)
    return [
        (
            max(to_us(low) // QUARTER_US * QUARTER_US, settled_us.get(register.retention_class, -_FAR_US)),
            (to_us(high) // QUARTER_US + 1) * QUARTER_US,
        )
        for (register, *_), (low, high) in zip(changes, _reaches(connection, changes), strict=True)
    ]


def _settled_before_us(connection: Database) -> dict[str, int]:
    """Return by retention class up to when, in µs, increments are not computed any more; other classes: never."""
    settled = {name: mark.settled_before for name, mark in marks(connection).items()}
    return {name: to_us(at) for name, at in settled.items() if at is not None}


def _reaches(connection: Database, changes: Sequence[Change]) -> list[tuple[datetime, datetime]]:
    """Return for each change, in its order, from when to when readings bear on the increments in it."""
    alike: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for place, (register, *_) in enumerate(changes):
        alike[register.retention_class, starts_at_midnight(register)].append(place)
    found: dict[int, tuple[datetime, datetime]] = {}
    for (retention_class, at_midnight), places in alike.items():
        slack = timedelta(microseconds=CLOCK_TOLERANCE_US if at_midnight else 0)
        spans = [Span(changes[place][0].series_id, *changes[place][1:]) for place in places]
        found.update(zip(places, store.reach(connection, retention_class, spans, slack), strict=True))
    return [found[place] for place in range(len(changes))]


def fetch_increments(
    connection: Database, keys: Sequence[SeriesKey], start_us: int, end_us: int
) -> list[SeriesIncrements]:
    """Return the increments of the registers among these series in [start, end), one item a definition that has any.

    Parameters
    ----------
    start_us, end_us
        Multiples of a quarter-hour since 1970, in µs.

    Notes
    -----
    The sum over any quarter-hours equals ``counts.register_slots`` and ``counts.shares`` over the readings in force, to
    the rounding of sums. A definition in several retention classes is computed from its readings.

    Raises
    ------
    ingest.store.retention.ReadingsRemovedError
        Such a definition's readings in this time are removed.
    """
    described = described_series(connection, keys, Statistic.MEAN)
    registers = store.registers_numbered(connection, list(described))
    of: dict[str, list[Register]] = defaultdict(list)
    for register in registers:
        of[register.definition].append(register)
    version = current_version(connection)
    zones = store.time_zones(connection, [r.device for r in registers], version)
    alone = [r for of_one in of.values() if len(of_one) == 1 for r in of_one]
    settled = _settled(connection, alone, start_us, end_us, version)
    span = Spans.of([(start_us, end_us)])
    found = []
    for definition, of_one in sorted(of.items()):
        if len(of_one) > 1:
            refuse_removed(connection, [register.retention_class for register in of_one], instant(start_us))
        known, lacking = settled[of_one[0].series_id] if len(of_one) == 1 else (_NONE, span)
        increments = _joined([known, computed(connection, of_one, lacking, zones.get(of_one[0].device, "UTC"))])
        if increments.bucket_us.size:
            found.append(SeriesIncrements(Series.model_validate_json(definition), increments))
    return found


def _settled(
    connection: Database, registers: Sequence[Register], start_us: int, end_us: int, version: int
) -> dict[int, tuple[Increments, Spans]]:
    """Return of each register the stored increments that are right, and the quarter-hours that they leave open."""
    numbers = [register.series_id for register in registers]
    lacking = _lacking(connection, registers, version)
    known = store.fetch_increments(connection, numbers, instant(start_us), instant(end_us))
    settled = {}
    for number in numbers:
        left_open = lacking[number].intersect(Spans.of([(start_us, end_us)]))
        there = known.get(number, _NONE)
        settled[number] = there.taken(~left_open.contains(there.bucket_us)), left_open
    return settled


def _lacking(connection: Database, registers: Sequence[Register], version: int) -> dict[int, Spans]:
    """Return of each register the quarter-hours of which no stored increment is right, or none may be."""
    computed_until = watermarks(connection)
    until = computed_until.increments_until
    if until is None:
        return {register.series_id: _EVER for register in registers}
    hours = store.lacking_hours(connection, [register.series_id for register in registers])
    changes = [(r, hour, hour + HOUR) for r in registers for hour in hours.get(r.series_id, [])]
    pairs: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for (register, *_), pair in zip(changes, affected(connection, changes), strict=True):
        pairs[register.series_id].append(pair)
    # A register's last increments before that end change with its next reading.
    ends = affected(connection, [(register, until, until) for register in registers])
    for register, (start_us, _) in zip(registers, ends, strict=True):
        pairs[register.series_id].append((start_us, _FAR_US))
    if version != computed_until.registry_version:
        settled_us = _settled_before_us(connection)
        for register in registers:
            if starts_at_midnight(register):
                pairs[register.series_id] = [(settled_us.get(register.retention_class, -_FAR_US), _FAR_US)]
    return {number: Spans.of(of_one) for number, of_one in pairs.items()}
