"""Comfort hours against pandas and the standard's own examples."""

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_inputs import inputs, observed

from analytics.catalogue.all_metrics import METRICS
from analytics.limits import shipped_limits
from analytics.metrics import air, comfort
from analytics.metrics.inputs import Inputs, Observed, Outcome
from analytics.windows import Window
from edge.wire.series import Kind

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 5, tzinfo=ZONE), ZONE.key)
MINUTES = np.arange(WINDOW.start_us, WINDOW.end_us, 60_000_000)
LIMITS = {
    key: limit.value
    for name in ("temperature_compliance", "humidity_compliance", "thermal_comfort", "carbon_dioxide_indoor_compliance")
    for key in METRICS[name].limits
    if (limit := shipped_limits().on(key, WINDOW.first_date))
}


def gauge(quantity: str, values: Any, at: Any = MINUTES, **facts: Any) -> Observed:
    return observed(quantity, at, values, kind=Kind.GAUGE, period_s=60.0, point_id="zone", **facts)


def made(*series: Observed, limits: dict[str, float] | None = None) -> Inputs:
    known = LIMITS if limits is None else limits
    return inputs(WINDOW, series, limits=known, opens_at=time(9), closes_at=time(21))


def by_hour(*levels: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a day of minutes whose twelve opening hours have these levels, in turn."""
    return np.repeat([levels[hour % len(levels)] for hour in range(-9, 15)], 60).astype(float)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_hours_in_bands_equal_pandas(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = 21 + np.repeat(rng.uniform(-8, 10, 24), 60) + rng.normal(0, 0.5, 1440)
    keep = rng.random(1440) >= 0.1
    frame = pd.Series(values[keep], index=pd.to_datetime(MINUTES[keep], unit="us", utc=True).tz_convert(ZONE.key))
    hours = frame.between_time("09:00", "20:59").resample("h").mean().dropna()
    outcome = comfort.measure_temperature(made(gauge("temperature", values[keep], MINUTES[keep])))
    if outcome.detail["hours_valid"] == len(hours) == 12:
        assert outcome.value == pytest.approx(hours.between(16, 28).mean())
        assert outcome.detail["hours_cooling_band"] == hours.between(22, 28).sum()
        assert outcome.detail["hours_heating_band"] == hours.between(16, 24).sum()


def test_a_band_holds_at_its_edges_and_says_which_it_is() -> None:
    outcome = comfort.measure_temperature(made(gauge("temperature", by_hour(15.9, 16.0, 23.0, 28.0, 28.1, 24.0))))
    assert outcome.value == pytest.approx(4 / 6)
    assert (outcome.detail["hours_cooling_band"], outcome.detail["hours_heating_band"]) == (6, 6)
    assert outcome.detail["band_applied"] == "either_mode"
    assert outcome.bounds is None
    assert comfort.measure_temperature(made(limits={})).undefined == "no_limit_in_force"
    assert comfort.measure_temperature(made()).undefined == "no_valid_hour"


def test_humidity_is_held_against_the_shops_band() -> None:
    outcome = comfort.measure_humidity(made(gauge("relative_humidity", by_hour(39.9, 40.0, 65.0, 79.0))))
    assert outcome.value == 0.5
    assert (outcome.detail["hours_cooling_band"], outcome.detail["hours_heating_band"]) == (9, 6)
    assert outcome.detail["band_applied"] == "store_band"


def test_the_stricter_limit_of_carbon_dioxide_is_another_metric() -> None:
    outcome = air.measure_indoor(made(gauge("carbon_dioxide", by_hour(999.0, 1_000.0, 1_001.0), accuracy=0.5)))
    assert outcome.value == pytest.approx(2 / 3)
    assert outcome.bounds is not None
    assert [outcome.bounds.low, outcome.bounds.high] == pytest.approx([1 / 3, 2 / 3])
    assert air.measure_indoor(made(limits={})).undefined == "no_limit_in_force"


def _vote_of_iso_7730(ta: float, rh: float, clo: float) -> float:
    """Return the predicted mean vote at 1.4 met, 0.1 m/s, tr = ta, by the heat balance as ISO 7730 prints it."""
    met, velocity = 1.4, 0.1
    pa = rh * 10 * np.exp(16.6536 - 4030.183 / (ta + 235))
    icl, m = 0.155 * clo, met * 58.15
    fcl = 1 + 1.29 * icl if icl <= 0.078 else 1.05 + 0.645 * icl
    forced = 12.1 * np.sqrt(velocity)
    surface = ta + 5.0
    for _ in range(400):
        convective = max(2.38 * abs(surface - ta) ** 0.25, forced)
        radiated = 3.96e-8 * fcl * ((surface + 273) ** 4 - (ta + 273) ** 4)
        surface = (surface + 35.7 - 0.028 * m - icl * (radiated + fcl * convective * (surface - ta))) / 2
    convective = max(2.38 * abs(surface - ta) ** 0.25, forced)
    loss = 3.05e-3 * (5733 - 6.99 * m - pa) + max(0.42 * (m - 58.15), 0) + 1.7e-5 * m * (5867 - pa)
    loss += 0.0014 * m * (34 - ta) + 3.96e-8 * fcl * ((surface + 273) ** 4 - (ta + 273) ** 4)
    loss += fcl * convective * (surface - ta)
    return float((0.303 * np.exp(-0.036 * m) + 0.028) * (m - loss))


def test_the_vote_is_that_of_the_standards_heat_balance() -> None:
    air_c, humid = np.meshgrid(np.arange(16.0, 31.0, 2.0), np.array([30.0, 50.0, 70.0]))
    for clo in comfort.CLOTHING_CLO.values():
        votes = comfort.predicted_mean_vote(air_c.ravel(), humid.ravel(), clo)
        own = [_vote_of_iso_7730(t, rh, clo) for t, rh in zip(air_c.ravel(), humid.ravel(), strict=True)]
        assert votes == pytest.approx(own, abs=0.02)
    assert comfort.predicted_mean_vote(np.array([25.0]), np.array([50.0]), 0.5)[0] == pytest.approx(0.41, abs=0.005)


def vote_of(temperature: Any, humidity: Any) -> Outcome:
    return comfort.measure_vote(made(gauge("temperature", temperature), gauge("relative_humidity", humidity)))


def test_comfort_takes_either_clothing_and_says_what_it_assumed() -> None:
    # 25 degC is comfortable in summer's clothing, 19.5 in winter's; 32 in neither, 45 is outside the model.
    outcome = vote_of(by_hour(25.0, 19.5, 32.0, 45.0), np.full(1440, 50.0))
    assert outcome.value == 0.5
    assert (outcome.detail["hours_summer_clothing"], outcome.detail["hours_winter_clothing"]) == (3, 3)
    assert (outcome.detail["metabolic_met"], outcome.detail["radiant_temperature"]) == (1.4, "as_the_air")
