"""Shelves, labels, energy, air, cold chain, parking and device availability, each against its own arithmetic."""

from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_inputs import inputs, observed
from numpy.typing import NDArray

from analytics.catalogue.all_metrics import METRICS
from analytics.metrics import air, availability, cold_chain, energy, labels, parking, shelves
from analytics.metrics.inputs import Measure, Observed
from analytics.windows import HOUR_US, Window
from edge.wire.series import Counter, Kind, Reset

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 5, tzinfo=ZONE), ZONE.key)
MINUTE_US = 60_000_000
MINUTES = np.arange(WINDOW.start_us, WINDOW.end_us, MINUTE_US)
REGISTER = Counter(width_bits=None, reset=Reset.POWER_ON)
BANDS = {"cold_chain.chilled_above": 0.0, "cold_chain.chilled_max": 8.0, "cold_chain.frozen_max": -18.0}
seeds = st.integers(0, 2**32 - 1)


def gauge(quantity: str, keep: NDArray[np.bool_], values: NDArray[np.float64], **facts: Any) -> Observed:
    return observed(quantity, MINUTES[keep], values[keep], kind=Kind.GAUGE, period_s=60.0, **facts)


@given(seeds, st.floats(0, 0.3))
@settings(max_examples=30, deadline=None)
def test_availability_of_shelves_equals_counted_minutes(seed: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    keep, stock = rng.random(1440) >= missing, np.floor(rng.random(1440) * 3)
    made = inputs(WINDOW, [gauge("stock_units", keep, stock)], opens_at=time(9), closes_at=time(22))
    made = inputs(WINDOW, made.series, wanted=made.opening)
    frame = pd.Series(np.where(keep, stock, np.nan), index=pd.to_datetime(MINUTES, unit="us", utc=True))
    opening = frame.tz_convert(str(ZONE)).between_time("09:00", "21:59")
    heard = opening.dropna()
    outcome = shelves.measure(made)
    assert outcome.value == pytest.approx((heard >= 1).mean(), rel=1e-12)
    assert outcome.detail["missing_hours"] == pytest.approx(opening.isna().sum() / 60)
    assert outcome.bounds is not None
    either_way = (opening.fillna(0) >= 1).mean(), (opening.fillna(9) >= 1).mean()
    assert outcome.bounds.low <= either_way[0] <= either_way[1] <= outcome.bounds.high


@given(seeds, st.floats(0, 1.5))
@settings(max_examples=30, deadline=None)
def test_cold_chain_bounds_hold_the_true_temperature(seed: int, accuracy: float) -> None:
    rng = np.random.default_rng(seed)
    second = np.arange(0, 86_400, 10)
    series, true_in_band, phases = [], 0.0, rng.random(2) * 6
    for kind, mean, swing, phase in (("chilled_cabinet", 5.0, 4.0, 0), ("frozen_cabinet", -19.0, 3.0, 1)):
        truth = mean + swing * np.sin(second / 5_000 + phases[phase])
        true_in_band += ((truth > 0) & (truth <= 8)).mean() if phase == 0 else (truth <= -18).mean()
        read = truth[::6] + accuracy * rng.uniform(-1, 1, 1440)
        keep = rng.random(1440) >= 0.05
        series.append(gauge("temperature", keep, read, device=kind, point_kind=kind, accuracy=accuracy))
    outcome = cold_chain.measure(inputs(WINDOW, series, limits=BANDS))
    assert outcome.bounds is not None
    assert outcome.bounds.low - 1e-9 <= true_in_band / 2 <= outcome.bounds.high + 1e-9
    assert outcome.detail["undeclared_accuracy"] == []


def test_cold_chain_bands_are_half_open() -> None:
    edges = np.array([0.0, 0.1, 8.0, 8.1])
    chilled = observed("temperature", MINUTES[:4], edges, kind=Kind.GAUGE, period_s=60.0, point_kind="chilled_cabinet")
    window = Window(WINDOW.start, WINDOW.start + timedelta(minutes=4), ZONE.key)
    outcome = cold_chain.measure(inputs(window, [chilled], limits=BANDS))
    assert outcome.value == 0.5
    assert outcome.detail["undeclared_accuracy"] == ["device"]
    assert cold_chain.measure(inputs(window, [chilled])).undefined == "no_limit_in_force"


@given(seeds, st.floats(0, 0.6))
@settings(max_examples=30, deadline=None)
def test_carbon_dioxide_hours_equal_pandas(seed: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    ppm = 1_450 + 120 * np.sin(np.linspace(0, 30, 1440)) + rng.normal(0, 30, 1440)
    keep = rng.random(1440) >= missing
    frame = pd.Series(np.where(keep, ppm, np.nan), index=pd.to_datetime(MINUTES, unit="us", utc=True))
    hours = frame.tz_convert(str(ZONE)).between_time("09:00", "21:59").resample("h").agg(["mean", "count"]).dropna()
    hours = hours[hours["count"] > 0]
    valid = hours[hours["count"] >= 45]
    series = gauge("carbon_dioxide", keep, ppm, accuracy=50.0)
    made = inputs(WINDOW, [series], limits={"carbon_dioxide.store_max": 1_500.0}, opens_at=time(9), closes_at=time(22))
    outcome = air.measure(made)
    # A step of up to 1.5 periods is no gap, so at the edge of 45 minutes the hour may hold one reading fewer.
    assert abs(outcome.detail["hours_valid"] - len(valid)) <= (hours["count"] == 44).sum()
    if outcome.detail["hours_valid"] == len(valid) and len(valid):
        assert outcome.value == pytest.approx((valid["mean"] <= 1_500).mean(), rel=1e-12)
        true = ppm.reshape(24, 60).mean(axis=1)[9:22] <= 1_500  # the window is a day of 24 hours from midnight
        assert outcome.bounds is not None
        assert outcome.bounds.low - 1e-12 <= true.mean() <= outcome.bounds.high + 1e-12


@given(seeds, st.integers(0, 899), st.integers(0, 899), st.sets(st.integers(1, 31).map(lambda n: 3 * n), max_size=2))
@settings(max_examples=40, deadline=None)
def test_energy_bounds_hold_the_truth_through_gaps_edges_and_resets(
    seed: int, shift: int, cut: int, resets: set[int]
) -> None:
    rng = np.random.default_rng(seed)
    seconds = np.arange(WINDOW.start_us, WINDOW.end_us + 1, 15_000_000)
    # A reset loses up to one period, which the largest period bounds only while power is about even.
    power = 1 + 0.02 * np.sin(np.linspace(0, 20, seconds.size - 1)) if resets else rng.random(seconds.size - 1) * 2
    true = np.concatenate([[1_000.0], 1_000 + np.cumsum(power / 240)])
    at = np.arange(0, seconds.size, 60)
    register, zero = [], 0.0
    for index, place in enumerate(at):
        if index in resets:
            zero = true[place - 30]
        register.append(np.floor((true[place] - zero) * 100) / 100)
    keep = rng.random(at.size) >= (0 if resets else 0.1)
    keep[[0, -1]] = True
    series = observed(
        "active_energy",
        seconds[at][keep],
        np.array(register)[keep],
        kind=Kind.CUMULATIVE,
        period_s=900.0,
        counter=REGISTER,
    )
    window = Window(WINDOW.start + timedelta(seconds=shift), WINDOW.end - timedelta(seconds=cut), ZONE.key)
    outcome = energy.measure(inputs(window, [series.touching(window.start_us, window.end_us, 0)]))
    used = np.interp(window.end_us, seconds, true) - np.interp(window.start_us, seconds, true)
    assert outcome.bounds is not None
    assert outcome.bounds.low - 1e-6 <= used <= outcome.bounds.high + 1e-6
    assert outcome.detail["resets"] == len(resets)


def test_adjacent_windows_of_energy_add_up() -> None:
    values = np.cumsum(np.linspace(0.11, 0.97, 97)).round(2)
    times = np.arange(WINDOW.start_us, WINDOW.end_us + 1, 900_000_000)
    series = observed("active_energy", times, values, kind=Kind.CUMULATIVE, period_s=900.0, counter=REGISTER)
    edges = [WINDOW.start, WINDOW.start + timedelta(hours=7, minutes=5), WINDOW.end]
    parts = [
        energy.measure(inputs(w, [series.touching(w.start_us, w.end_us, 0)])).value
        for w in (Window(a, b, ZONE.key) for a, b in pairwise(edges))
    ]
    assert sum(part for part in parts if part is not None) == pytest.approx(values[-1] - values[0], rel=1e-12)


@given(seeds, st.booleans())
@settings(max_examples=60, deadline=None)
def test_label_bounds_hold_the_eventual_success(seed: int, lost: bool) -> None:
    """Requests all day, before and after too; answers take up to 10 minutes, some never come."""
    rng = np.random.default_rng(seed)
    made = WINDOW.start_us + rng.uniform(-2, 26, 400) * HOUR_US
    fate = rng.choice(["confirmed", "failed", "none"], 400, p=[0.9, 0.06, 0.04])
    answered = made + rng.uniform(0, 10, 400) * MINUTE_US
    period_us = 900_000_000
    grid = np.arange(WINDOW.start_us - 8 * period_us, WINDOW.end_us, period_us)
    keep = rng.random(grid.size) >= (0.03 if lost else 0.0)
    series = []
    for quantity, when in (
        ("label_updates_requested", made),
        ("label_updates_confirmed", answered[fate == "confirmed"]),
        ("label_updates_failed", answered[fate == "failed"]),
    ):
        counts = np.histogram(when, np.append(grid, grid[-1] + period_us))[0]
        whole = observed(quantity, grid[keep], counts[keep], period_s=900.0)
        series.append(whole.touching(WINDOW.start_us, WINDOW.end_us, METRICS["label_update_success"].periods_before))
    asked = (made >= WINDOW.start_us) & (made < WINDOW.end_us)
    true = (fate[asked] == "confirmed").mean()
    outcome = labels.measure(inputs(WINDOW, series))
    assert outcome.bounds is not None
    assert outcome.bounds.low <= true <= outcome.bounds.high
    assert outcome.detail["pending"] >= 0


def test_no_request_gives_no_success() -> None:
    outcome = labels.measure(inputs(WINDOW, []))
    assert (outcome.value, outcome.undefined) == (None, "nothing_requested")


def test_a_dead_bay_leaves_the_denominator() -> None:
    hours = np.arange(24) * HOUR_US + WINDOW.start_us
    full = observed("bay_occupied", hours, np.ones(24), kind=Kind.STATE, period_s=3600.0, device="a")
    dead = observed("bay_occupied", hours[:6], np.zeros(6), kind=Kind.STATE, period_s=3600.0, device="b")
    outcome = parking.measure(inputs(WINDOW, [full, dead]))
    assert outcome.value == pytest.approx(24 / 30)
    assert outcome.detail["missing_hours"] == 18
    assert outcome.bounds is not None
    assert outcome.bounds.low <= 24 / 48 <= (24 + 18) / 48 <= outcome.bounds.high


@pytest.mark.parametrize(
    ("quantity", "measure"),
    [
        ("stock_units", shelves.measure),
        ("bay_occupied", parking.measure),
        ("device_online", availability.measure),
    ],
)
def test_a_series_that_never_reported_beside_others_is_missing_time(quantity: str, measure: Measure) -> None:
    told = gauge(quantity, np.ones(1440, dtype=np.bool_), np.ones(1440))
    never = observed(quantity, [], [], kind=Kind.GAUGE, period_s=60.0, device="never")
    outcome = measure(inputs(WINDOW, [told, never]))
    assert (outcome.value, outcome.detail["missing_hours"]) == (1.0, 24.0)


def test_device_availability_names_what_is_down_and_since_when() -> None:
    times = np.arange(WINDOW.start_us, WINDOW.end_us, 300_000_000)
    up = np.ones(288)
    down = np.where(np.arange(288) < 144, 1.0, 0.0)
    made = [
        observed("device_online", times, values, kind=Kind.STATE, period_s=300.0, device=device)
        for device, values in (("a", up), ("b", down))
    ]
    outcome = availability.measure(inputs(WINDOW, made))
    assert outcome.value == 0.75
    assert outcome.detail["devices_down"] == [{"device": "b", "since": "2026-05-04T12:00:00+08:00"}]
