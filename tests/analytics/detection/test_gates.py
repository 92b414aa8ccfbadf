"""Quality gates: standstill, range, step, direction and totals, against plain counterparts and hand-worked cases."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from analytics.detection.direction import direction
from analytics.detection.plausibility import implausible_steps, out_of_range
from analytics.detection.stuck import stuck
from analytics.detection.totals import differences
from analytics.metrics.counts import Slots, interval_slots, register_slots
from analytics.metrics.spans import Float64, Int64
from edge.wire.series import Counter, Reset

ANY = st.one_of(st.sampled_from([0.0, 1.0, 2.0]), st.floats(allow_nan=True, allow_infinity=True))
SERIES = st.lists(st.tuples(st.integers(0, 4), ANY), max_size=40)


def columns(series: list[tuple[int, float]]) -> tuple[Int64, Float64]:
    return np.cumsum([step for step, _ in series], dtype=np.int64), np.array([v for _, v in series], dtype=np.float64)


@given(SERIES, st.integers(1, 10), st.integers(1, 3), st.integers(1, 4))
@example([(0, np.inf), (0, np.inf)], 1, 1, 1)
def test_standstills_are_those_that_a_plain_walk_finds(
    series: list[tuple[int, float]], least_us: int, longest_step_us: int, least_readings: int
) -> None:
    t_us, value = columns(series)
    runs: list[list[int]] = []
    for place in range(len(series)):
        goes_on = place and value[place] == value[place - 1] and t_us[place] - t_us[place - 1] <= longest_step_us
        if goes_on:
            runs[-1].append(place)
        else:
            runs.append([place])
    wanted = [
        (int(t_us[run[0]]), int(t_us[run[-1]]))
        for run in runs
        if len(run) >= least_readings and t_us[run[-1]] - t_us[run[0]] >= least_us
    ]
    found = stuck(t_us, value, least_us, longest_step_us, least_readings)
    assert found.total_us == sum(end - start for start, end in wanted)
    assert all(any(start <= a and b <= end for start, end in found.pairs()) for a, b in wanted)


@given(SERIES, st.floats(0.0, 5.0))
def test_ranges_and_steps_are_those_of_a_plain_loop(series: list[tuple[int, float]], most: float) -> None:
    t_us, value = columns(series)
    assert out_of_range(value, 0.0, most).tolist() == [not 0.0 <= v <= most for v in value.tolist()]
    found = implausible_steps(t_us, value, most * 1e6)
    pairs = list(pairwise(zip(t_us.tolist(), value.tolist(), strict=True)))
    for place, ((t_0, v_0), (t_1, v_1)) in enumerate(pairs, 1):
        if t_1 > t_0 and np.isfinite([v_0, v_1]).all() and abs(v_0) < 1e300 and abs(v_1) < 1e300:
            wanted = abs(v_1 - v_0)
            if wanted != pytest.approx(most * (t_1 - t_0), rel=1e-9):
                assert found[place] == (wanted > most * (t_1 - t_0))
        else:
            assert not found[place] or t_1 > t_0
    assert not found[:1].any()


def visits(seed: int, days: int) -> tuple[Float64, Float64, Int64]:
    """Return entries, exits and days of a door of which 3 % of each crossing is missed, by quarters of an hour."""
    rng = np.random.default_rng(seed)
    came = rng.uniform(40, 80, (days, 300)).astype(int)
    left = came + rng.exponential(3, came.shape).astype(int)
    kept = rng.random((2, *came.shape)) > 0.03
    entries, exits = (
        np.concatenate([np.bincount(day[keep], minlength=120)[:120] for day, keep in zip(times, seen, strict=True)])
        for times, seen in ((came, kept[0]), (left, kept[1]))
    )
    return entries.astype(float), exits.astype(float), np.repeat(np.arange(days), 120)


def test_swapped_directions_are_told_and_right_ones_not() -> None:
    entries, exits, day = visits(1, 14)
    right, swapped = direction(entries, exits, day), direction(exits, entries, day)
    assert (right.right_days, right.swapped_days) == (14, 0) == (swapped.swapped_days, swapped.right_days)
    assert swapped.p_value == pytest.approx(0.5**14) == stats.binomtest(14, 14, 0.5, alternative="greater").pvalue
    assert right.p_value == 1.0


@given(st.lists(st.tuples(ANY, ANY, st.integers(0, 3)), max_size=30))
def test_whatever_is_counted_a_direction_is_a_probability(rows: list[tuple[float, float, int]]) -> None:
    entries, exits = (np.array([row[column] for row in rows], dtype=np.float64) for column in (0, 1))
    keep = (np.abs(entries) < 1e12) & (np.abs(exits) < 1e12)
    told = direction(entries[keep], exits[keep], np.array([row[2] for row in rows], dtype=np.int64)[keep])
    assert 0 <= told.p_value <= 1
    assert told.right_days + told.swapped_days <= 4
    if not rows:
        assert told.p_value == 1.0


def totals_and_increments(counts: list[int], first: int, lost: set[int]) -> tuple[Slots, Slots]:
    total = first + np.concatenate(([0], np.cumsum(counts)))
    counter = Counter(width_bits=None, reset=Reset.NEVER)
    own = register_slots(np.arange(len(counts) + 1) * 10, total.astype(float), counter, np.zeros(0, dtype=np.int64))
    kept = [place for place in range(len(counts)) if place not in lost]
    return own, interval_slots(np.array(kept, dtype=np.int64) * 10, np.array(counts, dtype=float)[kept], 10)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=24), st.integers(0, 1000), st.sets(st.integers(0, 23)))
def test_a_lost_count_is_missing_in_its_window_to_the_person(counts: list[int], first: int, lost: set[int]) -> None:
    own, increments = totals_and_increments(counts, first, lost)
    bounds = np.arange(0, 10 * len(counts) + 60, 60)
    found = differences(own, increments, bounds)
    by_window: dict[int, int] = {}
    for place in sorted(lost & set(range(len(counts)))):
        by_window[place // 6] = by_window.get(place // 6, 0) + counts[place]
    assert found.missing.tolist() == [missing for missing in by_window.values() if missing]


def test_no_total_no_increments_and_a_reset_say_nothing() -> None:
    none = interval_slots(np.zeros(0, dtype=np.int64), np.zeros(0), 10)
    own, _ = totals_and_increments([1, 2], 0, set())
    assert differences(none, none, np.array([0, 60])).missing.size == 0
    reset = Slots(own.start_us, own.end_us, own.amount, np.array([True, False]))
    assert differences(reset, none, np.array([0, 60])).missing.size == 0
    assert differences(own, none, np.array([0, 60])).missing.tolist() == [3]
