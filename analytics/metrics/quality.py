"""Quality of the data themselves: whole, in time, in order, valid, and with clocks that are right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.metrics.completeness import received
from analytics.metrics.inputs import MICROSECONDS, NOT_LIVE, Inputs, Observed, Outcome, SeriesArrays
from analytics.metrics.spans import Bool, Int64
from edge.wire.batch import Flag
from edge.wire.series import Kind, WindowStatistic

MOST_NAMED = 10
DELAY = "timeliness.delay_max"
DOUBTFUL = Flag.AMBIGUOUS_LOCAL_TIME | Flag.CLOCK_SUSPECT | Flag.OUT_OF_RANGE | Flag.SUSPECT
"""Flags that doubt a reading; one that came late is as true as another."""


def measure_completeness(inputs: Inputs) -> Outcome:
    """Return the readings received as a share of those expected, over every registered series.

    Detail: expected, received, and the devices that lack most (by_device: share received).
    """
    expected: dict[str, int] = {}
    came: dict[str, int] = {}
    for series in inputs.series:
        if not series.claims_completeness:
            continue
        one = received(series.cover(), series.period_us, inputs.wanted.intersect(series.registered))
        expected[series.device] = expected.get(series.device, 0) + one.expected
        came[series.device] = came.get(series.device, 0) + one.received
    due, got = sum(expected.values()), sum(came.values())
    if due == 0:
        return Outcome(None, undefined="no_time_to_measure")
    start_us = inputs.window.start_us
    if any(series.removed_before_us is not None and series.removed_before_us > start_us for series in inputs.series):
        return Outcome(None, undefined="removed_by_retention")
    shares = {device: came[device] / of for device, of in expected.items() if of}
    worst = sorted((share, device) for device, share in shares.items() if share < 1)[:MOST_NAMED]
    detail = {"expected": due, "received": got, "by_device": {device: share for share, device in worst}}
    return Outcome(got / due, detail=detail)


def measure_validity(inputs: Inputs) -> Outcome:
    """Return the share of readings without a doubt, of those received and the payloads that could not be read.

    Detail: readings, doubted (by flag), refused_payloads.
    """
    flags = np.concatenate([np.zeros(0, dtype=np.int16), *(rows.flags for _, rows in _rows(inputs))])
    refused = inputs.deliveries.refused_payloads if inputs.deliveries else 0
    doubted = {flag.name.lower(): n for flag in DOUBTFUL if flag.name and (n := int((flags & flag != 0).sum()))}
    detail = {"readings": int(flags.size), "doubted": doubted, "refused_payloads": refused}
    if flags.size + refused == 0:
        return Outcome(None, detail=detail, undefined="nothing_observed")
    return Outcome(undoubted_share(flags, refused), detail=detail)


def undoubted_share(flags: NDArray[np.int16], refused_payloads: int) -> float:
    """Return the readings without a flag that casts doubt as a share of all readings and refused payloads.

    Examples
    --------
    >>> undoubted_share(np.array([0, 0, Flag.CLOCK_SUSPECT, 0], dtype=np.int16), refused_payloads=1)
    0.6
    """
    return int((flags & DOUBTFUL == 0).sum()) / (flags.size + refused_payloads)


def out_of_order(received_us: Int64) -> Bool:
    """Return which readings, in order of their time, were received after a later one of their series.

    Examples
    --------
    >>> out_of_order(np.array([10, 50, 30, 30, 40])).tolist()
    [False, True, False, False, False]
    """
    later = np.minimum.accumulate(received_us[::-1])[::-1]
    return received_us > np.append(later[1:], received_us[-1:])


def measure_order(inputs: Inputs) -> Outcome:
    """Return the share of deliveries that brought a new reading in its turn.

    Detail: readings, out_of_order, duplicates, corrections.
    """
    told = inputs.deliveries
    if told is None:
        return Outcome(None, undefined="nothing_observed")
    live = [rows.received_us[rows.received_us != NOT_LIVE] for _, rows in _rows(inputs) if rows.received_us is not None]
    readings, late = sum(of.size for of in live), sum(int(out_of_order(of).sum()) for of in live)
    again = told.duplicates + told.corrections
    detail = {
        "readings": readings,
        "out_of_order": late,
        "duplicates": told.duplicates,
        "corrections": told.corrections,
    }
    if readings == 0:
        return Outcome(None, detail=detail, undefined="nothing_observed")
    return Outcome((readings - late) / (readings + again), detail=detail)


def measure_timeliness(inputs: Inputs) -> Outcome:
    """Return the share of readings received within the limit after their time, of those not received before it.

    Detail: delay_p50_s, delay_p95_s, delay_p99_s, readings, and negative: readings received before their own time,
    which shows a clock that is fast; they are in no other figure.
    """
    if DELAY not in inputs.limits:
        return Outcome(None, undefined="no_limit_in_force")
    delays = np.concatenate([np.zeros(0, dtype=np.int64), *(of for _, of, _ in _delays(inputs))])
    after = delays[delays >= 0]
    detail: dict[str, Any] = {"readings": int(delays.size), "negative": int(delays.size - after.size)}
    if after.size == 0:
        return Outcome(None, detail=detail, undefined="no_delay_known")
    for percentile, delay in zip((50, 95, 99), np.percentile(after, (50, 95, 99)), strict=True):
        detail[f"delay_p{percentile}_s"] = float(delay) / MICROSECONDS
    return Outcome(timely_share(after, round(inputs.limits[DELAY] * MICROSECONDS)), detail=detail)


def timely_share(delay_us: Int64, limit_us: int) -> float:
    """Return the share of delays within a limit, both in µs.

    Examples
    --------
    >>> timely_share(np.array([1_000_000, 299_000_000, 300_000_000, 301_000_000]), 300_000_000)
    0.75
    """
    return int((delay_us <= limit_us).sum()) / delay_us.size


def measure_clock_offset(inputs: Inputs) -> Outcome:
    """Return the offset in s of the device's clock that is furthest off: positive where it is behind.

    Detail: by_device, the largest first. Of each local day the least delay of a device's readings estimates its offset,
    the time that a reading needs on its way included; of the days the one furthest off.
    """
    of_day: dict[tuple[str, int], int] = {}
    for device, delays, t_us in _delays(inputs):
        day = np.searchsorted(inputs.midnights_us, t_us, side="right")
        for number, least in least_of_day(delays, day).items():
            of_day[device, number] = min(least, of_day.get((device, number), least))
    offsets: dict[str, float] = {}
    for (device, _), least in of_day.items():
        if abs(least) / MICROSECONDS >= abs(offsets.get(device, 0.0)):
            offsets[device] = least / MICROSECONDS
    if not offsets:
        return Outcome(None, undefined="no_delay_known")
    ranked = sorted(offsets.items(), key=lambda item: (-abs(item[1]), item[0]))
    return Outcome(ranked[0][1], detail={"by_device": dict(ranked[:MOST_NAMED])})


def least_of_day(delay_us: Int64, day: Int64) -> dict[int, int]:
    """Return the least delay of each day in µs: what a reading at least needs on its way, less the clock's advance.

    Examples
    --------
    >>> least_of_day(np.array([40, 15, -3, 8]), np.array([0, 0, 1, 1]))
    {0: 15, 1: -3}
    """
    return {number: int(delay_us[day == number].min()) for number in np.unique(day).tolist()}


def _rows(inputs: Inputs) -> Iterator[tuple[Observed, SeriesArrays]]:
    """Yield the readings of the window, each in the state of the registry that holds at its time."""
    for series in inputs.series:
        for part in series.parts:
            rows = part.between(inputs.window.start_us, inputs.window.end_us)
            yield series, rows.where(series.registered.contains(rows.t_us))


def _delays(inputs: Inputs) -> Iterator[tuple[str, Int64, Int64]]:
    """Yield device, delays and times of the readings that came live; a reading of an interval is one at its end."""
    for series, rows in _rows(inputs):
        if rows.received_us is None:
            continue
        live = rows.where(rows.received_us != NOT_LIVE)
        if live.t_us.size and live.received_us is not None:
            yield series.device, live.received_us - live.t_us - _length_us(series, live), live.t_us


def _length_us(series: Observed, rows: SeriesArrays) -> int:
    report = rows.series.report
    if isinstance(report, WindowStatistic):
        return round(report.window_s * MICROSECONDS)
    return (rows.period_us or series.period_us) if rows.series.kind is Kind.INTERVAL else 0
