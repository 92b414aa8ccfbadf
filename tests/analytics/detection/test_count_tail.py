"""Tails of over-dispersed counts: against scipy, against drawn counts, and on what is no count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analytics.detection.count_tail import Expected, expected, flagged_slots, flagged_spans, tails


def like(mean: float, dispersion: float, slots: int) -> Expected:
    return Expected(np.full(slots, mean), np.full(slots, dispersion))


@given(st.floats(0.5, 500.0), st.integers(0, 1000))
def test_without_over_dispersion_it_is_the_poisson_tail(mean: float, count: int) -> None:
    found = tails(np.array([float(count)]), like(mean, 1.0, 1))
    assert found.upper[0] == pytest.approx(stats.poisson.sf(count - 1, mean), rel=1e-12)
    assert found.lower[0] == pytest.approx(stats.poisson.cdf(count, mean), rel=1e-12)


@given(st.floats(0.5, 50.0), st.floats(1.05, 8.0), st.integers(0, 120))
def test_the_tail_is_the_sum_of_a_distribution_of_that_mean_and_variance(
    mean: float, dispersion: float, count: int
) -> None:
    number = np.arange(6_000)
    mass = stats.nbinom.pmf(number, mean / (dispersion - 1), 1 / dispersion)
    assert float(mass @ number) == pytest.approx(mean, rel=1e-6)
    assert float(mass @ (number - mean) ** 2) == pytest.approx(mean * dispersion, rel=1e-6)
    found = tails(np.array([float(count)]), like(mean, dispersion, 1))
    assert found.upper[0] == pytest.approx(mass[count:].sum(), rel=1e-6, abs=1e-12)
    assert found.lower[0] == pytest.approx(mass[: count + 1].sum(), rel=1e-6)


def test_the_dispersion_of_drawn_counts_is_found_though_a_twentieth_are_events() -> None:
    rng = np.random.default_rng(5)
    mean, dispersion, groups, each = 20.0, 3.0, 40, 60
    count = rng.negative_binomial(mean / (dispersion - 1), 1 / dispersion, groups * each).astype(float)
    clean = expected(count, np.repeat(np.arange(groups), each))
    count[::20] += 80
    disturbed = expected(count, np.repeat(np.arange(groups), each))
    assert float(np.mean(clean.dispersion)) == pytest.approx(dispersion, rel=0.15)
    assert float(np.mean(disturbed.dispersion)) == pytest.approx(dispersion, rel=0.5)
    assert float(np.mean(clean.mean)) == pytest.approx(mean, rel=0.05)


def test_the_share_of_alarms_on_drawn_counts_is_at_most_about_alpha() -> None:
    rng = np.random.default_rng(6)
    count = rng.negative_binomial(12.0, 1 / 3, 20_000).astype(float)  # mean 24, dispersion 3
    found = tails(count, like(24.0, 3.0, count.size), 2)
    for alpha in (0.05, 0.01, 0.001):
        allowed = alpha + 4 * np.sqrt(2 * alpha / found.upper.size)
        assert np.mean(found.upper < alpha) <= allowed
        assert np.mean(found.lower < alpha) <= allowed


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30),
    st.integers(1, 3),
    st.integers(0, 2),
)
def test_whatever_comes_in_a_probability_or_none_comes_out(value: list[float], window: int, groups: int) -> None:
    count = np.array(value, dtype=np.float64)
    count = np.where(count > 1e12, 1e12, count)  # persons, still
    made = expected(count, np.arange(count.size, dtype=np.int64) % (groups + 1))
    found = tails(count, made, window)
    assert found.upper.size == max(0, count.size - window + 1)
    for probability in (found.upper, found.lower):
        known = probability[~np.isnan(probability)]
        assert ((known >= 0) & (known <= 1 + 1e-12)).all()
        assert flagged_slots(probability, 0.01, window).size == (count.size if count.size >= window else 0)


def test_a_window_with_a_hole_is_not_judged_and_flags_nothing() -> None:
    found = tails(np.array([100.0, np.nan, 100.0]), like(4.0, 1.0, 3), 2)
    assert np.isnan(found.upper).all()
    assert not flagged_slots(found.upper, 0.5, 2).any()


def test_detections_are_runs_of_flagged_slots() -> None:
    start = np.arange(5) * 10
    assert flagged_spans(start, 10, np.array([True, True, False, False, True])).pairs() == [(0, 20), (40, 50)]
    assert flagged_spans(start[:0], 10, np.zeros(0, dtype=np.bool_)).pairs() == []
