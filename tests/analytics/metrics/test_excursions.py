"""Excursions and mean kinetic temperature: golden figures, hand-worked cases, and a truth that probes only sample."""

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_inputs import inputs, observed

from analytics.metrics import excursions, kinetic_temperature
from analytics.metrics.inputs import Inputs, Observed
from analytics.metrics.kinetic_temperature import mean_kinetic_temperature
from analytics.windows import Window
from edge.wire.series import Kind

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 5, tzinfo=ZONE), ZONE.key)
MINUTE_US = 60_000_000
MINUTES = np.arange(WINDOW.start_us, WINDOW.end_us, MINUTE_US)
LIMITS = {
    "cold_chain.chilled_above": 0.0,
    "cold_chain.chilled_max": 8.0,
    "cold_chain.frozen_max": -18.0,
    "excursion.hold_min": 30.0,
}
EVERY = np.ones(1440, dtype=bool)


def probe(values: Any, keep: Any = EVERY, kind: str = "chilled_cabinet", **facts: Any) -> Observed:
    return observed(
        "temperature", MINUTES[keep], np.asarray(values)[keep], kind=Kind.GAUGE, period_s=60.0, point_kind=kind, **facts
    )


def made(*series: Observed) -> Inputs:
    return inputs(WINDOW, series, limits=LIMITS)


def course(*stretches: tuple[int, int, float], rest: float = 4.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a day of minutes at a rest temperature but for stretches (from, to, degC)."""
    values = np.full(1440, rest)
    for start, end, level in stretches:
        values[start:end] = level
    return values


def test_only_what_lasts_the_hold_time_is_an_excursion() -> None:
    outcome = excursions.measure_number(made(probe(course((60, 89, 9.0), (120, 150, 9.0), (300, 400, 12.0)))))
    assert outcome.value == 2
    assert outcome.detail["total_minutes"] == 130
    assert outcome.detail["longest_minutes"] == 100
    assert outcome.detail["degree_minutes"] == pytest.approx(30 * 1 + 100 * 4)
    first = outcome.detail["excursions"][0]
    assert (first["start"], first["minutes"]) == ("2026-05-04T05:00:00+08:00", 100)
    assert outcome.bounds is not None
    # The stretch of 29 minutes may have been one of 30, the one of 100 may have been three.
    assert (outcome.bounds.low, outcome.bounds.high) == (1, 5)
    assert excursions.measure_time(made(probe(course((120, 150, 9.0))))).value == 30


def test_frozen_goods_have_no_lower_end_and_chilled_ones_can_freeze() -> None:
    frozen = probe(course((0, 60, -40.0), (200, 240, -16.5), rest=-20.0), kind="frozen_cabinet")
    outcome = excursions.measure_number(made(frozen, probe(course((700, 740, -1.0)), device="chilled")))
    assert outcome.value == 2
    assert outcome.detail["degree_minutes"] == pytest.approx(40 * 1.5 + 40 * 1.0)


def test_a_gap_ends_an_excursion_and_may_hide_others() -> None:
    keep = EVERY.copy()
    keep[140:200] = False
    outcome = excursions.measure_number(made(probe(course((100, 240, 10.0)), keep)))
    assert outcome.value == 2
    assert outcome.detail["total_minutes"] == 80
    assert outcome.bounds is not None
    assert (outcome.bounds.low, outcome.bounds.high) == (1, 4)


def test_a_door_that_was_open_explains_an_excursion() -> None:
    def door(opened: int, **facts: Any) -> Observed:
        at = np.append(np.arange(0, 1440, 60), [opened, opened + 5])
        state = np.append(np.zeros(24), [1.0, 0.0])
        order = np.argsort(at, kind="stable")
        times = MINUTES[at[order]]
        return observed("door_open", times, state[order], kind=Kind.STATE, period_s=3600.0, **facts)

    hot = probe(course((300, 400, 12.0)))
    for opened, said in ((330, "open"), (275, "open"), (200, "closed"), (500, "closed")):
        outcome = excursions.measure_number(made(hot, door(opened, point_id="device-point")))
        assert outcome.detail["excursions"][0]["door"] == said, opened
        assert outcome.detail["explained_by_door"] == (said == "open")
    elsewhere = excursions.measure_number(made(hot, door(330, point_id="another")))
    assert elsewhere.detail["excursions"][0]["door"] == "not_known"


def test_without_limits_there_is_no_excursion_and_without_readings_any_may_be() -> None:
    assert excursions.measure_number(inputs(WINDOW, [])).undefined == "no_limit_in_force"
    assert excursions.measure_time(inputs(WINDOW, [])).undefined == "no_limit_in_force"
    silent = excursions.measure_number(made(probe(course(), ~EVERY)))
    assert silent.value == 0
    assert silent.bounds is not None
    assert (silent.bounds.low, silent.bounds.high) == (0, 48)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1.0), st.floats(0, 0.1), st.floats(0.001, 0.02))
@settings(max_examples=60, deadline=None)
def test_bounds_hold_the_true_excursions(seed: int, accuracy: float, missing: float, pace: float) -> None:
    """A walk that is sampled once a minute; the truth is linear between its minutes, as far as anyone can know."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 0.6, 1441)) * np.sqrt(pace) * 8
    true = 7.0 + walk - walk.mean()
    read = true[:-1] + accuracy * rng.uniform(-1, 1, 1440)
    keep = rng.random(1440) >= missing
    keep[0] = True
    fine = np.interp(np.arange(0, 1440, 0.05), np.arange(1441), true)
    out = (fine <= 0) | (fine > 8)
    lasted = [
        n * 0.05 for is_out, n in ((k, sum(1 for _ in g)) for k, g in groupby(out.tolist())) if is_out and n >= 600
    ]
    series = probe(read, keep, accuracy=accuracy)
    number, total = excursions.measure_number(made(series)), excursions.measure_time(made(series))
    assert number.bounds is not None
    assert total.bounds is not None
    assert number.bounds.low <= len(lasted) <= number.bounds.high
    assert total.bounds.low - 0.11 <= sum(lasted) <= total.bounds.high + 0.11
    assert number.value is not None
    assert total.value == pytest.approx(number.detail["total_minutes"])


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.5))
@settings(max_examples=40, deadline=None)
def test_number_and_time_equal_pandas_on_whole_days(seed: int, pace: float) -> None:
    rng = np.random.default_rng(seed)
    values = 8 + np.cumsum(rng.normal(0, pace, 1440))
    frame = pd.Series((values <= 0) | (values > 8))
    runs = frame.groupby((frame != frame.shift()).cumsum()).agg(["first", "size"])
    long = runs[runs["first"] & (runs["size"] >= 30)]["size"]
    outcome = excursions.measure_number(made(probe(values)))
    assert (outcome.value, outcome.detail["total_minutes"]) == (len(long), long.sum())
    assert outcome.detail["longest_minutes"] == (long.max() if len(long) else 0)


