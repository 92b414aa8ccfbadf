"""Person-time from sampled counts against the event-exact area, and whether its interval holds it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.metrics.sampled_levels import person_time
from analytics.metrics.spans import Spans

SECOND = 1_000_000
HOUR = 3600 * SECOND


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.data())
def test_it_is_numpys_trapezoid_and_a_late_reading_holds_for_a_period(levels: list[int], data: st.DataObject) -> None:
    t_us = np.arange(len(levels)) * 60 * SECOND
    gap = data.draw(st.integers(0, len(levels)))
    t_us[gap:] += HOUR
    end = int(t_us[-1]) + 60 * SECOND
    made = person_time(t_us, np.array(levels, dtype=float), 60 * SECOND, Spans.of([(0, end)]))
    parts = [part for part in (slice(0, gap), slice(gap, None)) if t_us[part].size]
    area = sum(np.trapezoid(levels[part], t_us[part]) + levels[part][-1] * 60 * SECOND for part in parts)
    assert made.area == pytest.approx(area, rel=1e-12)
    assert made.observed_us == len(levels) * 60 * SECOND
    assert made.missing_us == end - made.observed_us


@pytest.mark.parametrize("stay_s", [20, 240, 900])
def test_the_interval_holds_the_event_exact_area(stay_s: int) -> None:
    rng = np.random.default_rng(5)
    hits, runs, length = 0, 150, 8 * HOUR
    t_us = np.arange(0, length, 60 * SECOND)
    for _ in range(runs):
        came = np.sort(rng.integers(0, length, rng.poisson(600)))
        left = came + (rng.exponential(stay_s, came.size) * SECOND).astype(np.int64)
        present = np.searchsorted(came, t_us, "right") - np.searchsorted(np.sort(left), t_us, "right")
        true = (np.minimum(left, length) - came).sum()
        low, high = person_time(t_us, present.astype(float), 60 * SECOND, Spans.of([(0, length)])).bounds(0.95)
        hits += low <= true <= high
    assert hits / runs >= 0.93


def test_missing_time_is_empty_or_as_full_as_ever_seen() -> None:
    t_us = np.arange(0, HOUR, 60 * SECOND)
    made = person_time(t_us, np.full(t_us.size, 3.0), 60 * SECOND, Spans.of([(0, 2 * HOUR)]), error=0.5)
    assert made.bounds(0.95) == (2.5 * HOUR, 3.5 * HOUR + 3 * HOUR)
