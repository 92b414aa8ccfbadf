"""Vehicles and their stays: true changes, reported as a sensor does, against what the metrics make of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_inputs import inputs, observed

from analytics.metrics import parking, parking_turns
from analytics.metrics.inputs import Observed
from analytics.windows import HOUR_US, Window
from edge.wire.series import Kind

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 5, tzinfo=ZONE), ZONE.key)
MINUTE_US = 60_000_000


def bay(
    changes_min: list[int], device: str = "bay", *, lost: tuple[int, int] = (0, 0), heartbeat_h: int = 1
) -> Observed:
    """Return a bay that is free at first, changes at these minutes, and is silent from one hour to another."""
    changes = WINDOW.start_us + MINUTE_US * np.array(sorted(set(changes_min)), dtype=np.int64)
    beats = WINDOW.start_us + HOUR_US * np.arange(-1, 26, heartbeat_h)
    times = np.union1d(changes, beats)
    state = np.searchsorted(changes, times, side="right") % 2
    silent = (times >= WINDOW.start_us + lost[0] * HOUR_US) & (times < WINDOW.start_us + lost[1] * HOUR_US)
    whole = observed(
        "bay_occupied", times[~silent], state[~silent], device=device, kind=Kind.STATE, period_s=3600.0 * heartbeat_h
    )
    return whole.touching(WINDOW.start_us, WINDOW.end_us, 0)


def park(vehicles: list[float], spaces: int) -> Observed:
    t_us = WINDOW.start_us + 30 * MINUTE_US * np.arange(len(vehicles))
    return observed(
        "vehicles_present", t_us, vehicles, device="park", kind=Kind.GAUGE, period_s=1800.0, point_count=spaces
    )


def test_a_day_of_two_bays_by_hand() -> None:
    """Stays of 60, 30 and 90 minutes, and one of 40 that midnight cuts to 20."""
    made = inputs(WINDOW, [bay([61, 121, 301, 331], "a"), bay([601, 691, 1420, 1460], "b")])
    turnover, stay = parking_turns.measure_turnover(made), parking_turns.measure_stay(made)
    assert (turnover.value, turnover.detail) == (2.0, {"vehicles": 4, "bay_days": 2.0})
    assert turnover.bounds is not None
    assert (turnover.bounds.low, turnover.bounds.high) == (2.0, 2.0)
    assert stay.value == (60 + 30 + 90 + 20) / 4
    assert stay.detail == {"vehicles": 4, "stays_cut": 1, "vehicle_hours": pytest.approx(200 / 60)}


minutes = st.lists(st.integers(0, 1_500), max_size=30)


@given(st.lists(minutes, min_size=1, max_size=4))
@settings(deadline=None)
def test_where_nothing_is_lost_the_numbers_are_those_of_the_stays(bays: list[list[int]]) -> None:
    vehicles, occupied = 0, 0
    for changes in bays:
        turns = sorted(set(changes))
        stays = list(zip(turns[::2], [*turns[1::2], 10_000], strict=False))
        vehicles += sum(arrives < 1440 for arrives, _ in stays)
        occupied += sum(max(min(leaves, 1440) - arrives, 0) for arrives, leaves in stays)
    made = inputs(WINDOW, [bay(changes, f"bay-{n}") for n, changes in enumerate(bays)])
    turnover, stay = parking_turns.measure_turnover(made), parking_turns.measure_stay(made)
    # A change on the very beat, or at the window's start, can't be dated: the bounds say so, the number stands.
    first = sum(0 in changes for changes in bays)
    assert turnover.value is not None
    assert vehicles - first <= turnover.value * len(bays) <= vehicles + 1e-9
    assert turnover.bounds is not None
    assert turnover.bounds.low - 1e-9 <= vehicles / len(bays) <= turnover.bounds.high + 1e-9 or first
    if stay.value is not None and not first:
        assert stay.value == pytest.approx(occupied / vehicles)


@given(
    st.lists(st.integers(1, 5), min_size=24, max_size=24),
    st.integers(0, 20),
    st.integers(1, 4),
)
@settings(max_examples=60, deadline=None)
def test_lost_hours_that_are_no_busier_than_the_rest_stay_within_the_bounds(
    cars: list[int], since: int, hours: int
) -> None:
    """Each hour has some short stays; in those in which the sensor is silent no more came than in the busiest."""
    cars[23] = 5
    changes = [
        60 * hour + 5 + 10 * n + late for hour, n_cars in enumerate(cars) for n in range(n_cars) for late in (0, 4)
    ]
    made = inputs(WINDOW, [bay(changes, lost=(since, since + hours))])
    turnover, stay = parking_turns.measure_turnover(made), parking_turns.measure_stay(made)
    assert turnover.bounds is not None
    assert turnover.bounds.low <= sum(cars) <= turnover.bounds.high
    assert stay.bounds is not None
    assert stay.bounds.low <= 4.0 <= stay.bounds.high
    assert turnover.value is not None
    assert turnover.bounds.low <= turnover.value <= turnover.bounds.high


def test_a_dead_bay_leaves_the_days_and_an_empty_day_has_no_stay() -> None:
    made = inputs(WINDOW, [bay([61, 121], "a"), bay([], "dead", lost=(0, 26))])
    assert parking_turns.measure_turnover(made).value == pytest.approx(1.0, rel=0.05)
    assert parking_turns.measure_stay(inputs(WINDOW, [bay([])])).undefined == "no_vehicle_came"
    assert parking_turns.measure_turnover(inputs(WINDOW, [])).undefined == "nothing_observed"


def test_more_vehicles_than_spaces_are_kept_and_flagged() -> None:
    """Counts of a day: half of it 8 of 10, then twelve for an hour, then one that can't be."""
    counts = [8.0] * 24 + [12.0] * 2 + [10.0] * 21 + [-1.0]
    outcome = parking.measure(inputs(WINDOW, [park(counts, 10)]))
    assert outcome.value == pytest.approx((8 * 12 + 12 * 1 + 10 * 10.5) / (10 * 23.5))
    assert outcome.bounds is None
    assert outcome.detail["over_capacity_hours"] == 1.0
    assert outcome.detail["impossible_readings"] == 1
    full = parking.measure(inputs(WINDOW, [park([30.0] * 48, 10)]))
    assert full.value == 3.0


