"""The discriminant against the closed form of two normal classes, and on what can't be learned from."""

import numpy as np
import pytest

from analytics.detection.discriminant import trained


def test_it_decides_as_the_ratio_of_two_normal_densities_does() -> None:
    rng = np.random.default_rng(2)
    occupied = rng.random(4_000) < 0.3
    covariance = np.array([[4.0, 1.5, 0.0], [1.5, 9.0, -2.0], [0.0, -2.0, 100.0]])
    rows = rng.multivariate_normal(np.zeros(3), covariance, 4_000) + np.where(occupied[:, None], [3.0, -2.0, 15.0], 0.0)
    told = trained(rows, occupied).occupied(rows)
    means = [rows[occupied == side].mean(axis=0) for side in (False, True)]
    pooled = sum((rows[occupied == side] - means[side]).T @ (rows[occupied == side] - means[side]) for side in (0, 1))
    inverse = np.linalg.inv(pooled / (len(rows) - 2))
    shares = (~occupied).mean(), occupied.mean()
    scores = [
        -0.5 * np.einsum("ij,jk,ik->i", rows - means[side], inverse, rows - means[side]) + np.log(shares[side])
        for side in (0, 1)
    ]
    assert told.tolist() == (scores[1] > scores[0]).tolist()


def test_a_sensor_that_stands_still_or_repeats_another_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    light = np.concatenate((rng.normal(50, 20, 100), rng.normal(400, 50, 100)))
    occupied = np.repeat([False, True], 100)
    alone = trained(light[:, None], occupied).occupied(light[:, None])
    several = np.column_stack((light, np.full(200, 3.0), light * 2))
    assert trained(several, occupied).occupied(several).tolist() == alone.tolist()


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="some of both"):
        trained(np.ones((3, 1)), np.array([True, True, True]))
