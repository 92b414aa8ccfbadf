"""Kaplan and Meier's estimate against Freireich's trial as textbooks print it, and against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight  # type: ignore[import-untyped]  # it has no types

from analytics.metrics.survival import kaplan_meier, quantile_outcome

# Weeks of remission under 6-mercaptopurine, +: still going on (Freireich et al. 1963; Klein and Moeschberger, 4.1).
REMISSION = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+".split()

lasting = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=60).filter(
    lambda rows: any(ended for _, ended in rows)
)


def test_the_printed_estimates_of_a_trial() -> None:
    weeks = np.array([float(text.rstrip("+")) for text in REMISSION])
    found = kaplan_meier(weeks, np.array([not text.endswith("+") for text in REMISSION]))
    assert found.duration.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert found.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert found.longer.round(3).tolist() == [0.857, 0.807, 0.753, 0.69, 0.627, 0.538, 0.448]
    assert found.standard_error.round(3).tolist() == [0.076, 0.087, 0.096, 0.107, 0.114, 0.128, 0.135]
    assert found.quantile(0.5) == 23
    assert found.quantile(0.95) is None
    # The share at the last end is not told apart from a half: there is no upper end.
    assert found.quantile_interval(0.5, 0.95) == (13.0, np.inf)


@given(lasting)
def test_it_is_statsmodels(rows: list[tuple[int, bool]]) -> None:
    """Whole durations, so that ties abound; the interval as far as an end of it is known."""
    duration, ended = np.array([float(d) for d, _ in rows]), np.array([e for _, e in rows])
    found, theirs = kaplan_meier(duration, ended), SurvfuncRight(duration, ended.astype(int))
    some = theirs.n_events > 0
    np.testing.assert_array_equal(found.duration, theirs.surv_times[some])
    np.testing.assert_array_equal(found.at_risk, theirs.n_risk[some])
    np.testing.assert_array_equal(found.ended, theirs.n_events[some])
    np.testing.assert_allclose(found.longer, theirs.surv_prob[some], atol=1e-12)
    known = found.longer > 1e-9
    np.testing.assert_allclose(found.standard_error[known], theirs.surv_prob_se[some][known], rtol=1e-9)
    for share in (0.5, 0.95):
        low, high = found.quantile_interval(share, 0.95)
        if np.isfinite(high):
            with np.errstate(all="ignore"):
                assert theirs.quantile_ci(share, alpha=0.05, method="cloglog") == (low, high)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.sampled_from([0.1, 0.5, 0.95]))
def test_without_censoring_a_quantile_is_that_of_the_sorted_durations(durations: list[int], share: float) -> None:
    found = kaplan_meier(np.array(durations, dtype=np.float64), np.ones(len(durations), dtype=np.bool_))
    ended = np.cumsum(np.ones(len(durations))) / len(durations)
    expected = np.sort(durations)[np.flatnonzero(ended >= share - 1e-12)[0]]
    assert found.quantile(share) == expected


@given(lasting, st.integers(0, 30))
def test_what_lasts_for_ever_only_takes_its_share(rows: list[tuple[int, bool]], open_ones: int) -> None:
    duration = np.array([float(d) for d, _ in rows] + [np.inf] * open_ones)
    found = kaplan_meier(duration, np.isfinite(duration))
    shares = [(duration > t).mean() for t in found.duration]
    np.testing.assert_allclose(found.longer, shares, atol=1e-12)


@pytest.mark.parametrize(
    ("durations", "ended", "undefined"),
    [([5.0, 6.0], [False, False], "nothing_ended"), ([1.0, 9.0, 9.0], [True, False, False], "too_few_ended")],
)
def test_no_quantile_is_made_up(durations: list[float], ended: list[bool], undefined: str) -> None:
    outcome = quantile_outcome(kaplan_meier(np.array(durations), np.array(ended)), 0.5, {"spells": 3})
    assert (outcome.value, outcome.bounds, outcome.undefined) == (None, None, undefined)


def test_the_interval_covers_the_median_of_those_who_are_drawn() -> None:
    """Exponential durations, censored at random: 400 draws, so that 95 % is 380 give or take 9."""
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(400):
        true, stop = rng.exponential(10.0, 60), rng.uniform(0, 40, 60)
        low, high = kaplan_meier(np.minimum(true, stop), true <= stop).quantile_interval(0.5, 0.95)
        hits += low <= 10 * np.log(2) <= high
    assert 365 <= hits <= 395
