"""Failures, time between them and time to repair: hand-worked cases, scipy, and outages that are looked at in steps."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_inputs import inputs, observed
from scipy import stats

from analytics.metrics import reliability
from analytics.metrics.inputs import Inputs, Observed
from analytics.windows import Window
from edge.wire.series import Kind

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 5, tzinfo=ZONE), ZONE.key)
STEP_US = 300_000_000
LOOKS = np.arange(-1, 290) * STEP_US + WINDOW.start_us
"""From one look before the day to two after it."""


def device(state: Any, at: Any = LOOKS, name: str = "a") -> Observed:
    series = observed("device_online", at, state, kind=Kind.STATE, period_s=300.0, device=name)
    return series.touching(WINDOW.start_us, WINDOW.end_us, 0)


def made(*series: Observed) -> Inputs:
    return inputs(WINDOW, series)


def down(*spans: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the states of all looks, numbered from the day's first; down in these."""
    state = np.ones(LOOKS.size)
    for start, end in spans:
        state[start + 1 : end + 1] = 0.0
    return state


def test_a_day_with_two_failures_one_of_them_open() -> None:
    both = made(device(down((12, 24), (270, 300))), device(down(), name="b"))
    failures = reliability.measure_failures(both)
    assert (failures.value, failures.detail["by_device"]) == (2, {"a": 2})
    assert failures.bounds is not None
    assert (failures.bounds.low, failures.bounds.high) == (2, 2)
    between = reliability.measure_time_between(both)
    operating_days = 2 - (12 + 18) / 288
    assert between.value == pytest.approx(operating_days / 2)
    assert between.detail["detection_delay_s"] == 300
    repair = reliability.measure_time_to_repair(both)
    assert repair.value == 60
    assert (repair.detail["repairs"], repair.detail["still_down"]) == (1, 1)
    assert repair.bounds is not None
    assert (repair.bounds.low, repair.bounds.high) == (55, 65)


def test_a_failure_of_before_is_no_failure_of_the_day_and_its_repair_no_repair() -> None:
    before = made(device(down((-1, 12))))
    assert reliability.measure_failures(before).value == 0
    repair = reliability.measure_time_to_repair(before)
    assert (repair.undefined, repair.detail["began_before"]) == ("no_repair", 1)


def test_a_change_at_the_edge_may_lie_on_either_side() -> None:
    at_start, at_end = (reliability.measure_failures(made(device(down(span)))) for span in ((0, 5), (288, 289)))
    assert (at_start.value, at_end.value) == (0, 1)  # of two days that meet there, one has it
    late, beyond = LOOKS + STEP_US // 2, LOOKS - STEP_US // 2
    at_start, at_end = (
        reliability.measure_failures(made(device(down(span), at)))
        for span, at in (((0, 5), late), ((289, 290), beyond))
    )
    assert at_start.bounds is not None
    assert at_end.bounds is not None
    assert (at_start.value, at_start.bounds.low, at_start.bounds.high) == (1, 0, 1)
    assert (at_end.value, at_end.bounds.low, at_end.bounds.high) == (0, 0, 1)


def test_without_a_failure_there_is_a_bound_and_no_number() -> None:
    outcome = reliability.measure_time_between(made(device(down())))
    assert (outcome.value, outcome.undefined) == (None, "no_failure")
    assert outcome.detail["least_days_between"] == pytest.approx(2 / stats.chi2.ppf(0.95, 2))
    assert reliability.measure_time_between(made()).undefined == "nothing_observed"
    assert reliability.measure_failures(made(device([], at=[]))).undefined == "nothing_observed"


@given(st.integers(1, 60), st.floats(1.0, 1e9))
def test_bounds_of_the_time_between_are_chi_squares(failures: int, operating: float) -> None:
    low, high = reliability.time_between_failures(round(operating), failures)
    total = 2 * round(operating)
    assert low == pytest.approx(total / stats.chi2.ppf(0.975, 2 * failures + 2), rel=1e-9)
    assert high == pytest.approx(total / stats.chi2.ppf(0.025, 2 * failures), rel=1e-9)


def test_the_intervals_cover_the_true_mean_as_often_as_they_say() -> None:
    """Failures of a known rate over a fixed time: exact bounds cover at least the level."""
    counts = np.random.default_rng(7).poisson(6.0, 4_000)
    covered = 0
    for failures, times in zip(*np.unique(counts, return_counts=True), strict=True):
        low, high = reliability.time_between_failures(6_000, int(failures))
        covered += int(times) * (low <= 1_000 <= high)
    assert 0.94 <= covered / 4_000 <= 0.985


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_bounds_hold_outages_that_begin_at_any_time(seed: int, gaps: bool) -> None:
    """Outages of more than two looks, with more than two looks between, are each seen."""
    rng = np.random.default_rng(seed)
    edges = WINDOW.start_us - STEP_US + np.cumsum(rng.uniform(2.1, 60, 40)) * STEP_US
    began, ended = edges[0::2], edges[1::2]
    number = np.searchsorted(edges, LOOKS, side="right")
    state = np.where(number % 2 == 0, 1.0, 0.0)
    keep = rng.random(LOOKS.size) >= (0.05 if gaps else 0.0)
    series = made(device(state[keep], LOOKS[keep]))
    inside = (began > WINDOW.start_us) & (began <= WINDOW.end_us)
    failures = reliability.measure_failures(series)
    if failures.bounds is not None:
        assert failures.bounds.low <= inside.sum() <= failures.bounds.high
    elif not gaps:
        pytest.fail("bounds are due where nothing is missing")
    repair = reliability.measure_time_to_repair(series)
    whole = inside & (ended < WINDOW.end_us - STEP_US) & (began >= WINDOW.start_us + STEP_US)
    if not gaps and repair.detail["repairs"] == whole.sum() > 0 and whole.sum() == inside.sum():
        assert repair.bounds is not None
        true = float(np.mean(ended[whole] - began[whole])) / 6e7
        assert repair.bounds.low <= true <= repair.bounds.high


def test_time_without_a_word_is_neither_up_nor_down_and_leaves_no_bounds() -> None:
    keep = np.ones(LOOKS.size, dtype=bool)
    keep[100:150] = False
    outcome = reliability.measure_failures(made(device(down((110, 130))[keep], LOOKS[keep])))
    assert (outcome.value, outcome.bounds) == (0, None)
    assert outcome.detail["missing_hours"] == pytest.approx(50 / 12)
    window = Window(WINDOW.start + timedelta(hours=1), WINDOW.end, ZONE.key)
    assert reliability.measure_failures(inputs(window, [device(down())])).value == 0
