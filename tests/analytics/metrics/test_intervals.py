import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analytics.metrics.intervals import capture_rate, quantile, true_counts, wilson


@given(st.integers(1, 5_000), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_equals_scipy(trials: int, data: st.DataObject, level: float) -> None:
    successes = data.draw(st.integers(0, trials))
    expected = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    assert wilson(successes, trials, level) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)


def test_wilson_golden_figures() -> None:
    assert wilson(57, 60) == pytest.approx((0.863, 0.983), abs=5e-4)
    # Audited crossings that prove 95 % at an observed 96, 97 and 98 %.
    for share, size in ((0.96, 1_825), (0.97, 500), (0.98, 250)):
        assert wilson(round(share * size), size)[0] >= 0.95 - 2e-4
        assert wilson(round(share * size * 0.8), round(size * 0.8))[0] < 0.95


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_what_is_no_proportion(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="wilson needs"):
        wilson(successes, trials)


def test_quantile_equals_scipy() -> None:
    assert quantile(0.99) == pytest.approx(stats.norm.ppf(0.995), rel=1e-12)


@pytest.mark.parametrize(
    ("true", "missed", "audited"), [((5_000, 2_000), (0.02, 0.05), 500), ((40_000, 9_000), (0.03, 0.04), 2_000)]
)
def test_intervals_cover_the_truth_about_as_often_as_they_say(
    true: tuple[int, int], missed: tuple[float, float], audited: int
) -> None:
    rng = np.random.default_rng(7)
    runs, hits = 1_000, 0
    for _ in range(runs):
        rates = [capture_rate(int(rng.binomial(audited, 1 - m)), audited) for m in missed]
        counts = np.array([[rng.binomial(n, 1 - m)] for n, m in zip(true, missed, strict=True)])
        low, high = true_counts(counts, rates, 0.95)
        hits += bool(low[0] <= sum(true) <= high[0])
    assert 0.93 <= hits / runs <= 0.975


def test_a_counter_that_counts_too_many_is_bounded_below_its_count() -> None:
    rng = np.random.default_rng(8)
    hits = 0
    for _ in range(500):
        rate = capture_rate(1_000 + int(rng.poisson(30)), 1_000)
        counted = 8_000 + int(rng.poisson(240))
        low, high = true_counts(np.array([[counted]]), [rate], 0.95)
        hits += bool(low[0] <= 8_000 <= high[0])
    assert hits >= 465


def test_a_counter_that_saw_nothing_of_its_audit_gives_no_upper_bound() -> None:
    _, high = true_counts(np.array([[0]]), [capture_rate(0, 50)], 0.95)
    assert np.isinf(high[0])


@given(st.integers(0, 100_000), st.integers(1, 3_000), st.data())
def test_bounds_are_ordered_and_wider_for_more_comparisons(count: int, manual: int, data: st.DataObject) -> None:
    rate = capture_rate(data.draw(st.integers(1, 3 * manual)), manual)
    low, high = true_counts(np.array([[count]]), [rate], 0.95)
    lower, higher = true_counts(np.array([[count]]), [rate], 0.95, sharpen=100)
    assert 0 <= lower[0] <= low[0] <= high[0] <= higher[0]
