"""Metrics of series that an agent's rules thinned out: bounds still hold the truth, and means are those over time."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_inputs import arrays, inputs, observed
from numpy.typing import NDArray

from analytics.metrics import air, cold_chain
from analytics.metrics.inputs import Observed
from analytics.windows import Window
from edge.readings import Reading
from edge.reporting.aggregation import OpenWindow, WindowReport
from edge.reporting.on_change import ChangeReport
from edge.wire.series import Kind, OnChange, Series, Statistic, Unit, WindowStatistic

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 5, tzinfo=ZONE), ZONE.key)
MINUTES = np.arange(WINDOW.start_us, WINDOW.end_us, 60_000_000)
BANDS = {"cold_chain.chilled_above": 0.0, "cold_chain.chilled_max": 8.0, "cold_chain.frozen_max": -18.0}
seeds = st.integers(0, 2**32 - 1)


def sampled(quantity: str, unit: Unit, values: NDArray[np.float64]) -> list[Reading]:
    series = Series(device="device", quantity=quantity, unit=unit, kind=Kind.GAUGE, period_s=60.0)
    return [Reading(series, int(t), float(value)) for t, value in zip(MINUTES, values, strict=True)]


def on_change(readings: list[Reading], dead_band: float, at_least_every_s: float) -> list[Reading]:
    rule = OnChange(dead_band=dead_band, at_least_every_s=at_least_every_s)
    report, state, out = ChangeReport(readings[0].series, rule), None, list[Reading]()
    for reading in readings:
        state, due = report.step(state, reading)
        out += due
    return out


def window_means(readings: list[Reading], window_s: float) -> list[Reading]:
    report, out = WindowReport(readings[0].series, window_s), list[Reading]()
    window: OpenWindow | None = None
    for reading in readings:
        window, due = report.step(window, reading, 0.0)
        out += due
    out += report.aggregates(window) if window else []
    rules = ((each, each.series.report) for each in out)
    return [each for each, rule in rules if isinstance(rule, WindowStatistic) and rule.statistic is Statistic.MEAN]


def seen(reported: list[Reading], **facts: Any) -> Observed:
    series = reported[0].series
    rows = arrays(series, [r.t_us for r in reported], [r.value for r in reported])
    made = observed(series.quantity, [], [], kind=Kind.GAUGE, period_s=series.period_s or 0.0, **facts)
    return made.with_parts((rows,))


@given(seeds, st.floats(0.05, 1.0), st.sampled_from([60.0, 600.0, 900.0]))
@settings(max_examples=30, deadline=None)
def test_cold_chain_bounds_hold_what_every_reading_would_have_shown(
    seed: int, dead_band: float, every_s: float
) -> None:
    rng = np.random.default_rng(seed)
    level = 6.0 + 3.0 * np.sin(np.arange(1440) / 80 + rng.random() * 6) + rng.normal(0, 0.2, 1440)
    readings = sampled("temperature", Unit.CELSIUS, level)
    thinned = on_change(readings, dead_band, every_s)
    facts = {"point_kind": "chilled_cabinet", "accuracy": 0.0}
    full, less = (cold_chain.measure(inputs(WINDOW, [seen(r, **facts)], limits=BANDS)) for r in (readings, thinned))
    assert full.value == pytest.approx(((level > 0) & (level <= 8)).mean())
    assert less.bounds is not None
    assert full.value is not None
    assert less.bounds.low - 1e-9 <= full.value <= less.bounds.high + 1e-9


@given(seeds, st.sampled_from([600.0, 1800.0]))
@settings(max_examples=20, deadline=None)
def test_hours_of_carbon_dioxide_on_change_are_means_over_time(seed: int, every_s: float) -> None:
    """A level that jumps seldom and stays: the plain mean of its reports would be far off."""
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.uniform(600, 2400, 96), 15)
    readings = sampled("carbon_dioxide", Unit.PPM, level)
    thinned = on_change(readings, 10.0, every_s)
    assert len(thinned) < 300
    limits = {"carbon_dioxide.store_max": 1_500.0}
    hours = {"opens_at": time(9), "closes_at": time(22)}
    full, less = (
        air.measure(inputs(WINDOW, [seen(r, accuracy=0.0)], limits=limits, **hours))  # type: ignore[arg-type]
        for r in (readings, thinned)
    )
    assert (less.value, less.detail) == (full.value, full.detail)
    assert full.value == pytest.approx((level.reshape(24, 60).mean(axis=1)[9:22] <= 1_500).mean())


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_hours_of_window_means_are_those_of_the_readings(seed: int) -> None:
    rng = np.random.default_rng(seed)
    level = 1_450 + rng.normal(0, 200, 1440)
    readings = sampled("carbon_dioxide", Unit.PPM, level)
    made = seen(window_means(readings, 300.0), accuracy=0.0)
    assert made.parts[0].t_us.size == 288
    outcome = air.measure(
        inputs(WINDOW, [made], limits={"carbon_dioxide.store_max": 1_450.0}, opens_at=time(9), closes_at=time(22))
    )
    assert outcome.value == pytest.approx((level.reshape(24, 60).mean(axis=1)[9:22] <= 1_450).mean())
