"""Intervals against independent computations, and how often they cover a truth that is known."""

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm  # type: ignore[import-untyped]  # it has no types
from coverage_tools.simulated_runs import Told, devices, occupancy
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_inputs import inputs, observed
from scipy import stats
from statsmodels.stats.rates import confint_poisson  # type: ignore[import-untyped]  # it has no types

from analytics.metrics import traffic
from analytics.metrics.doors import audit_scatter
from analytics.metrics.holding import Doubt, Judged, time_share
from analytics.metrics.inputs import Audit, Bounds
from analytics.metrics.intervals import capture_rate, crossing_variance
from analytics.metrics.likely_share import Looks, likely_share
from analytics.metrics.missing_counts import DaySlots, impute
from analytics.metrics.overdispersion import cells_of, dispersion, rate_interval, rate_ratio_interval
from analytics.metrics.ratio_intervals import fieller, ratio_of_bounds
from analytics.metrics.resampling import SEED, Correction, by_day
from analytics.metrics.spans import Spans
from analytics.windows import Window

ZONE = ZoneInfo("Asia/Shanghai")
SLOT_US = 300_000_000


def test_calit2_is_over_dispersed_as_published(recordings: Path) -> None:
    table = pd.read_csv(recordings / "calit2" / "CalIt2.data.csv", skip_blank_lines=True)
    entries = table[table["flow"] == 9]
    at = pd.to_datetime(entries["date"] + " " + entries["time_stamp"], format="%m/%d/%y %H:%M:%S")
    cells = cells_of(at.dt.day_of_week.to_numpy(), (at.dt.hour * 2 + at.dt.minute // 30).to_numpy())
    found = dispersion(entries["count"].to_numpy(), cells, least_mean=1.0)
    assert found is not None
    assert (round(found.median, 2), found.cells) == (2.76, 146)
    by_cell = entries["count"].groupby(cells).agg(["mean", "var"])
    kept = by_cell[by_cell["mean"] > 1]
    assert found.median == pytest.approx((kept["var"] / kept["mean"]).median(), rel=1e-12)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_dispersion_is_the_scale_of_a_poisson_model_of_the_cells(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cell = rng.integers(0, 6, 80)
    y = rng.negative_binomial(3, 0.3, 80) + 1
    found = dispersion(y, cell)
    assert found is not None
    model = sm.GLM(y, pd.get_dummies(cell).to_numpy(float), family=sm.families.Poisson()).fit(scale="X2")
    alone = (np.bincount(cell) == 1).sum()  # fits itself, and adds nothing to either
    assert found.freedom == model.df_resid
    assert found.cells == np.unique(cell).size - alone
    assert found.factor == pytest.approx(model.scale, rel=1e-8)


@given(st.integers(0, 3_000), st.floats(0.5, 100))
def test_the_interval_of_a_rate_is_statsmodels_score_interval(count: int, exposure: float) -> None:
    assert rate_interval(count, exposure, 1.0) == pytest.approx(confint_poisson(count, exposure, "score"), abs=1e-9)


def test_the_interval_of_a_ratio_of_rates_is_near_the_quasi_poisson_model_and_turns_round() -> None:
    counts, factor = (5_200, 6_100), 2.5
    low, high = rate_ratio_interval(counts, (7.0, 8.0), factor)
    halves = np.array([2_560, 2_640, 3_090, 3_010])
    design = sm.add_constant(np.array([0.0, 0.0, 1.0, 1.0]))
    model = sm.GLM(halves, design, family=sm.families.Poisson(), exposure=np.array([3.5, 3.5, 4.0, 4.0]))
    assert (low, high) == pytest.approx(np.exp(model.fit(scale=factor).conf_int()[1]), rel=1e-3)
    back = rate_ratio_interval(counts[::-1], (8.0, 7.0), factor)
    assert (1 / back[1], 1 / back[0]) == pytest.approx((low, high), rel=1e-12)
    share = stats.binomtest(150, 250).proportion_ci(0.95, method="wilson")
    odds = share.low / (1 - share.low), share.high / (1 - share.high)
    assert rate_ratio_interval((100, 150), (1, 1), 1.0) == pytest.approx(odds, rel=1e-9)


@pytest.mark.parametrize("counts", [(0, 5), (5, 0)])
def test_nothing_on_one_side_leaves_the_ratio_open_there(counts: tuple[int, int]) -> None:
    low, high = rate_ratio_interval(counts, (1, 1), 1.5)
    assert (low == 0) == (counts[1] == 0)
    assert np.isinf(high) == (counts[0] == 0)
    with pytest.raises(ValueError, match="not both 0"):
        rate_ratio_interval((0, 0), (1, 1), 1.5)


def _ratio_of_sums(y: Any, x: Any, axis: int) -> Any:
    return y.sum(axis) / x.sum(axis)


@pytest.mark.parametrize("correction", Correction)
def test_the_bootstrap_equals_scipys_from_the_same_draws(correction: Correction) -> None:
    rng = np.random.default_rng(3)
    visitors = rng.gamma(2, 50, 20)
    receipts = 0.3 * visitors + rng.normal(0, 3, 20)
    drawn = by_day(np.stack([receipts, visitors], axis=1), lambda s: s[..., 0] / s[..., 1], correction=correction)
    expected = stats.bootstrap(
        (receipts, visitors),
        _ratio_of_sums,
        paired=True, vectorized=True, method=correction.value, rng=np.random.default_rng(SEED), batch=9_999,
    ).confidence_interval  # fmt: skip
    assert drawn is not None
    assert (drawn.low, drawn.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert f"seed {SEED}" in drawn.method


def test_days_are_drawn_within_their_stratum() -> None:
    days, kind = np.array([100.0, 100, 100, 300, 300]), [0, 0, 0, 1, 1]
    within = by_day(days, lambda s: s[..., 0], strata=kind)
    assert within is not None
    assert (within.low, within.high) == (900, 900)
    assert by_day([5.0], lambda s: s[..., 0]) is None
    assert by_day(np.array([[1.0, 0.0], [2.0, 0.0]]), lambda s: s[..., 0] / s[..., 1]) is None


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_fieller_holds_the_ratios_that_a_t_test_does_not_reject(seed: int) -> None:
    rng = np.random.default_rng(seed)
    visitors = rng.gamma(20, 10, 9)
    receipts = 0.4 * visitors + rng.normal(0, 6, 9)
    found = fieller(receipts, visitors)
    assert found is not None
    for end in (found.low, found.high):
        assert stats.ttest_1samp(receipts - end * visitors, 0.0).pvalue == pytest.approx(0.05, rel=1e-6)
    assert found.delta_low == pytest.approx(found.low, abs=0.2 * (found.high - found.low))


def test_the_bounds_of_a_ratio_join_two_intervals_and_take_hard_ends_either_way() -> None:
    one, other = Bounds(90, 110, 0.95, "a"), Bounds(180, 220, 0.95, "b")
    joined = ratio_of_bounds(one, other)
    assert joined is not None
    half = np.hypot(np.log(110 / 90), np.log(220 / 180)) / 2
    assert joined.high / joined.low == pytest.approx(np.exp(2 * half), rel=1e-12)
    hard = ratio_of_bounds(Bounds(90, 110, None, "a"), other)
    assert hard is not None
    assert (hard.low, hard.high, hard.level) == (90 / 220, 110 / 180, 0.95)
    assert ratio_of_bounds(one, Bounds(0, 5, 0.95, "c")) is None
    with pytest.raises(ValueError, match="one level"):
        ratio_of_bounds(one, Bounds(1, 5, 0.99, "c"))
    with pytest.raises(ValueError, match="at least 0"):
        ratio_of_bounds(Bounds(-1, 5, 0.95, "c"), one)


def test_imputed_gaps_cover_what_they_held() -> None:
    """Days of two kinds, parties, gaps within days and one whole day: about 95 of 100 intervals hold the truth."""
    rng = np.random.default_rng(4)
    days, slots, runs, hits = 21, 48, 200, 0
    weekend = (np.arange(days) % 7 >= 5).astype(np.int64)
    profile = 30 * np.exp(-(((np.arange(slots) - 30) / 8) ** 2))
    day, slot = np.repeat(np.arange(days), slots), np.tile(np.arange(slots), days)
    for run in range(runs):
        level = rng.normal(1, 0.1, days) * np.where(weekend, 1.4, 1.0)
        count = 2 * rng.poisson(level[:, None] * profile / 2)  # in pairs: dispersion 2
        missing = np.zeros((days, slots))
        for _ in range(4):
            begin = rng.integers(0, slots - 8)
            missing[rng.integers(days), begin : begin + rng.integers(1, 9)] = 1
        if run % 3 == 0:
            missing[rng.integers(days)] = 1
        gone = missing.ravel() > 0
        found = impute(DaySlots(day, weekend[day], slot, np.where(gone, 0, count.ravel()), missing.ravel()))
        assert found.without_like == 0
        hits += abs(count.ravel()[gone].sum() - found.mean) <= np.sqrt(found.squared(0.95))
    assert 0.92 <= hits / runs <= 0.98


def test_without_like_days_the_hard_bound_stays_and_with_them_the_value_is_as_measured() -> None:
    start = datetime(2026, 5, 4, tzinfo=ZONE)
    audits = [Audit("device", "entries", 2_000, 1_940)]
    for days, imputes in ((1, False), (14, True)):
        window = Window(start, start + timedelta(days=days), ZONE.key)
        grid = np.arange(window.start_us, window.end_us, SLOT_US)
        counts = np.tile(np.arange(288) % 7, days)
        kept = np.ones(grid.size, dtype=bool)
        kept[100:112] = False
        outcome = traffic.measure_entries(
            inputs(window, [observed("entries", grid[kept], counts[kept])], audits=audits)
        )
        assert outcome.value == counts[kept].sum()
        assert outcome.bounds is not None
        assert ("imputed" in outcome.detail) is imputes
        assert ("imputed from like slots" in outcome.bounds.method) is imputes
        assert ("largest count" in outcome.bounds.method) is not imputes
        if imputes:
            assert outcome.detail["imputed"] == pytest.approx(counts[100:112].sum(), rel=1e-6)
            assert outcome.bounds.low < counts.sum() / 0.97 < outcome.bounds.high < outcome.detail["high_at_largest"]


def test_false_counts_that_cancel_misses_show_in_the_scatter_of_audits() -> None:
    rng = np.random.default_rng(6)
    caught = rng.binomial(200, 0.95, 40) + rng.poisson(200 * 0.03, 40)
    many = [Audit("a", "entries", 200, int(count)) for count in caught]
    assert audit_scatter([many], 0.95) == pytest.approx(0.95 * 0.05 + 0.03, rel=0.5)
    assert audit_scatter([many], 0.95) > 2 * crossing_variance(0.98)
    assert audit_scatter([many[:5]], 0.95) == 0
    rate = capture_rate(sum(a.device_count for a in many), 8_000, 0.95, audit_scatter([many], 0.95))
    blind = capture_rate(sum(a.device_count for a in many), 8_000, 0.95)
    assert rate.point == blind.point
    assert rate.high - rate.low > 1.4 * (blind.high - blind.low)
    honest = [Audit("a", "entries", 200, int(c)) for c in rng.binomial(200, 0.95, 40)]
    assert audit_scatter([honest], 0.95) == pytest.approx(crossing_variance(0.95), rel=0.5)


def test_a_gap_between_two_looks_keeps_its_state_for_a_while() -> None:
    """One gap with the state held at both ends lies close to held; its interval stays within the hard bounds."""
    t_us = np.concatenate([np.arange(0, 6_000, 60), np.arange(7_200, 12_000, 60)])
    said = np.ones(t_us.size, dtype=bool)
    said[[10, 11, 12]] = False
    readings, wanted = Judged.certain(t_us, said), Spans.of([(0, 12_000)])
    whole = time_share(readings, 60, wanted, Doubt.SAMPLED)
    likely = likely_share([Looks(readings, 60, wanted)], whole)
    assert likely is not None
    assert whole.bounds[0] < likely[0] < (whole.held_us + whole.missing_us) / 12_000 <= likely[1] + 0.02
    assert likely_share([], time_share(Judged.certain(t_us[:0], said[:0]), 60, wanted, Doubt.SAMPLED)) is None


def test_intervals_of_95_per_cent_cover_the_simulators_truth_about_as_often() -> None:
    """Eighty seeded runs each; a thousand, of all the figures, are the benchmark coverage_of_intervals."""
    found: dict[str, list[Told]] = defaultdict(list)
    for seed in range(80):
        for told in [*occupancy(seed), *devices(seed)]:
            found[told.name].append(told)
    covered = {name: sum(told.holds for told in all_told) for name, all_told in found.items()}
    assert len(covered) == 3
    assert min(covered.values()) >= 70, covered  # at 95 % one figure in 150 would be below
    assert sum(covered.values()) < 240, covered  # and all of them hold in one of 200,000
