"""Whole days of a window: their totals, their mean, and whether two windows differ by more than days do."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analytics.explain.day_totals import day_totals, per_day, rate_change
from analytics.explain.reading import CountedWindow

HOUR_US = 3_600_000_000


def window(count: Any, *, missing: Any = None, cut: int = 0) -> CountedWindow:
    """Return counters (counters, days, 24 hours); of the first ``cut`` days the window holds a part."""
    counts = np.asarray(count, np.int64)
    days = counts.shape[1]
    day, hour = np.repeat(np.arange(days), 24), np.tile(np.arange(24), days)
    lost = np.zeros_like(counts) if missing is None else np.asarray(missing, np.int64)
    due = np.full(days * 24, HOUR_US, np.int64)
    counters = {
        (f"counter-{n}", "", "door"): {
            "count": counts[n].reshape(-1),
            "due_us": due,
            "seen_us": due - HOUR_US * lost[n].reshape(-1),
        }
        for n in range(counts.shape[0])
    }
    return CountedWindow(
        facts=cast("Any", None),
        result=cast("Any", None),
        hour=hour,
        day=np.where(day < cut, -1, day),
        day_type=(day % 7 >= 5).astype(np.int64),
        length_us=due,
        open_us=due,
        counters=counters,
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 20), st.integers(0, 3))
def test_totals_are_those_of_pandas_over_whole_days_without_a_gap(
    seed: int, counters: int, days: int, cut: int
) -> None:
    random = np.random.default_rng(seed)
    count = random.poisson(3, (counters, days, 24))
    missing = random.random((counters, days, 24)) < 0.002
    found = day_totals(window(count, missing=missing, cut=cut))
    frame = pd.DataFrame(
        {"day": np.tile(np.repeat(np.arange(days), 24), counters), "n": count.ravel(), "gone": missing.ravel()}
    )
    by_day = frame[frame["day"] >= cut].groupby("day").agg(n=("n", "sum"), gone=("gone", "any"))
    wanted = by_day[~by_day["gone"]]["n"]
    assert found.amount.tolist() == wanted.tolist()
    assert found.day_type.tolist() == [int(day % 7 >= 5) for day in wanted.index]


def test_the_mean_day_has_the_score_interval_of_its_dispersion() -> None:
    count = np.zeros((1, 4, 24), np.int64)
    count[0, :, 12] = [90, 110, 95, 105]  # of one type: variance 83.3 under a mean of 100 is no more than Poisson's
    found = per_day(day_totals(window(count)))
    assert found is not None
    assert found.interval is not None
    assert found.value == 100
    t = stats.t.ppf(0.975, 3)
    for end in (found.interval.low, found.interval.high):
        assert (end * 4 - 400) ** 2 == pytest.approx(t * t * end * 4)  # where |n - mu| = t sqrt(mu)


def test_a_rise_beyond_what_days_differ_is_told_apart_and_a_small_one_is_not() -> None:
    random = np.random.default_rng(5)
    before, same, more = (random.poisson(mean, (1, 28, 24)) for mean in (5.0, 5.0, 6.0))
    alike = rate_change(day_totals(window(same)), day_totals(window(before)))
    apart = rate_change(day_totals(window(more)), day_totals(window(before)))
    assert alike is not None
    assert apart is not None
    assert (alike.told_apart, apart.told_apart) == (False, True)
    assert apart.ratio.value == pytest.approx(more.sum() / before.sum())
    assert apart.ratio.interval is not None
    assert apart.ratio.interval.low <= 1.2 <= apart.ratio.interval.high
    assert (apart.days_now, apart.days_before) == (28, 28)


def test_a_single_day_tells_no_difference_between_days() -> None:
    one = day_totals(window(np.ones((1, 1, 24))))
    assert rate_change(one, one) is None
    mean = per_day(one)
    assert mean is not None
    assert (mean.value, mean.interval) == (24, None)
    assert per_day(day_totals(window(np.ones((1, 1, 24)), cut=1))) is None