def test_counts_of_vehicles_bound_the_turnover_from_below_alone() -> None:
    made = inputs(WINDOW, [park([2.0, 5.0, 3.0, 3.0, -1.0, 9.0, 0.0] + [0.0] * 41, 10)])
    outcome = parking_turns.measure_turnover(made)
    assert (outcome.value, outcome.undefined) == (None, "only_vehicles_counted")
    assert outcome.detail["turnover_at_least"] == (3 + 6) / 10
    assert parking_turns.measure_stay(made).undefined == "only_vehicles_counted"


def test_bays_and_car_parks_add_up() -> None:
    both = parking.measure(inputs(WINDOW, [bay([60, 780]), park([10.0] * 48, 10)]))
    assert both.value == (12 + 240) / (24 + 240)


def test_a_stay_over_two_windows_counts_one_vehicle_and_its_time_once() -> None:
    """The halves of a day: what came and how long bays were taken add up."""
    whole, middle = bay([600, 840]), WINDOW.start + timedelta(hours=12)
    halves = [inputs(Window(a, b, ZONE.key), [whole]) for a, b in ((WINDOW.start, middle), (middle, WINDOW.end))]
    found = [parking_turns.turns(half) for half in halves]
    assert [each.vehicles for each in found] == [1, 0]
    assert [each.cut for each in found] == [1, 1]
    assert sum(each.occupied.held_us for each in found) == 240 * MINUTE_US
