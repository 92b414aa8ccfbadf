"""Differences and ranks: hand-worked, for any intervals against brute force, and where errors are in common."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_answers import store_answer

from analytics.comparison.difference import difference_of
from analytics.comparison.ranking import rank
from analytics.results import Interval, Result, Status

LEVELS = st.sampled_from([0.95, 0.9, None])
RESULT = next(r for area in store_answer("north-gate").areas for r in area.results if r.unit == "count")


def result(
    value: float | None, low: float = 0, high: float = 0, level: float | None = 0.95, unit: str = "count"
) -> Result:
    interval = None if value is None else Interval(low=low, high=high, level=level, method="made")
    status = Status.INSUFFICIENT if value is None else Status.MEASURED
    return RESULT.model_copy(update={"value": value, "interval": interval, "status": status, "unit": unit})


def test_a_difference_by_hand() -> None:
    change = difference_of(result(612, 588, 637), result(590, 566, 615))
    assert change.difference is not None
    assert change.ratio is not None
    assert (change.difference.value, change.ratio.value) == (22, 22 / 590)
    bounds = change.difference.interval
    assert bounds is not None
    assert (bounds.low, bounds.high, bounds.level) == (588 - 615, 637 - 566, 0.9)
    assert change.ratio.interval is not None
    assert change.ratio.interval.low == pytest.approx(588 / 615 - 1)
    assert change.ratio.interval.high == pytest.approx(637 / 566 - 1)


@pytest.mark.parametrize(
    ("now", "before", "difference", "ratio"),
    [
        (result(None), result(5, 4, 6), None, None),
        (result(5, 4, 6), result(None), None, None),
        (result(5, 4, 6), result(0, 0, 1), 5, None),
        (result(11, 11, 11, None, "h"), result(9, 9, 9, None, "h"), 2, None),
    ],
)
def test_what_cannot_be_said_is_left_out(now: Result, before: Result, difference: int | None, ratio: None) -> None:
    change = difference_of(now, before)
    assert (change.difference.value if change.difference else None, change.ratio) == (difference, ratio)


@given(st.lists(st.tuples(st.floats(1, 1e6), st.floats(0, 1e5)), min_size=2, max_size=2), LEVELS, LEVELS)
def test_the_bounds_hold_whatever_the_truth_within_both(
    sides: list[tuple[float, float]], level: float | None, other: float | None
) -> None:
    now, before = (result(low, low, low + width, at) for (low, width), at in zip(sides, (level, other), strict=True))
    change = difference_of(now, before)
    assert change.difference is not None
    assert change.ratio is not None
    grids = [np.linspace(low, low + width, 7) for low, width in sides]
    truths = (grids[0][:, None] - grids[1][None, :]).ravel()
    ratios = (grids[0][:, None] / grids[1][None, :] - 1).ravel()
    for found, true in ((change.difference.interval, truths), (change.ratio.interval, ratios)):
        assert found is not None
        assert found.low - 1e-6 <= true.min()
        assert found.high + 1e-6 >= true.max()
        assert (found.level is None) == (level is None and other is None)


def test_the_difference_covers_the_true_one_at_its_level_with_errors_in_common() -> None:
    """Two normal estimates whose errors are alike, independent or opposed: 90 per cent or more in each case."""
    rng = np.random.default_rng(1)
    for correlation in (-1.0, 0.0, 1.0):
        errors = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], 4000)
        half = 1.959964
        covered = np.abs(errors[:, 0] - errors[:, 1]) <= 2 * half
        assert covered.mean() >= 0.9


def test_stores_whose_intervals_overlap_are_not_ranked() -> None:
    """A overlaps B, B overlaps C, A lies above C: B may stand anywhere, A and C are told apart."""
    found = rank([
        ("c", result(10, 8, 12)), ("b", result(13, 11, 16)), ("a", result(17, 15, 19)),
        ("silent", result(None)), ("far", result(99, 98, 100)),
    ])  # fmt: skip
    assert [(each.store_id, each.rank_from, each.rank_to) for each in found.ranks] == [
        ("far", 1, 1), ("a", 2, 3), ("b", 2, 4), ("c", 3, 4),
    ]  # fmt: skip
    assert {each.store_id: each.tied_with for each in found.ranks}["b"] == ("a", "c")
    assert (found.not_ranked, found.joint_level) == (("silent",), 0.8)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=6))
def test_a_range_of_ranks_holds_every_order_of_truths_within_the_intervals(sides: list[tuple[int, int]]) -> None:
    found = rank([(str(i), result(low, low, low + width)) for i, (low, width) in enumerate(sides)])
    ranges = {each.store_id: (each.rank_from, each.rank_to) for each in found.ranks}
    rng = np.random.default_rng(0)
    for _ in range(20):
        truths = [low + width * rng.random() for low, width in sides]
        for i, own in enumerate(truths):
            place = 1 + sum(other > own for other in truths)
            assert ranges[str(i)][0] <= place <= ranges[str(i)][1]


def test_thirty_stores_have_no_joint_level_and_the_greatest_and_least_are_told_apart() -> None:
    found = rank([(f"s{i:02d}", result(i * 5, i * 5 - 9, i * 5 + 9)) for i in range(30)])
    assert found.joint_level is None
    ends = {each.store_id: (each.rank_from, each.rank_to) for each in found.ranks}
    assert (ends["s29"], ends["s00"]) == ((1, 4), (27, 30))
