"""Robust z: how far a value lies from the median of its like, in scales that outliers do not stretch."""

from __future__ import annotations

import numpy as np

from analytics.detection.like_slots import members
from analytics.metrics.spans import Float64, Int64

FLAG_ABOVE = 3.5
"""Modified z beyond which a value is taken for an outlier (Iglewicz and Hoaglin 1993)."""
_OF_MEDIAN_DEVIATION = 1.482602218505602
"""1 / the upper quartile of the normal distribution."""
_OF_MEAN_DEVIATION = 1.2533141373155001
"""The square root of half of pi: what a normal distribution's mean absolute deviation is to be multiplied by."""


def robust_z(value: Float64, group: Int64, least_members: int = 4, least_scale: float = 0.0) -> Float64:
    """Return the robust z of each value among the values of its group.

    Parameters
    ----------
    value
        float64; what is not finite has no z and counts for nothing.
    group
        int64, equal where values are alike (``like_slots.like_groups``).
    least_members
        A group of fewer finite values gives none.
    least_scale
        Smallest scale, in the unit of the values: a device's resolution, under which a difference is none.

    Returns
    -------
    Float64
        z, of the same length; NaN where none can be said. 0 where all of a group are equal.

    Notes
    -----
    z = (x - median) / (1.4826 MAD), MAD the median absolute deviation; so z = 0.6745 (x - median) / MAD. Where MAD is 0
    (more than half of the values are equal, as when a shop is shut), the scale is 1.2533 times the mean absolute
    deviation. Source: Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993; the second
    scale makes the mean absolute deviation that of a normal distribution, as 1.4826 does with the median one.

    Examples
    --------
    >>> robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0]), np.zeros(5, dtype=np.int64)).round(4).tolist()
    [-1.349, -0.6745, 0.0, 0.6745, 65.4255]
    """
    z = np.full(value.size, np.nan)
    finite = np.isfinite(value)
    for places in members(group):
        kept = places[finite[places]]
        if kept.size >= least_members:
            z[kept] = _of_group(value[kept], least_scale)
    return z


def _of_group(value: Float64, least_scale: float) -> Float64:
    # Halved, so that no difference of two finite values is infinite.
    apart = value / 2 - np.median(value / 2)
    largest = np.abs(apart).max()
    if largest == 0:
        return np.zeros(value.size)
    unit: Float64 = apart / largest
    scale = _OF_MEDIAN_DEVIATION * np.median(np.abs(unit))
    if scale == 0:
        scale = _OF_MEAN_DEVIATION * np.mean(np.abs(unit))
    z: Float64 = unit / max(float(scale), least_scale / 2 / float(largest))
    return z
