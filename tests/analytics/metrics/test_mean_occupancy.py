"""Mean occupancy, use of capacity and mean stay: which method is used when, and whether the bounds hold the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_inputs import inputs, observed

from analytics.metrics import dwell, mean_occupancy
from analytics.metrics.counts import Slots
from analytics.metrics.inputs import Audit, Inputs, Premises
from analytics.windows import Window

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 5, 4, tzinfo=ZONE)
SLOT = 300_000_000
HOUR = 3_600_000_000
SHOP: dict[str, Any] = {"opens_at": time(9), "closes_at": time(21)}


def window(days: int = 1, start: datetime = START) -> Window:
    return Window(start, start + timedelta(days=days), ZONE.key)


def made(over: Window, came: Iterable[int], left: Iterable[int], **more: Any) -> Inputs:
    grid = np.arange(over.start_us, over.start_us + len(list(came)) * SLOT, SLOT)
    series = [observed("entries", grid, list(came)), observed("exits", grid, list(left))]
    return inputs(over, series, **{**SHOP, **more})


def one_hour(came: int, left: int) -> tuple[list[int], list[int]]:
    """Return a day on which some come in the slot from 9:00 and leave in the slot from 10:00."""
    entries, exits = [0] * 288, [0] * 288
    entries[108], exits[120] = came, left
    return entries, exits


def test_a_day_by_hand() -> None:
    """Twelve come, ten are seen leaving an hour later: eleven stayed for an hour, of twelve opening hours."""
    given_ = made(window(), *one_hour(12, 10))
    outcome = mean_occupancy.measure_occupancy(given_)
    assert outcome.value == pytest.approx(11 / 12)
    assert outcome.detail["method"] == "scaled"
    assert outcome.detail["mean_reset"] == pytest.approx((12 + 2 * (11 - 1 / 24)) / 12)
    assert outcome.bounds is None
    stay = dwell.measure_store(given_)
    assert stay.value == pytest.approx(60)
    assert (stay.detail["persons"], stay.detail["days"]) == (11, 1)
    assert stay.detail["first_in_first_out_min"] == pytest.approx(60)
    room = replace(given_, premises=Premises(100.0, "sales", 10), limits={"crowd.warn_ratio": 0.8})
    used = mean_occupancy.measure_capacity_use(room)
    assert used.value == pytest.approx(11 / 120)
    assert used.detail["peak_share"] == 1.1
    assert (used.detail["minutes_over_warning"], used.detail["minutes_over_capacity"]) == (60.0, 60.0)


def test_capacity_must_be_known() -> None:
    room = replace(made(window(), *one_hour(3, 3)), limits={"crowd.warn_ratio": 0.8})
    assert mean_occupancy.measure_capacity_use(room).undefined == "no_capacity"
    unlimited = replace(room, limits={}, premises=Premises(100.0, "sales", 10))
    assert mean_occupancy.measure_capacity_use(unlimited).undefined == "no_limit_in_force"


@pytest.mark.parametrize(
    ("hours", "over", "method"),
    [
        (SHOP, window(), "scaled"),
        ({"opens_at": time(0), "closes_at": time(22)}, window(), "scaled"),
        ({"opens_at": time(9), "closes_at": time(9)}, window(), "clamped"),  # open day and night
        ({"opens_at": time(10), "closes_at": time(2)}, window(), "clamped"),  # open over the day's start
        (
            {"opens_at": time(10), "closes_at": time(2), "business_day_start": time(4)},
            window(start=START + timedelta(hours=4)),
            "scaled",
        ),
        (SHOP, Window(START, START + timedelta(hours=15), ZONE.key), "clamped"),
    ],
)
def test_a_day_is_scaled_where_it_lies_whole_in_the_window_and_ends_closed(
    hours: dict[str, Any], over: Window, method: str
) -> None:
    outcome = mean_occupancy.measure_occupancy(made(over, *one_hour(12, 10), **hours))
    assert outcome.detail["method"] == method
    assert (dwell.measure_store(made(over, *one_hour(12, 10), **hours)).value is None) == (method != "scaled")


def test_the_last_day_is_learned_from_five_whole_ones_before_it() -> None:
    entries, exits = one_hour(20, 10)
    over = Window(START, START + timedelta(days=5, hours=18), ZONE.key)
    given_ = made(over, entries * 5 + entries[:216], exits * 5 + exits[:216])
    outcome = mean_occupancy.measure_occupancy(given_)
    assert outcome.detail["method"] == "learned_and_scaled"
    # The drift of the days before: at ten o'clock twenty are in where fifteen were.
    assert outcome.value == pytest.approx((15 * 6 * HOUR) / given_.opening.total_us)


def test_swapped_directions_give_no_number() -> None:
    exits, entries = one_hour(12, 10)
    given_ = made(window(), entries, exits)
    room = replace(given_, premises=Premises(100.0, "sales", 10), limits={"crowd.warn_ratio": 0.8})
    for outcome in (
        mean_occupancy.measure_occupancy(given_),
        mean_occupancy.measure_capacity_use(room),
        dwell.measure_store(given_),
    ):
        assert (outcome.value, outcome.undefined) == (None, "leave_before_coming")


def test_nobody_and_no_opening_hours_give_no_mean() -> None:
    closed = Window(START, START + timedelta(hours=8), ZONE.key)
    assert mean_occupancy.measure_occupancy(made(closed, [0] * 96, [0] * 96)).undefined == "no_time_to_measure"
    empty = made(window(), [0] * 288, [0] * 288)
    assert mean_occupancy.measure_occupancy(empty).value == 0
    assert dwell.measure_store(empty).undefined == "nobody_counted"
    assert dwell.measure_store(made(window(), *one_hour(4, 0))).undefined == "no_day_that_ends_empty"


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 80)), min_size=1, max_size=40))
def test_little_equals_the_mean_of_the_stays_and_first_in_first_out(stays: list[tuple[int, int]]) -> None:
    """Nobody is missed: the law, any matching and the stays themselves give one mean."""
    came, left = np.zeros(288, dtype=int), np.zeros(288, dtype=int)
    for start, length in stays:
        came[start] += 1
        left[start + length] += 1
    outcome = dwell.measure_store(made(window(), came, left))
    mean = float(np.mean([length for _, length in stays])) * 5
    assert outcome.value == pytest.approx(mean, abs=1e-9)
    assert outcome.detail["first_in_first_out_min"] == pytest.approx(mean, abs=1e-9)
    assert outcome.detail["clamped_min"] == pytest.approx(mean, abs=1e-9)


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=25),
    st.lists(st.integers(0, 3), min_size=1, max_size=25),
)
def test_first_in_first_out_equals_a_queue(came: list[int], left: list[int]) -> None:
    waiting, stays = list[int](), list[int]()
    for at in range(max(len(came), len(left))):
        waiting += [at] * (came[at] if at < len(came) else 0)
        leaving = min(left[at] if at < len(left) else 0, len(waiting))
        stays += [at - waiting.pop(0) for _ in range(leaving)]
    sides = []
    for counts in (came, left):
        start = np.arange(len(counts)) * 60_000_000
        none = np.zeros(start.size, dtype=np.bool_)
        sides.append(Slots(start, start + 60_000_000, np.array(counts, dtype=float), none))
    found = dwell.first_in_first_out(*sides)
    assert found == (pytest.approx(np.mean(stays)) if stays else None)


@pytest.mark.parametrize("kept_share", [1.0, 0.97])
def test_bounds_hold_the_truth_with_two_unlike_doors(kept_share: float) -> None:
    over, rng = window(), np.random.default_rng(8)
    grid = np.arange(over.start_us, over.end_us, SLOT)
    hits, runs = np.zeros(3, dtype=int), 150
    opens, closes = over.start_us + 9 * HOUR, over.start_us + 21 * HOUR
    for _ in range(runs):
        came = over.start_us + (np.clip(rng.normal(14, 2.5, 1500), 9.1, 20.9) * HOUR).astype(np.int64)
        left = np.minimum(came + (rng.exponential(0.7, came.size) * HOUR).astype(np.int64), closes + HOUR // 4)
        door = rng.random(came.size) < 0.6 + 0.2 * (came > over.start_us + 14 * HOUR)
        series, audits = [], []
        for quantity, at in (("entries", came), ("exits", left)):
            for device, mine, missed in (("a", door, 0.02), ("b", ~door, 0.05)):
                seen = at[mine & (rng.random(at.size) >= missed)]
                slot = np.bincount((seen - over.start_us) // SLOT, minlength=grid.size)
                kept = rng.random(grid.size) < kept_share
                series.append(observed(quantity, grid[kept], slot[kept], device=device))
                audits.append(Audit(device, quantity, 2_000, int(rng.binomial(2_000, 1 - missed))))
        given_ = inputs(over, series, audits=audits, **SHOP)
        inside = np.clip(left, opens, closes) - np.clip(came, opens, closes)
        mean = mean_occupancy.measure_occupancy(given_).bounds
        stay = dwell.measure_store(given_).bounds
        half = replace(given_, window=Window(START, START + timedelta(hours=16), ZONE.key))
        half = replace(half, opening=half.opening.intersect(half.window.spans))
        until = int(half.window.end_us)
        early = np.minimum(np.clip(left, opens, closes), until) - np.minimum(np.clip(came, opens, closes), until)
        part = mean_occupancy.measure_occupancy(half)
        assert part.detail["method"] == "clamped"
        true = (inside.sum() / (12 * HOUR), (left - came).mean() / 60e6, early.sum() / half.opening.total_us)
        for number, bounds in enumerate((mean, stay, part.bounds)):
            assert bounds is not None
            hits[number] += bounds.low <= true[number] <= bounds.high
    assert (hits / runs).min() >= 0.95
