"""Out-of-stock spells and what is taken and put on, against the true stock that was read."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_inputs import inputs, observed
from numpy.typing import NDArray
from statsmodels.duration.survfunc import SurvfuncRight  # type: ignore[import-untyped]  # it has no types

from analytics.limits import shipped_limits
from analytics.metrics import picks, shelves, stockouts
from analytics.metrics.inputs import Inputs, Measure, Observed
from analytics.windows import Window
from edge.simulator.shelves import SHORTEST_SPELL_US
from edge.wire.series import Kind

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 6, tzinfo=ZONE), ZONE.key)
MINUTE_US = 60_000_000
SHIPPED = {
    key: limit.value
    for key in shipped_limits().keys
    if key.startswith("shelves.") and (limit := shipped_limits().on(key, WINDOW.first_date)) is not None
}
OPENS, CLOSES = 9, 21


def read(stock: NDArray[np.int64], keep: NDArray[np.bool_] | None = None, device: str = "shelf") -> Observed:
    """Return a position read each minute from the window's start, of a stock by the second or by the minute."""
    by_minute = stock[::60] if stock.size > 2880 else stock
    t_us = WINDOW.start_us + MINUTE_US * np.arange(by_minute.size)
    kept = np.ones(by_minute.size, dtype=np.bool_) if keep is None else keep
    return observed("stock_units", t_us[kept], by_minute[kept], kind=Kind.GAUGE, period_s=60.0, device=device)


def in_opening_hours(*series: Observed) -> Inputs:
    made = inputs(WINDOW, series, limits=SHIPPED, opens_at=time(OPENS), closes_at=time(CLOSES))
    return inputs(WINDOW, series, limits=SHIPPED, wanted=made.opening, opens_at=time(OPENS), closes_at=time(CLOSES))


