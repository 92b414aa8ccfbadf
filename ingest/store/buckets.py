"""Buckets out: what a series counted or measured between bounds, from the widest stored buckets that are right.

What is not computed yet, or was touched since, is taken from the readings: an answer is right before any run of the
scheduler, and nothing is in it twice. Retention classes of one definition are merged as in ``fetch_series``: where two
of them have readings in the time asked for, all of it is taken from the readings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from edge.wire.series import Statistic
from ingest.store.arrays import array_cursor
from ingest.store.bucket_sources import READINGS, Stretch, stretches, widest
from ingest.store.connection import Database
from ingest.store.entries import instant
from ingest.store.pgcopy import POSTGRES_EPOCH_US
from ingest.store.readings import Rows, SeriesKey, class_rows, described_series, merged
from ingest.store.retention import refuse_removed
from ingest.store.watermarks import watermarks

Array = NDArray[Any]


class Measure(StrEnum):
    """What is known of the readings between two bounds."""

    N = "n"
    """How many there are."""
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    """The value of the earliest, by time and ordinal."""
    LAST = "last"
    FLAGGED = "flagged"
    """How many of them bear a flag."""


@dataclass(frozen=True, slots=True)
class SeriesBuckets:
    """What one series definition reported between bounds, corrections applied; the arrays have one length.

    Entry k is of [bounds[interval[k]], bounds[interval[k] + 1]); intervals without a reading have none. Numbers of
    readings are int64; the other measures float64, in ``unit``.
    """

    definition: str
    device: str
    quantity: str
    channel: str
    unit: str
    kind: str
    period_s: float | None
    interval: NDArray[np.int64]
    measures: Mapping[Measure, Array]


@dataclass(frozen=True, slots=True)
class _Parts:
    """Buckets or readings of one series, each with the time at which it begins."""

    t_us: NDArray[np.int64]
    measures: tuple[Array, ...]

    @classmethod
    def of_readings(cls, rows: Rows, wanted: Sequence[Measure]) -> _Parts:
        counts = {Measure.N: np.ones(len(rows.t_us), np.int64), Measure.FLAGGED: (rows.flags != 0).astype(np.int64)}
        return cls(rows.t_us, tuple(counts.get(measure, rows.value) for measure in wanted))

    @classmethod
    def joined(cls, parts: Sequence[_Parts]) -> _Parts:
        """Return the parts as one, by time; readings of one instant stay in their order."""
        t_us = np.concatenate([part.t_us for part in parts])
        order = np.argsort(t_us, kind="stable")
        columns = zip(*(part.measures for part in parts), strict=True)
        return cls(t_us[order], tuple(np.concatenate(column)[order] for column in columns))


def fetch_buckets(
    connection: Database,
    keys: Sequence[SeriesKey],
    bounds_us: NDArray[np.int64],
    wanted: Sequence[Measure] = tuple(Measure),
    statistic: Statistic = Statistic.MEAN,
) -> list[SeriesBuckets]:
    """Return what series reported between bounds, one item a definition that has any reading there, by definition.

    Parameters
    ----------
    bounds_us
        At least two ascending times in µs since 1970: of hours, local days, months. The wider the buckets that no bound
        cuts (8 hours, an hour, a quarter of one), the fewer rows are read; other bounds are answered from readings.
    wanted
        The measures to return; each costs time.
    statistic
        Where an agent reports aggregates of windows, which of them; the others are left out.

    Raises
    ------
    ingest.store.retention.ReadingsRemovedError
        Buckets can't answer, and readings of that time are removed: bounds that cut quarter-hours, or readings of one
        definition in several retention classes.
    """
    described = described_series(connection, keys, statistic)
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    for number, (definition, retention_class, *_) in described.items():
        numbers[definition][retention_class] = number
    span = instant(int(bounds_us[0])), instant(int(bounds_us[-1]))
    numbers = _with_readings(connection, numbers, *span)
    alone = [next(iter(of.items())) for of in numbers.values() if len(of) == 1]
    parts = _from_sources(connection, alone, bounds_us, wanted)
    facts = {text: particulars for text, _, *particulars in described.values()}
    found: list[SeriesBuckets] = []
    for definition, of in sorted(numbers.items()):
        of_one = [part for number in of.values() for part in parts.get(number, [])]
        if len(of) > 1:
            of_one = [_Parts.of_readings(_merged(connection, of, *span), wanted)]
        if of_one:
            found.append(_series_buckets(definition, facts[definition], _Parts.joined(of_one), bounds_us, wanted))
    return found


def _merged(connection: Database, numbers: dict[str, int], start: datetime, end: datetime) -> Rows:
    """Return the readings of one definition, merged from several retention classes."""
    refuse_removed(connection, numbers, start)
    rows = [
        of_series
        for retention_class, number in numbers.items()
        for _, of_series in class_rows(connection, retention_class, [number], start, end)
    ]
    return merged(rows)


def _with_readings(
    connection: Database, numbers: dict[str, dict[str, int]], start: datetime, end: datetime
) -> dict[str, dict[str, int]]:
    """Return the numbers of each definition by retention class: of several, those with anything in [start, end)."""
    several = {text: of for text, of in numbers.items() if len(of) > 1}
    there: set[int] = set()
    for retention_class in {name for of in several.values() for name in of}:
        wanted = [of[retention_class] for of in several.values() if retention_class in of]
        rows = connection.execute(
            sql.SQL(
                """select s.series_id from unnest(%(wanted)s::integer[]) as s (series_id)
                    where exists (select from {} r
                                   where r.series_id = s.series_id and r.t >= %(start)s and r.t < %(end)s)
                       or exists (select from {} b
                                   where b.series_id = s.series_id and b.bucket >= %(start)s and b.bucket < %(end)s)"""
            ).format(sql.Identifier(f"readings_{retention_class}"), sql.Identifier(f"buckets_15m_{retention_class}")),
            {"wanted": wanted, "start": start, "end": end},
        )
        there.update(number for (number,) in rows)
    return numbers | {
        text: {name: number for name, number in of.items() if number in there} for text, of in several.items()
    }


def _from_sources(
    connection: Database,
    series: Sequence[tuple[str, int]],
    bounds_us: NDArray[np.int64],
    measures: Sequence[Measure],
) -> dict[int, list[_Parts]]:
    """Return what there is of each series, given by retention class and number, from the sources that are right."""
    wanted: dict[tuple[str, Stretch], list[int]] = defaultdict(list)
    for retention_class, number, stretch in _plan(connection, series, bounds_us):
        wanted[retention_class, stretch].append(number)
    found: dict[int, list[_Parts]] = defaultdict(list)
    for (retention_class, (source, start_us, end_us)), numbers in wanted.items():
        span = instant(start_us), instant(end_us)
        if source == READINGS:
            refuse_removed(connection, [retention_class], span[0])
            for number, rows in class_rows(connection, retention_class, numbers, *span):
                found[number].append(_Parts.of_readings(rows, measures))
        else:
            table = sql.Identifier(f"buckets_{source}_{retention_class}")
            for number, parts in _stored(connection, table, numbers, span, measures):
                found[number].append(parts)
    return found


def _plan(
    connection: Database, series: Sequence[tuple[str, int]], bounds_us: NDArray[np.int64]
) -> Iterator[tuple[str, int, Stretch]]:
    width, span_us = widest(bounds_us), (int(bounds_us[0]), int(bounds_us[-1]))
    right_until = watermarks(connection).aggregated_until
    if right_until is None:
        width = READINGS
    right_until_us = 0 if right_until is None else (right_until - instant(0)) // timedelta(microseconds=1)
    touched = _touched_hours(connection, [number for _, number in series], *span_us)
    usual = stretches(width, *span_us, right_until_us, [])
    for retention_class, number in series:
        hours = touched.get(number)
        for stretch in stretches(width, *span_us, right_until_us, hours) if hours else usual:
            yield retention_class, number, stretch


def _touched_hours(connection: Database, numbers: list[int], start_us: int, end_us: int) -> dict[int, list[int]]:
    rows = connection.execute(
        """select series_id, array_agg((extract(epoch from hour) * 1000000)::bigint)
             from arrivals
            where touched is not null and series_id = any(%s)
              and hour > %s::timestamptz - interval '1 hour' and hour < %s
            group by series_id""",
        [numbers, instant(start_us), instant(end_us)],
    )
    return dict(rows.fetchall())


_TYPES: dict[Measure, LiteralString] = {Measure.N: "integer", Measure.FLAGGED: "integer"}
"""Of the arrays that the driver is sent; the columns' own is one that it does not know."""


