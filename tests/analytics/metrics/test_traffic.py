from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_inputs import inputs, observed

from analytics.metrics import traffic
from analytics.metrics.inputs import Audit
from analytics.metrics.spans import Spans
from analytics.windows import Window
from edge.wire.series import Counter, Kind, Reset

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 5, tzinfo=ZONE), ZONE.key)
SLOT_US = 300_000_000
GRID = np.arange(WINDOW.start_us, WINDOW.end_us, SLOT_US)
day_counts = st.lists(st.integers(0, 60), min_size=288, max_size=288)


@given(day_counts)
def test_a_register_and_its_intervals_give_the_same_footfall(counts: list[int]) -> None:
    edges = np.append(GRID, WINDOW.end_us)
    shown = (65_500 + np.concatenate([[0], np.cumsum(counts)])) % 2**16
    register = observed(
        "entries", edges, shown, kind=Kind.CUMULATIVE, counter=Counter(width_bits=16, reset=Reset.NEVER), device="r"
    )
    for series in (register, observed("entries", GRID, counts)):
        cut = series.touching(WINDOW.start_us, WINDOW.end_us, 0)
        assert traffic.measure_entries(inputs(WINDOW, [cut])).value == sum(counts)


def test_an_inverted_device_is_turned_round() -> None:
    made = [
        observed("entries", GRID[:2], [5, 1], device="a"),
        observed("exits", GRID[:2], [2, 2], device="a"),
        observed("entries", GRID[:2], [30, 0], device="b", inverted=True),
        observed("exits", GRID[:2], [0, 40], device="b", inverted=True),
    ]
    given_ = inputs(WINDOW, made)
    assert traffic.measure_entries(given_).value == 6 + 40
    assert traffic.measure_exits(given_).value == 4 + 30


def test_a_device_turned_round_at_midday_counts_each_slot_once_and_the_right_way() -> None:
    noon = WINDOW.start_us + 12 * 3_600_000_000
    morning, afternoon = Spans.of([(0, noon)]), Spans.of([(noon, 2**62)])
    counts = np.arange(288)
    series = [
        observed(quantity, GRID, counts + shift, registered=span, inverted=inverted)
        for quantity, shift in (("entries", 0), ("exits", 1_000))
        for span, inverted in ((morning, False), (afternoon, True))
    ]
    given_ = inputs(WINDOW, series)
    assert traffic.measure_entries(given_).value == sum(range(144)) + sum(range(144, 288)) + 144 * 1_000
    assert traffic.measure_exits(given_).value == sum(range(288)) + 144 * 1_000


@pytest.mark.parametrize("kept_share", [1.0, 0.95])
def test_intervals_cover_the_truth_with_missing_periods_and_unequal_doors(kept_share: float) -> None:
    rng = np.random.default_rng(11)
    shape = 1 + np.sin(np.linspace(0, 40, 288)) ** 2
    runs, hits = 400, 0
    for _ in range(runs):
        series, audits, true = [], [], 0
        for device, scale, missed in (("a", 20, 0.02), ("b", 4, 0.06)):
            crossings = rng.poisson(scale * shape)
            true += int(crossings.sum())
            kept = rng.random(288) < kept_share
            counted = rng.binomial(crossings, 1 - missed)
            series.append(observed("entries", GRID[kept], counted[kept], device=device))
            audits.append(Audit(device, "entries", 1_000, int(rng.binomial(1_000, 1 - missed))))
        bounds = traffic.measure_entries(inputs(WINDOW, series, audits=audits)).bounds
        assert bounds is not None
        hits += bounds.low <= true <= bounds.high
    # With periods missing the upper bound is generous on purpose: it must hold whatever they held.
    assert hits / runs >= 0.93
    if kept_share == 1.0:
        assert hits / runs <= 0.975


def test_without_an_audit_of_each_counter_the_pooled_rate_stands_for_all() -> None:
    series = [observed("entries", GRID, np.full(288, 10), device=d) for d in ("a", "b")]
    bounds = traffic.measure_entries(inputs(WINDOW, series, audits=[Audit("a", "entries", 100, 96)])).bounds
    assert bounds is not None
    assert "1 of 2 counters pooled" in bounds.method
    assert bounds.low < 5_760 / 0.96 < bounds.high
    other = [Audit("c", "entries", 100, 50), Audit("a", "exits", 100, 50)]
    assert traffic.measure_entries(inputs(WINDOW, series, audits=other)).bounds is None


def test_a_slot_across_the_edge_is_counted_once_and_widens_the_bounds() -> None:
    half = timedelta(seconds=150)
    shifted = Window(WINDOW.start + half, WINDOW.end - half, WINDOW.time_zone)
    series = observed("entries", GRID, np.full(288, 100))
    audits = [Audit("device", "entries", 1_000, 1_000)]
    cut = series.touching(shifted.start_us, shifted.end_us, 0)
    outcome = traffic.measure_entries(inputs(shifted, [cut], audits=audits))
    assert outcome.value == 28_700  # begins in the window: all but the first
    assert outcome.bounds is not None
    assert outcome.bounds.low <= 28_600
    assert outcome.bounds.high >= 28_800


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 100), st.integers(0, 100))
def test_closure_bounds_hold_every_pair_within(entries: int, exits: int, more_in: int, more_out: int) -> None:
    low, high = traffic.closure_bounds((entries, entries + more_in), (exits, exits + more_out))
    for came in {entries, entries + more_in // 2, entries + more_in}:
        for left in {exits, exits + more_out // 2, exits + more_out}:
            value = traffic.closure(came, left)
            assert value is None or low - 1e-12 <= value <= high + 1e-12


def test_a_register_that_starts_again_at_midnight_does_so_wherever_business_days_begin() -> None:
    times = WINDOW.end_us + np.arange(-12, 13) * SLOT_US
    shown = np.array([900.0 + i for i in range(13)] + [950.0 + i for i in range(12)])  # no drop at midnight
    counter = Counter(width_bits=None, reset=Reset.MIDNIGHT)
    series = observed("entries", times, shown, kind=Kind.CUMULATIVE, counter=counter)
    window = Window(WINDOW.end - timedelta(hours=1), WINDOW.end + timedelta(hours=1), WINDOW.time_zone)
    made = inputs(window, [series], business_day_start=time(4, 30))
    assert traffic.measure_entries(made).value == 12 + 950 + 11


def test_nobody_gives_no_closure() -> None:
    outcome = traffic.measure_net_closure(inputs(WINDOW, [observed("entries", GRID, 0 * GRID)]))
    assert (outcome.value, outcome.undefined) == (None, "nobody_counted")
