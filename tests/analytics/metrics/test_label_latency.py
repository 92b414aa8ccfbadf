"""How long label updates take: those that never came count, and no quantile is flattered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_inputs import inputs, observed
from scipy import stats

from analytics.metrics import label_latency
from analytics.metrics.inputs import Inputs
from analytics.windows import Window
from edge.wire.series import Kind

START = datetime(2026, 5, 4, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=10), "UTC")


def gateway(took_s: list[float], requested: int, failed: int, device: str = "gateway") -> Inputs:
    t_us = WINDOW.start_us + 1_000_000 * (1 + np.arange(len(took_s)))
    timed = observed("label_update_latency", t_us, took_s, device=device, kind=Kind.EVENT, period_s=None)
    counts = {"requested": requested, "confirmed": len(took_s), "failed": failed}
    counted = [
        observed(f"label_updates_{name}", [WINDOW.start_us], [float(n)], device=device, period_s=900.0)
        for name, n in counts.items()
    ]
    return inputs(WINDOW, [replace(timed, events=True), *counted])


@given(st.lists(st.floats(0.5, 600), min_size=1, max_size=80), st.integers(0, 9), st.integers(0, 9))
def test_quantiles_are_those_of_all_requests_with_the_open_ones_behind(
    took: list[float], failed: int, pending: int
) -> None:
    """By the empirical distribution of the requests, those that never came at its far end."""
    made = gateway(took, len(took) + failed + pending, failed)
    everything = np.array(took + [1e9] * (failed + pending))
    for share, measure in ((0.5, label_latency.measure_median), (0.95, label_latency.measure_p95)):
        outcome = measure(made)
        cumulative = stats.ecdf(everything).cdf
        reached = cumulative.quantiles[np.flatnonzero(cumulative.probabilities >= share - 1e-12)[0]]
        assert outcome.value == (reached if reached < 1e9 else None)
        assert outcome.detail["pending"] == pending
        assert outcome.detail["share_open"] == (failed + pending) / everything.size
        if outcome.value is None:
            assert outcome.undefined == "too_few_ended"
        elif outcome.bounds is not None:
            assert outcome.bounds.low <= outcome.value <= outcome.bounds.high
            assert outcome.bounds.level == 0.95


def test_p95_of_the_confirmed_alone_would_flatter() -> None:
    outcome = label_latency.measure_p95(gateway([float(n) for n in range(1, 97)], 100, 2))
    assert outcome.value == 95.0
    assert np.quantile(np.arange(1, 97), 0.95) < 92
    assert label_latency.measure_p95(gateway([float(n) for n in range(1, 95)], 100, 2)).value is None


@pytest.mark.parametrize(
    ("made", "undefined"),
    [
        (gateway([], 0, 0), "nothing_requested"),
        (gateway([], 5, 0), "nothing_ended"),
        (inputs(WINDOW, list(gateway([], 5, 1).series)[1:]), "no_latency_reported"),
    ],
)
def test_what_is_not_known_is_said(made: Inputs, undefined: str) -> None:
    outcome = label_latency.measure_median(made)
    assert (outcome.value, outcome.undefined) == (None, undefined)


def test_counts_of_a_gateway_that_tells_no_latency_are_left_out() -> None:
    both = inputs(WINDOW, [*gateway([4.0] * 10, 10, 0).series, *list(gateway([], 50, 40, "other").series)[1:]])
    assert label_latency.measure_median(both).value == 4.0
    assert label_latency.measure_median(both).detail["share_open"] == 0
