"""Occupancy and peaks against pandas and loops, on days of 23, 24 and 25 hours with holes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_inputs import inputs, observed

from analytics.metrics import peaks
from analytics.metrics.inputs import Audit
from analytics.windows import Window

ZONE = ZoneInfo("America/Los_Angeles")
STARTS = [datetime(2005, 10, 29, tzinfo=ZONE), datetime(2006, 4, 1, tzinfo=ZONE), datetime(2006, 6, 1, tzinfo=ZONE)]
HALF_US = 1_800_000_000


@st.composite
def recorded(draw: st.DrawFn) -> tuple[Window, pd.DataFrame]:
    start = draw(st.sampled_from(STARTS))
    window = Window(start, start + timedelta(days=3), ZONE.key)
    grid = np.arange(window.start_us, window.end_us, HALF_US)
    seed, hole, length = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, grid.size)), draw(st.integers(0, 12))
    rng = np.random.default_rng(seed)
    counts = rng.poisson(draw(st.sampled_from([0.3, 4.0])), (grid.size, 2))
    frame = pd.DataFrame(counts, index=pd.to_datetime(grid, unit="us", utc=True), columns=["entries", "exits"])
    return window, frame.drop(frame.index[hole : hole + length])


def index(frame: "pd.DataFrame | pd.Series[int]") -> pd.DatetimeIndex:
    assert isinstance(frame.index, pd.DatetimeIndex)
    return frame.index


def given_inputs(window: Window, frame: pd.DataFrame, **more: Any) -> Any:
    t_us = index(frame).as_unit("us").asi8
    series = [observed(q, t_us, frame[q].to_numpy(), period_s=1800.0) for q in ("entries", "exits")]
    return inputs(window, series, **more)


@given(recorded())
@settings(max_examples=40, deadline=None)
def test_peaks_equal_pandas(case: tuple[Window, pd.DataFrame]) -> None:
    window, frame = case
    hours = frame["entries"].groupby(index(frame).floor("h")).agg(["sum", "size"])
    full = hours.loc[hours["size"] == 2, "sum"]
    made = given_inputs(window, frame)
    peak = peaks.measure_peak_hour(made)
    assert peak.value == full.max()
    assert pd.Timestamp(peak.detail["start"]) == full.idxmax()
    profile = full.groupby(index(full).tz_convert(str(ZONE)).hour).mean()
    typical = peaks.measure_typical_peak_hour(made)
    if profile.max() > 0:
        assert typical.value == profile.idxmax()
        assert typical.detail["mean"] == pytest.approx(profile.max(), rel=1e-12)
    local = index(frame).tz_convert(str(ZONE))
    days = frame["entries"].groupby(local.date).agg(["sum", "size"])
    extra = round((window.end.astimezone(UTC) - window.start.astimezone(UTC)) / timedelta(minutes=30)) - 48 * 3
    expected = pd.Series(1, index=pd.date_range(window.start.astimezone(UTC), periods=48 * 3 + extra, freq="30min"))
    whole = expected.groupby(index(expected).tz_convert(str(ZONE)).date).sum()
    kept = days.loc[days["size"] >= 0.9 * whole.reindex(days.index), "sum"]
    busiest = peaks.measure_busiest_day(made)
    assert busiest.value == kept.max()
    assert busiest.detail["date"] == str(kept.idxmax())


@given(recorded())
@settings(max_examples=40, deadline=None)
def test_occupancy_equals_a_loop(case: tuple[Window, pd.DataFrame]) -> None:
    window, frame = case
    day, raw, clamped = None, 0, 0
    best: tuple[int, int, pd.Timestamp | None] = (-1, 0, None)
    for stamp, row in frame.iterrows():
        local = pd.Timestamp(str(stamp)).tz_convert(str(ZONE))
        if local.date() != day:
            day, raw, clamped = local.date(), 0, 0
        net = int(row["entries"]) - int(row["exits"])
        raw, clamped = raw + net, max(0, clamped + net)
        if clamped > best[0]:
            best = (clamped, raw, local)
    outcome = peaks.measure_occupancy_peak(given_inputs(window, frame))
    assert (outcome.value, outcome.detail["raw"]) == best[:2]
    assert pd.Timestamp(outcome.detail["slot_start"]) == best[2]


def test_occupancy_bounds_hold_the_true_peak() -> None:
    """People come and go one by one; the true peak is within the bounds in nearly all of 200 days."""
    window = Window(STARTS[2], STARTS[2] + timedelta(days=1), ZONE.key)
    grid = np.arange(window.start_us, window.end_us, 300_000_000)
    rng = np.random.default_rng(3)
    hits, runs = 0, 200
    for _ in range(runs):
        came = np.sort(rng.normal(14, 2.5, 2_000).clip(8, 21)) * 3.6e9
        left = came + rng.exponential(0.5, came.size) * 3.6e9
        events = np.concatenate([came, left])
        walk = np.cumsum(np.concatenate([np.ones(came.size), -np.ones(left.size)])[np.argsort(events, kind="stable")])
        series, audits = [], []
        for quantity, at, missed in (("entries", came, 0.02), ("exits", left, 0.04)):
            seen = at[rng.random(at.size) >= missed]
            slot = np.bincount((seen // 300_000_000).astype(np.int64), minlength=grid.size)[: grid.size]
            series.append(observed(quantity, grid, slot))
            audits.append(Audit("device", quantity, 2_000, int(rng.binomial(2_000, 1 - missed))))
        bounds = peaks.measure_occupancy_peak(inputs(window, series, audits=audits)).bounds
        assert bounds is not None
        hits += bounds.low <= walk.max() <= bounds.high
    assert hits / runs >= 0.95


def test_peak_hour_bounds_hold_the_true_peak() -> None:
    window = Window(STARTS[2], STARTS[2] + timedelta(days=7), ZONE.key)
    grid = np.arange(window.start_us, window.end_us, HALF_US)
    rng = np.random.default_rng(4)
    hits, runs = 0, 200
    for _ in range(runs):
        true = rng.poisson(80 * (1 + np.sin(np.linspace(0, 40, grid.size))))
        seen = rng.binomial(true, 0.95)
        audits = [Audit("device", "entries", 1_500, int(rng.binomial(1_500, 0.95)))]
        outcome = peaks.measure_peak_hour(
            inputs(window, [observed("entries", grid, seen, period_s=1800.0)], audits=audits)
        )
        assert outcome.bounds is not None
        hits += outcome.bounds.low <= true.reshape(-1, 2).sum(axis=1).max() <= outcome.bounds.high
    assert hits / runs >= 0.95


def test_a_window_without_a_whole_hour_has_no_peak() -> None:
    window = Window(STARTS[2] + timedelta(minutes=30), STARTS[2] + timedelta(minutes=60), ZONE.key)
    made = inputs(window, [observed("entries", [window.start_us], [9], period_s=1800.0)])
    for measure in (peaks.measure_peak_hour, peaks.measure_typical_peak_hour):
        assert measure(made).value is None
    assert peaks.measure_busiest_day(made).value == 9
