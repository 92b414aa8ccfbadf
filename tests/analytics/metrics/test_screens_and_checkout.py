"""Screens and self-checkouts: shares by the second, sums by hand, and what may be missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_inputs import inputs, observed

from analytics.metrics import checkout, screens
from analytics.metrics.inputs import Observed
from analytics.metrics.spans import Spans
from analytics.windows import Window
from edge.wire.series import Counter, Kind, Reset

START = datetime(2026, 5, 4, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=8), "UTC")
SECOND_US = 1_000_000
LENGTH_S = 8 * 3600
PERIOD_S = 300


def state(quantity: str, truth: np.ndarray, phase_s: int, keep: np.ndarray | None = None, point: str = "m") -> Observed:
    """Return a state that is looked at every five minutes, from a phase on."""
    seconds = np.arange(phase_s, truth.size, PERIOD_S)
    if keep is not None:
        seconds = seconds[keep[: seconds.size]]
    t_us = WINDOW.start_us + SECOND_US * seconds
    made = observed(quantity, t_us, truth[seconds], device=point, kind=Kind.STATE, period_s=float(PERIOD_S))
    return replace(made, point_id=point)


def course(lengths: list[int], *, first: bool) -> np.ndarray:
    """Return a state by the second, each spell of which lasts for five minutes or longer."""
    spells = [np.full(PERIOD_S + length, first ^ bool(n % 2)) for n, length in enumerate(lengths)]
    return np.resize(np.concatenate(spells), LENGTH_S).astype(float)


lengths = st.lists(st.integers(1, 4_000), min_size=20, max_size=20)


@given(lengths, lengths, st.integers(0, PERIOD_S - 1), st.integers(0, PERIOD_S - 1), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_machine_serves_while_it_runs_and_has_no_fault(
    runs: list[int], faults: list[int], phase: int, other: int, seed: int
) -> None:
    """Two states that are looked at at different instants, each with readings missing."""
    running, fault = course(runs, first=True), course(faults, first=False)
    keep = np.random.default_rng(seed).random((2, 100)) >= 0.05
    made = [state("equipment_running", running, phase, keep[0]), state("equipment_fault", fault, other, keep[1])]
    outcome = checkout.measure_availability(inputs(WINDOW, made))
    assert outcome.bounds is not None
    assert outcome.bounds.low <= ((running > 0) & (fault == 0)).mean() <= outcome.bounds.high
    assert outcome.value is not None
    # Second by second: what the last reading of each said, where that one still speaks.
    says = []
    for series in made:
        t_s = ((series.parts[0].t_us - WINDOW.start_us) // SECOND_US).tolist()
        said = np.full(LENGTH_S, np.nan)
        for number, (t, value) in enumerate(zip(t_s, series.parts[0].value, strict=True)):
            later = t_s[number + 1] if number + 1 < len(t_s) else None
            until = later if later is not None and later - t <= 1.5 * PERIOD_S else t + PERIOD_S
            said[t:until] = value
        says.append(said)
    told = ~np.isnan(says[0]) & ~np.isnan(says[1])
    assert outcome.value == pytest.approx(((says[0] > 0) & (says[1] == 0))[told].mean())
    assert outcome.detail["observed_hours"] == pytest.approx(told.sum() / 3600)


def test_one_state_alone_is_enough_and_machines_are_summed() -> None:
    up, down = np.ones(LENGTH_S), np.zeros(LENGTH_S)
    half = np.where(np.arange(LENGTH_S) < LENGTH_S // 2, 1.0, 0.0)
    made = [
        state("equipment_running", half, 0, point="runs"),
        state("equipment_fault", half, 0, point="faulty"),
        state("equipment_running", up, 0, point="both"),
        state("equipment_fault", down, 0, point="both"),
    ]
    assert checkout.measure_availability(inputs(WINDOW, made)).value == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert checkout.measure_availability(inputs(WINDOW, [])).undefined == "nothing_observed"


def test_a_state_that_was_registered_later_counts_from_then_on() -> None:
    noon = Spans.of([(WINDOW.start_us + LENGTH_S // 2 * SECOND_US, 2**62)])
    fault = replace(state("equipment_fault", np.ones(LENGTH_S), 0), registered=noon)
    made = [state("equipment_running", np.ones(LENGTH_S), 0), fault]
    assert checkout.measure_availability(inputs(WINDOW, made)).value == 0.5


@given(lengths, st.integers(0, PERIOD_S - 1), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_the_bounds_of_a_screen_hold_the_truth(spells: list[int], phase: int, seed: int) -> None:
    truth = course(spells, first=True)
    keep = np.random.default_rng(seed).random(100) >= 0.05
    outcome = screens.measure_availability(inputs(WINDOW, [state("screen_online", truth, phase, keep)]))
    assert outcome.bounds is not None
    assert outcome.bounds.low <= truth.mean() <= outcome.bounds.high


def counts(
    quantity: str, values: list[float], point: str = "m", kind: str = "self_checkout", missing: int = 0
) -> Observed:
    """Return counts of a quarter of an hour each, from the window's start; the last ``missing`` did not come."""
    kept = values[: len(values) - missing]
    t_us = WINDOW.start_us + 900 * SECOND_US * np.arange(len(kept))
    made = observed(quantity, t_us, kept, device=point, period_s=900.0)
    return replace(made, point_id=point, point_kind=kind)


