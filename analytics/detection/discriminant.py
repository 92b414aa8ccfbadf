"""Whether a room is occupied, told from its air and light: Fisher's linear discriminant of labelled readings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics.spans import Bool, Float64


@dataclass(frozen=True, slots=True, eq=False)
class Discriminant:
    """A direction in the space of the sensors, and the value along it above which the room is taken for occupied."""

    weight: Float64
    threshold: float

    def occupied(self, sensors: Float64) -> Bool:
        """Return for each row of sensors (n × k, units as trained) whether the room is taken for occupied."""
        return sensors @ self.weight > self.threshold


def trained(sensors: Float64, occupied: Bool) -> Discriminant:
    """Return the linear discriminant of labelled readings.

    Parameters
    ----------
    sensors
        float64, n × k: one row a reading, one column a sensor, in any units.
    occupied
        Truth of each row; both must occur.

    Returns
    -------
    Discriminant
        Of the same units.

    Raises
    ------
    ValueError
        When only one of occupied and empty occurs: there is nothing to tell apart.

    Notes
    -----
    w = S⁻¹ (m1 - m0), S the pooled covariance; threshold w·(m1 + m0)/2 - log(n1/n0): linear discriminant analysis with
    the classes' shares as their prior (Fisher 1936; Hastie, Tibshirani and Friedman, section 4.3). Sensors that say the
    same are shared out by the pseudo-inverse.

    Examples
    --------
    >>> light = np.array([[0.0], [10.0], [20.0], [400.0], [410.0], [420.0]])
    >>> trained(light, light[:, 0] > 100).occupied(np.array([[5.0], [390.0]])).tolist()
    [False, True]
    """
    if occupied.all() or not occupied.any():
        msg = "the readings to learn from are all occupied or all empty; give some of both"
        raise ValueError(msg)
    scale = sensors.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    unit = sensors / scale
    means = [unit[occupied == side].mean(axis=0) for side in (False, True)]
    around = unit - np.where(occupied[:, None], means[1], means[0])
    pooled = around.T @ around / max(len(unit) - 2, 1)
    weight = np.linalg.pinv(pooled, hermitian=True) @ (means[1] - means[0])
    prior = float(np.log(occupied.sum() / (~occupied).sum()))
    threshold = float(weight @ (means[0] + means[1]) / 2 - prior)
    return Discriminant(weight / scale, threshold)
