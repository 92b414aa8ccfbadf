"""The baseline against statsmodels, and its interval against savings that are known."""

import numpy as np
import pytest
import statsmodels.api as sm  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.metrics.energy_baseline import NAMES, Drivers, fit, predict, savings

seeds = st.integers(0, 2**32 - 1)
TRUE = np.array([400.0, 0.08, 9.0, 14.0])


def year(rng: np.random.Generator, days: int) -> Drivers:
    outdoor = 16 - 12 * np.cos(np.arange(days) * 2 * np.pi / 365) + rng.normal(0, 3, days)
    return Drivers.of(rng.poisson(2_500, days).astype(float), outdoor, 18.0)


@given(seeds, st.integers(12, 400), st.floats(0.0, 0.3))
@settings(max_examples=40, deadline=None)
def test_coefficients_intervals_and_figures_equal_statsmodels(seed: int, days: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    drivers = year(rng, days)
    kwh = drivers.table() @ TRUE + rng.normal(0, 40, days)
    kwh[rng.random(days) < missing] = np.nan
    known = np.isfinite(kwh)
    found = fit(kwh, drivers)
    if found is None or len(found.coefficients) < len(NAMES):
        return
    other = sm.OLS(kwh[known], drivers.table()[known]).fit()
    assert list(found.coefficients.values()) == pytest.approx(other.params, rel=1e-6, abs=1e-6)
    assert found.r_squared == pytest.approx(other.rsquared, abs=1e-9)
    assert found.variation == pytest.approx(np.sqrt(other.mse_resid) / kwh[known].mean(), rel=1e-9)
    assert found.bias == pytest.approx(0, abs=1e-9)
    ahead = year(rng, 20)
    frame = other.get_prediction(ahead.table()).summary_frame(alpha=0.05)
    expected, low, high = predict(found, ahead)
    assert expected == pytest.approx(frame["mean"].to_numpy(), rel=1e-6)
    assert low == pytest.approx(frame["obs_ci_lower"].to_numpy(), rel=1e-6)
    assert high == pytest.approx(frame["obs_ci_upper"].to_numpy(), rel=1e-6)


def test_the_interval_of_savings_covers_what_was_saved() -> None:
    rng = np.random.default_rng(3)
    covered, trials = 0, 1_000
    before, after = year(rng, 120), year(rng, 30)
    used_before, used_after = (drivers.table() @ TRUE for drivers in (before, after))
    for _ in range(trials):
        found = fit(used_before + rng.normal(0, 40, 120), before)
        assert found is not None
        saved = savings(found, used_after * 0.9 + rng.normal(0, 40, 30), after)
        assert saved is not None
        covered += saved.low_kwh <= 0.1 * used_after.sum() <= saved.high_kwh
    assert 0.93 <= covered / trials <= 0.97


def test_savings_of_one_day_are_the_prediction_less_what_was_used() -> None:
    rng = np.random.default_rng(5)
    before, day = year(rng, 60), year(rng, 1)
    found = fit(before.table() @ TRUE + rng.normal(0, 30, 60), before)
    assert found is not None
    assert found.good_enough
    (expected,), (low,), (high,) = predict(found, day)
    saved = savings(found, np.array([500.0]), day)
    assert saved is not None
    assert (saved.kwh, saved.low_kwh, saved.high_kwh) == pytest.approx((expected - 500, low - 500, high - 500))
    assert savings(found, np.array([np.nan]), day) is None


def test_days_that_cannot_tell_a_baseline_give_none() -> None:
    rng = np.random.default_rng(1)
    few = year(rng, 3)
    assert fit(few.table() @ TRUE, few) is None
    nothing = Drivers(np.full(9, np.nan), np.zeros(9), np.zeros(9))
    assert fit(np.ones(9), nothing) is None
    count = np.arange(30.0)
    alike = Drivers(count, 2 * count, np.zeros(30))
    assert fit(count + 100, alike) is None  # visitors and heating can't be told apart
    assert fit(np.zeros(30), Drivers(count, np.zeros(30), np.zeros(30))) is None


def test_a_driver_that_never_varied_is_left_out_and_a_loose_model_says_so() -> None:
    rng = np.random.default_rng(2)
    visitors = rng.poisson(500, 60).astype(float)
    drivers = Drivers(visitors, np.zeros(60), np.zeros(60))
    found = fit(100 + visitors * 0.2 + rng.normal(0, 1, 60), drivers)
    assert found is not None
    assert set(found.coefficients) == {"base_kwh", "kwh_per_visitor"}
    assert found.good_enough
    summer = Drivers(visitors[:2], np.zeros(2), np.array([0.0, 5.0]))
    assert np.isnan(predict(found, summer)[0]).tolist() == [False, True]  # what cooling needs was never seen
    saved = savings(found, np.array([150.0, 150.0]), summer)
    assert saved is not None
    assert saved.days == 1
    loose = fit(rng.gamma(1.0, 100.0, 60), drivers)
    assert loose is not None
    assert not loose.good_enough
