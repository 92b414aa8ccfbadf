"""Robust z against scipy, and where its scale vanishes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analytics.detection.robust_z import robust_z

VALUES = st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), max_size=40)


def one_group(value: list[float], least_scale: float = 0.0) -> list[float]:
    group = np.zeros(len(value), dtype=np.int64)
    return [float(z) for z in robust_z(np.array(value, dtype=np.float64), group, least_scale=least_scale)]


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=60))
def test_it_is_the_distance_from_the_median_in_scaled_median_deviations(value: list[float]) -> None:
    scale = float(stats.median_abs_deviation(np.array(value), scale="normal"))
    if scale > 1e-6:
        wanted = (np.array(value) - np.median(value)) / scale
        assert one_group(value) == pytest.approx(wanted.tolist(), rel=1e-6, abs=1e-6)


def test_where_more_than_half_are_equal_the_mean_deviation_is_the_scale() -> None:
    value = [0.0] * 9 + [5.0]
    assert one_group(value)[-1] == pytest.approx(5.0 / (1.2533141373155001 * 0.5))
    assert one_group(value, least_scale=10.0)[-1] == pytest.approx(0.5)


def test_groups_do_not_know_of_each_other_and_a_small_one_gives_none() -> None:
    value = np.array([1.0, 2.0, 3.0, 4.0, 100.0, 200.0])
    z = robust_z(value, np.array([0, 0, 0, 0, 1, 1]))
    assert z[:4].tolist() == one_group([1.0, 2.0, 3.0, 4.0])
    assert np.isnan(z[4:]).all()


@given(VALUES)
def test_whatever_comes_in_finite_values_get_a_finite_z_or_none(value: list[float]) -> None:
    z = one_group(value)
    finite = np.isfinite(value)
    assert len(z) == len(value)
    assert np.isnan(z)[~finite].all()
    assert not np.isinf(z).any()
    assert np.isnan(z)[finite].all() if finite.sum() < 4 else not np.isnan(z)[finite].any()


def test_all_equal_and_empty() -> None:
    assert one_group([7.0] * 5) == [0.0] * 5
    assert one_group([]) == []