def _stored(
    connection: Database,
    table: sql.Identifier,
    numbers: list[int],
    span: tuple[datetime, datetime],
    measures: Sequence[Measure],
) -> Iterator[tuple[int, _Parts]]:
    columns = [
        sql.SQL("array_agg({}::{})").format(sql.Identifier(m), sql.SQL(_TYPES.get(m, "float8"))) for m in measures
    ]
    query = sql.SQL(
        """select series_id, array_agg(bucket), {} from {}
            where series_id = any(%s) and bucket >= %s and bucket < %s group by series_id"""
    ).format(sql.SQL(", ").join(columns), table)
    with array_cursor(connection) as cursor:
        # Not prepared: with the times at hand the planner leaves out the chunks that lie elsewhere.
        for number, bucket, *arrays in cursor.execute(query, [numbers, *span], prepare=False):
            yield number, _Parts(bucket + POSTGRES_EPOCH_US, tuple(arrays))


def _series_buckets(
    definition: str, facts: list[Any], parts: _Parts, bounds_us: NDArray[np.int64], wanted: Sequence[Measure]
) -> SeriesBuckets:
    device, quantity, channel, unit, kind, period_s = facts
    interval = np.searchsorted(bounds_us, parts.t_us, side="right") - 1
    first = np.flatnonzero(np.diff(interval, prepend=-1))
    return SeriesBuckets(
        definition=definition,
        device=device,
        quantity=quantity,
        channel=channel,
        unit=unit,
        kind=kind,
        period_s=period_s,
        interval=interval[first],
        measures={m: _reduced(m, column, first) for m, column in zip(wanted, parts.measures, strict=True)},
    )


def _reduced(measure: Measure, column: Array, first: NDArray[np.int64]) -> Array:
    """Return a measure of each run of parts, given where runs begin."""
    match measure:
        case Measure.MIN:
            return np.minimum.reduceat(column, first)
        case Measure.MAX:
            return np.maximum.reduceat(column, first)
        case Measure.FIRST:
            return np.take(column, first)
        case Measure.LAST:
            return np.take(column, np.append(first[1:], len(column)) - 1)
        case Measure.SUM:
            return np.add.reduceat(column, first)
        case Measure.N | Measure.FLAGGED:
            return np.add.reduceat(column, first, dtype=np.int64)