def test_sums_and_ratios_by_hand() -> None:
    made = inputs(WINDOW, [
        counts("transactions", [3.0] * 32, "a"),
        counts("items_scanned", [12.0] * 32, "a"),
        counts("transactions", [1.0] * 32, "b"),
        counts("transactions", [6.0] * 32, "till-1", "till"),
    ])  # fmt: skip
    own = inputs(WINDOW, [series for series in made.series if series.point_kind == "self_checkout"])
    assert checkout.measure_transactions(own).value == 4 * 32
    items = checkout.measure_items(own)
    assert (items.value, items.detail) == (4.0, {"items": 384, "transactions": 96})
    share = checkout.measure_share(made)
    assert (share.value, share.detail) == (0.4, {"at_self_checkout": 128, "at_tills": 192})
    for outcome in (items, share):
        assert outcome.bounds is not None
        assert outcome.bounds.low == outcome.value == outcome.bounds.high
    assert checkout.measure_share(own).undefined == "no_till_reports"


def test_without_a_transaction_there_is_no_ratio() -> None:
    made = [counts("transactions", [0.0] * 32), counts("items_scanned", [2.0] * 32)]
    assert checkout.measure_items(inputs(WINDOW, made)).undefined == "no_transaction"
    none = [counts("transactions", [0.0] * 32), counts("transactions", [0.0] * 32, "t", "till")]
    assert checkout.measure_share(inputs(WINDOW, none)).undefined == "no_transaction"


@given(st.lists(st.integers(0, 9), min_size=32, max_size=32), st.integers(0, 8), st.booleans())
def test_missing_periods_that_held_no_more_than_the_busiest_are_in_the_bounds(
    values: list[int], missing: int, ratio: bool
) -> None:
    values[0] = 9
    paid = counts("transactions", [float(v) for v in values], missing=missing)
    scanned = counts("items_scanned", [float(3 * v) for v in values], missing=missing)
    outcome = (checkout.measure_items if ratio else checkout.measure_transactions)(
        inputs(WINDOW, [paid, scanned] if ratio else [paid])
    )
    assert outcome.bounds is not None
    true = 3.0 if ratio else float(sum(values))
    assert outcome.bounds.low <= true <= outcome.bounds.high
    if not missing:
        assert outcome.value == outcome.bounds.low == outcome.bounds.high == true


def test_plays_of_a_register_and_of_single_events() -> None:
    t_us = WINDOW.start_us + 900 * SECOND_US * np.arange(33)
    register = Counter(width_bits=16, reset=Reset.NEVER)
    rising = (65_530.0 + 2.0 * np.arange(33)) % 65_536
    made = observed("screen_plays", t_us, rising, kind=Kind.CUMULATIVE, period_s=900.0, counter=register)
    assert screens.measure_plays(inputs(WINDOW, [made])).value == 64
    events = observed("screen_plays", t_us[:4] + 5, np.ones(4), kind=Kind.EVENT, period_s=None, device="x")
    online = Spans.of([(WINDOW.start_us, WINDOW.end_us)])
    outcome = screens.measure_plays(inputs(WINDOW, [replace(events, events=True, online=online)]))
    assert outcome.value == 4
    assert outcome.bounds is not None
    assert (outcome.bounds.low, outcome.bounds.high) == (4, 4)
