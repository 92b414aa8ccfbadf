"""The named corrections of occupancy against loops over people and slots."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.metrics import occupancy
from analytics.metrics.occupancy import Flows
from analytics.metrics.spans import Spans

SLOT = 300_000_000
DAY = 288 * SLOT
MIDNIGHT = int(datetime(2026, 5, 4, tzinfo=UTC).timestamp()) * 1_000_000
counts = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30)


def of_days(*days: list[tuple[int, int]]) -> Flows:
    start = np.concatenate([d * DAY + np.arange(len(day)) * SLOT for d, day in enumerate(days)]).astype(np.int64)
    which = np.repeat(np.arange(len(days)), [len(day) for day in days])
    came, left = (np.array([pair[side] for day in days for pair in day], dtype=np.int64) for side in (0, 1))
    return Flows(start, start + SLOT, which, came, left, np.arange(len(days) + 1) * DAY)


@given(counts, counts)
def test_each_method_equals_a_loop(one: list[tuple[int, int]], two: list[tuple[int, int]]) -> None:
    flow = of_days(one, two)
    raw, reset, clamped, carried = [], [], [], 0
    for day in (one, two):
        since, held = 0, 0
        for came, left in day:
            carried, since, held = carried + came - left, since + came - left, max(0, held + came - left)
            raw.append(carried)
            reset.append(since)
            clamped.append(held)
    assert occupancy.raw(flow).tolist() == raw
    assert occupancy.reset(flow).tolist() == reset
    assert occupancy.clamped(flow).tolist() == clamped
    for number, day in enumerate((one, two)):
        came, left = (sum(pair[side] for pair in day) for side in (0, 1))
        scaled = occupancy.scaled(flow, number)
        if came and left:
            half = (came + left) / 2
            assert scaled is not None
            assert scaled == pytest.approx(np.cumsum([i * half / came - o * half / left for i, o in day]), abs=1e-9)
            assert scaled[-1] == 0
        else:
            assert (scaled is None) == (came != left)


@given(counts, st.integers(0, DAY // SLOT), st.integers(1, 40))
def test_person_time_equals_people_followed_one_by_one(day: list[tuple[int, int]], first: int, length: int) -> None:
    """Each crossing spread evenly over its slot: 50 steps a slot, each with its share of the people."""
    flow = of_days(day)
    spans = Spans.of([(first * SLOT, (first + length) * SLOT)])
    area, step = 0.0, SLOT / 50
    for number, (came, left) in enumerate(day):
        for part in range(50):
            crosses = number * SLOT + (part + 0.5) * step
            inside = max(0.0, min((first + length) * SLOT, DAY) - max(crosses, first * SLOT))
            area += (came - left) / 50 * inside
    assert occupancy.person_time(flow, occupancy.reset(flow), spans) == pytest.approx(area, rel=1e-9, abs=1e5)


def test_occupancy_stays_over_a_gap_and_jumps_at_an_event() -> None:
    start, end, came, left = (np.array(row) for row in ([10, 50, 80], [10, 60, 80], [4, 0, 0], [0, 2, 2]))
    flow = Flows(start, end, np.zeros(3, dtype=np.int64), came, left, np.array([0, 100]))
    area = occupancy.person_time(flow, occupancy.reset(flow), Spans.of([(0, 200)]))
    assert area == 4 * 40 + 3 * 10 + 2 * 20  # four until 50, two fewer by 60, gone at 80


def test_drift_is_learned_from_the_days_before_and_from_five_at_least() -> None:
    """A counter that misses a tenth of those who leave: learning takes away most of what resetting leaves."""
    rng = np.random.default_rng(2)
    shape = np.sin(np.linspace(0, np.pi, 144)) ** 2
    days, truths = [], []
    for _ in range(9):
        came = np.concatenate([np.zeros(96, dtype=np.int64), rng.poisson(12 * shape), np.zeros(48, dtype=np.int64)])
        left = np.roll(came, 8)
        truths.append(np.cumsum(came - left))
        days.append(list(zip(came.tolist(), rng.binomial(left, 0.9).tolist(), strict=True)))
    flow = of_days(*days)
    clock = flow.end_us - flow.day * DAY
    found = occupancy.learned(flow, np.ones(9, dtype=np.bool_), clock)
    assert sorted(found) == [5, 6, 7, 8]
    squares = np.zeros(2)
    for day, level in found.items():
        held = occupancy.clamped(flow)[flow.of_day(day)]
        squares += [((each - truths[day]) ** 2).mean() for each in (level, held)]
    assert squares[0] < squares[1] / 4
    known = np.array([True] * 4 + [False] * 5)
    assert occupancy.learned(flow, known, clock) == {}
