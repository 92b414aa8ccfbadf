"""Comparisons of two periods: how often they find a change that isn't there, and against the model by statsmodels."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm  # type: ignore[import-untyped]  # it has no types

from analytics.metrics.period_comparison import LEAST_DAYS_TO_DRAW, Period, compare_periods


@pytest.mark.parametrize(("days", "runs"), [(7, 400), (28, 120)])
def test_a_change_that_is_not_there_is_told_about_once_in_twenty(days: int, runs: int) -> None:
    rng = np.random.default_rng(days)
    kind = (np.arange(days) % 7 >= 5).astype(int)
    wrong = covered = 0
    for _ in range(runs):
        drawn = rng.negative_binomial(60, 60 / (60 + np.where(kind, 1_500, 1_000)), (2, days))
        same = compare_periods(Period.of(drawn[0], day_type=kind), Period.of(drawn[1], day_type=kind))
        more = compare_periods(Period.of(drawn[0], day_type=kind), Period.of(1.3 * drawn[1], day_type=kind))
        assert same is not None
        assert more is not None
        assert ("bootstrap" in same.method) is (days >= LEAST_DAYS_TO_DRAW)
        wrong += same.told_apart
        covered += more.low <= 1.3 <= more.high
    assert 0.02 <= wrong / runs <= 0.09
    assert 0.91 <= covered / runs <= 0.99


def test_a_week_against_a_week_is_near_the_quasi_poisson_model_by_period_and_day_type() -> None:
    rng = np.random.default_rng(2)
    kind = np.tile([0, 0, 0, 0, 0, 1, 1], 2)
    period = np.repeat([0, 1], 7)
    total = rng.negative_binomial(50, 50 / (50 + 2_000.0), 14)
    before, now = (Period.of(total[period == p], day_type=kind[period == p]) for p in (0, 1))
    found = compare_periods(before, now)
    cells = pd.get_dummies(2 * period + kind).to_numpy(float)
    factor = sm.GLM(total, cells, family=sm.families.Poisson()).fit(scale="X2").scale
    model = sm.GLM(total, sm.add_constant(period.astype(float)), family=sm.families.Poisson())
    low, high = np.exp(model.fit(scale=factor, use_t=False).conf_int()[1])
    assert found is not None
    wider = 2.228139 / 1.959964  # Student's quantile of ten degrees of freedom
    middle, half = np.log(low * high) / 2, np.log(high / low) / 2 * wider
    assert np.log([found.low, found.high]) == pytest.approx([middle - half, middle + half], abs=0.02)


def test_what_cannot_be_compared_gives_nothing() -> None:
    week = Period.of([5, 6, 7])
    assert compare_periods(Period.of([]), week) is None
    assert compare_periods(Period.of([0, 0]), week) is None
    assert compare_periods(Period.of([4]), Period.of([5])) is None
    with pytest.raises(ValueError, match="exposure"):
        Period.of([4], [0])
