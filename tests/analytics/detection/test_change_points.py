"""Change points against ruptures and against all partitions."""

from itertools import pairwise

import numpy as np
import pytest
import ruptures  # type: ignore[import-untyped]  # it has no types
from hypothesis import given
from hypothesis import strategies as st

from analytics.detection.change_points import Cost, change_points, penalty_of
from analytics.metrics.spans import Float64


def of_segment(value: Float64, cost: Cost) -> float:
    if cost is Cost.MEAN:
        return float(((value - value.mean()) ** 2).sum())
    total = float(value.sum())
    return -2.0 * total * float(np.log(total / value.size)) if total else 0.0


def of_partition(value: Float64, changes: list[int], penalty: float, cost: Cost) -> float:
    bounds = [0, *changes, value.size]
    parts = [value[start:end] for start, end in pairwise(bounds)]
    return sum(of_segment(part, cost) for part in parts) + penalty * len(changes)


def least(value: Float64, penalty: float, cost: Cost, least_length: int) -> float:
    """Return the least cost of all partitions (Bellman's recursion, without pruning)."""
    best = [-penalty] + [np.inf] * value.size
    for end in range(least_length, value.size + 1):
        starts = range(end - least_length + 1)
        best[end] = min(best[s] + of_segment(value[s:end], cost) + penalty for s in starts)
    return best[-1]


@given(
    st.lists(st.integers(0, 12), min_size=4, max_size=24),
    st.floats(0.0, 60.0),
    st.sampled_from(Cost),
    st.integers(1, 4),
)
def test_no_partition_costs_less(counts: list[int], penalty: float, cost: Cost, least_length: int) -> None:
    value = np.array(counts, dtype=np.float64)
    found = change_points(value, penalty, cost, least_length).tolist()
    if value.size >= 2 * least_length:
        wanted = least(value, penalty, cost, least_length)
        assert of_partition(value, found, penalty, cost) == pytest.approx(wanted, rel=1e-9, abs=1e-7)
    assert all(b - a >= least_length for a, b in zip([0, *found], [*found, value.size], strict=True)) or not found


@pytest.mark.parametrize("seed", range(4))
def test_the_changes_are_those_of_ruptures(seed: int) -> None:
    rng = np.random.default_rng(seed)
    levels = rng.normal(0, 10, 6)
    value = np.repeat(levels, rng.integers(20, 60, 6))
    value = value + rng.normal(0, 2, value.size)
    penalty = penalty_of(value)
    theirs = ruptures.Pelt(model="l2", min_size=1, jump=1).fit(value).predict(pen=penalty)
    assert change_points(value, penalty).tolist() == theirs[:-1]


def test_counts_whose_rate_doubles_are_told_from_noise() -> None:
    rng = np.random.default_rng(3)
    value = np.concatenate((rng.poisson(4.0, 200), rng.poisson(8.0, 200))).astype(float)
    (place,) = change_points(value, penalty_of(value, Cost.RATE), Cost.RATE).tolist()
    assert abs(place - 200) < 10
    assert change_points(value[:200], penalty_of(value[:200], Cost.RATE), Cost.RATE).size == 0


@given(st.lists(st.floats(width=16, allow_nan=True, allow_infinity=True), max_size=20), st.sampled_from(Cost))
def test_whatever_comes_in_changes_are_places_of_usable_values(value: list[float], cost: Cost) -> None:
    array = np.array(value, dtype=np.float64)
    found = change_points(array, penalty_of(array, cost), cost).tolist()
    assert found == sorted(set(found))
    assert all(np.isfinite(array[place]) and place > 0 for place in found)


def test_a_level_never_changes_where_all_are_equal_or_there_is_one_or_none() -> None:
    for value in ([], [3.0], [3.0] * 20):
        assert change_points(np.array(value), 1.0).size == 0