@pytest.mark.parametrize(
    ("temperature", "weight", "golden"),
    [
        ([2, 4, 4, 5, 12], [1, 1, 1, 1, 1], 6.219325),
        ([2, 4, 4, 5, 12], [60, 60, 60, 60, 5], 4.100584),
        ([-18, -18, -18, -10], [1, 1, 1, 1], -15.016540),
        ([5, 5], [3, 9], 5.0),
    ],
)
def test_mean_kinetic_temperature_has_its_golden_values(
    temperature: list[float], weight: list[float], golden: float
) -> None:
    found = mean_kinetic_temperature(np.array(temperature, dtype=float), np.array(weight, dtype=float))
    assert found == pytest.approx(golden, abs=5e-7)


@given(st.lists(st.tuples(st.floats(-60, 60), st.floats(0.01, 1e6)), min_size=1, max_size=50))
@settings(max_examples=100, deadline=None)
def test_it_is_never_below_the_mean_nor_above_the_warmest(parts: list[tuple[float, float]]) -> None:
    temperature, weight = (np.array(column) for column in zip(*parts, strict=True))
    found = mean_kinetic_temperature(temperature, weight)
    assert np.average(temperature, weights=weight) - 1e-9 <= found <= temperature.max() + 1e-9
    kelvin = (
        83_144 / 8.314472 / -np.log(np.sum(weight * np.exp(-83_144 / 8.314472 / (temperature + 273.15))) / weight.sum())
    )
    assert found == pytest.approx(kelvin - 273.15, abs=1e-8)


def test_the_warmest_cabinet_counts_and_gaps_leave_no_bounds() -> None:
    cold, warm = probe(course(), device="cold", accuracy=0.1), probe(course((0, 720, 6.0)), device="warm", accuracy=0.1)
    frozen = probe(course(rest=-20.0), device="frozen", kind="frozen_cabinet")
    outcome = kinetic_temperature.measure_chilled(made(cold, warm, frozen))
    own = mean_kinetic_temperature(np.array([6.0, 4.0]), np.array([720.0, 720.0]))
    assert outcome.value == pytest.approx(own)
    assert outcome.detail["by_cabinet"]["warm"]["mean_c"] == pytest.approx(5.0)
    assert outcome.bounds is not None
    assert own - 0.11 < outcome.bounds.low < own < outcome.bounds.high < own + 0.11
    assert kinetic_temperature.measure_frozen(made(cold, frozen)).value == pytest.approx(-20.0)
    keep = EVERY.copy()
    keep[700:760] = False
    gapped = kinetic_temperature.measure_chilled(made(probe(course((700, 760, 30.0)), keep)))
    assert gapped.value == pytest.approx(4.0)
    assert (gapped.bounds, gapped.detail["missing_hours"]) == (None, pytest.approx(1.0))
    assert kinetic_temperature.measure_chilled(made(frozen)).undefined == "nothing_observed"


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.5))
@settings(max_examples=25, deadline=None)
def test_its_bounds_hold_the_truth_between_readings(seed: int, accuracy: float) -> None:
    rng = np.random.default_rng(seed)
    true = 4 + np.cumsum(rng.normal(0, 0.3, 1441))
    series = observed(
        "temperature",
        np.append(MINUTES, WINDOW.end_us),
        true + accuracy * rng.uniform(-1, 1, 1441),
        kind=Kind.GAUGE,
        period_s=60.0,
        point_kind="chilled_cabinet",
        accuracy=accuracy,
    )
    fine = np.interp(np.arange(0, 1440, 0.1) + 0.05, np.arange(1441), true)
    outcome = kinetic_temperature.measure_chilled(made(series))
    assert outcome.bounds is not None
    assert outcome.bounds.low <= mean_kinetic_temperature(fine, np.ones(fine.size)) <= outcome.bounds.high


def test_a_window_cuts_what_crosses_its_edges() -> None:
    series = probe(course((300, 400, 12.0)))
    half = Window(WINDOW.start, WINDOW.start + timedelta(minutes=320), ZONE.key)
    cut = series.touching(half.start_us, half.end_us, 0)
    assert excursions.measure_number(inputs(half, [cut], limits=LIMITS)).value == 0