def lived(seed: int) -> NDArray[np.int64]:
    """Return the stock of two days by the second: levels that last between three minutes and some hours."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(180, 9_000, 400)
    levels = np.where(rng.random(400) < 0.35, 0, rng.integers(1, 12, 400))
    return np.repeat(levels, lengths)[: 2 * 86_400]


def true_spells(stock: NDArray[np.int64]) -> int:
    """Count by the second the spells that began in opening hours and lasted five minutes of them."""
    found = 0
    for day in range(2):
        first, last = day * 86_400 + OPENS * 3600, day * 86_400 + CLOSES * 3600
        empty = np.concatenate([[stock[first - 1] == 0], stock[first:last] == 0, [False]])
        begins = np.flatnonzero(empty[1:] & ~empty[:-1])
        ends = np.flatnonzero(~empty[1:] & empty[:-1])
        ends = ends[ends > 0] if empty[0] else ends
        found += int((ends[ends.size - begins.size :] - begins >= 300).sum())
    return found


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.02]))
@settings(max_examples=60, deadline=None)
def test_the_bounds_of_their_number_hold_the_truth(seed: int, missing: float) -> None:
    stock = lived(seed)
    keep = np.random.default_rng(seed + 1).random(2_880) >= missing
    outcome = stockouts.measure_spells(in_opening_hours(read(stock, keep)))
    assert outcome.bounds is not None
    assert outcome.value is not None
    assert outcome.bounds.low <= true_spells(stock) <= outcome.bounds.high
    assert outcome.bounds.low <= outcome.value <= outcome.bounds.high


def test_a_day_by_hand() -> None:
    """Empty 10:00-10:30 and 20:30 to after closing; from 8:00 to 9:10; a flicker of two minutes."""
    stock = np.full(2_880, 4)
    for start, end in ((600, 630), (700, 702), (1230, 1300), (1440 + 480, 1440 + 550)):
        stock[start:end] = 0
    made = in_opening_hours(read(stock))
    spells = stockouts.measure_spells(made)
    assert (spells.value, spells.detail) == (2, {"spells_open": 1, "already_empty": 1, "flickers": 1})
    assert spells.bounds is not None
    assert (spells.bounds.low, spells.bounds.high) == (2, 2)
    duration = stockouts.measure_duration(made)
    assert (duration.value, duration.bounds) == (30.0, None)
    assert duration.detail["spells"] == 2
    rate, available = shelves.measure_out_of_stock(made), shelves.measure(made)
    assert rate.value == (30 + 2 + 30 + 10) / (2 * 12 * 60)
    assert available.value is not None
    assert rate.value == pytest.approx(1 - available.value)
    assert rate.bounds is not None
    assert available.bounds is not None
    assert (rate.bounds.low, rate.bounds.high) == pytest.approx((1 - available.bounds.high, 1 - available.bounds.low))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_the_median_duration_is_that_of_statsmodels_over_the_minutes(seed: int) -> None:
    series = [lived(seed + n)[::60] for n in range(6)]
    durations, ended = [], []
    for stock in series:
        for day in range(2):
            minutes = stock[day * 1440 + OPENS * 60 : day * 1440 + CLOSES * 60] == 0
            edges = np.flatnonzero(np.diff(minutes.astype(np.int8)))
            for edge in edges[minutes[edges + 1]]:
                later = edges[edges > edge]
                length = (later[0] if later.size else minutes.size - 1) - edge
                if length >= 5:
                    durations.append(float(length))
                    ended.append(bool(later.size))
    outcome = stockouts.measure_duration(
        in_opening_hours(*(read(stock, device=f"shelf-{n}") for n, stock in enumerate(series)))
    )
    assert outcome.detail["spells"] == len(durations)
    if any(ended):
        theirs = SurvfuncRight(np.array(durations), np.array(ended, dtype=int))
        reached = theirs.surv_times[(theirs.surv_prob <= 0.5 + 1e-12) & (theirs.n_events > 0)]
        assert outcome.value == (reached[0] if reached.size else None)


def test_a_fill_at_night_ends_the_wait_at_close_and_a_unit_put_back_does_not() -> None:
    stock = np.full(2_880, 10)
    stock[600:660] = 1  # low at 10:00,
    stock[630:640] = 5  # put back half, which is no restoring,
    stock[660:] = 9  # restored at 11:00
    stock[1200:1400] = 2  # low at 20:00, filled at 23:20: an hour until close
    stock[1440 + 900 :] = 0  # from 15:00 until the end
    outcome = stockouts.measure_latency(
        inputs(WINDOW, [read(stock)], limits=SHIPPED, opens_at=time(OPENS), closes_at=time(CLOSES))
    )
    assert outcome.value == 60
    assert outcome.detail == {"spells": 3, "spells_open": 1, "already_low": 0}


@pytest.mark.parametrize("measure", [stockouts.measure_spells, stockouts.measure_duration, stockouts.measure_latency])
def test_without_a_limit_in_force_there_is_no_number(measure: Measure) -> None:
    assert measure(inputs(WINDOW, [read(np.zeros(10, dtype=np.int64))])).undefined == "no_limit_in_force"


@given(st.lists(st.integers(0, 9), min_size=2, max_size=80), st.integers(0, 79))
def test_falls_and_rises_explain_the_stock(levels: list[int], cut: int) -> None:
    stock = np.array(levels)
    t_us = WINDOW.start_us + MINUTE_US * np.arange(stock.size)
    series = observed("stock_units", t_us, stock, kind=Kind.GAUGE, period_s=60.0)
    middle = WINDOW.start + timedelta(minutes=cut)
    windows = [WINDOW, *(w for w in (_part(WINDOW.start, middle), _part(middle, WINDOW.end)) if w)]
    taken, put_on = (
        [measure(inputs(window, [series])).value for window in windows]
        for measure in (picks.measure_taken, picks.measure_put_on)
    )
    assert taken[0] is not None
    assert put_on[0] is not None
    assert stock[0] + put_on[0] - taken[0] == stock[-1]
    assert sum(each or 0 for each in taken[1:]) == taken[0]
    assert sum(each or 0 for each in put_on[1:]) == put_on[0]


def _part(start: datetime, end: datetime) -> Window | None:
    return Window(start, end, ZONE.key) if start < end else None


def test_the_simulator_counts_the_same_spells() -> None:
    assert SHIPPED["shelves.shortest_spell"] * MINUTE_US == SHORTEST_SPELL_US
