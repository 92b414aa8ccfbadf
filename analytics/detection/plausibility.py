"""Values that can't be: outside of what a quantity can take, or a step that it can't make in the time."""

from __future__ import annotations

import numpy as np

from analytics.metrics.spans import Bool, Float64, Int64


def out_of_range(value: Float64, least: float | Float64, most: float | Float64) -> Bool:
    """Return for each value whether it lies outside [least, most]; what is not a number does.

    Notes
    -----
    The gross range test of the QARTOD manual (U.S. IOOS 2020, test 4).

    Examples
    --------
    >>> out_of_range(np.array([-1.0, 0.0, 100.0, np.nan]), 0.0, 100.0).tolist()
    [True, False, False, True]
    """
    return ~((value >= least) & (value <= most))


def implausible_steps(t_us: Int64, value: Float64, most_per_s: float, resolution: float = 0.0) -> Bool:
    """Return for each reading whether the step from the one before it is faster than the quantity can change.

    Parameters
    ----------
    t_us, value
        int64 µs, ascending, and float64.
    most_per_s
        Fastest change, in units of the value a second.
    resolution
        Step that the device itself rounds to, in units of the value: it is never too fast.

    Returns
    -------
    Bool
        False for the first reading, for one at the same instant as the one before it, and beside what is not finite.

    Notes
    -----
    The rate of change test of the QARTOD manual (U.S. IOOS 2020, test 7).

    Examples
    --------
    >>> t = np.array([0, 60_000_000, 120_000_000])
    >>> implausible_steps(t, np.array([4.0, 4.5, 30.0]), most_per_s=0.1).tolist()
    [False, False, True]
    """
    found = np.zeros(value.size, dtype=np.bool_)
    if value.size > 1:
        elapsed_s = np.diff(t_us) / 1e6
        # Halved, so that no difference of two finite values is infinite.
        step = np.abs(np.diff(np.where(np.isfinite(value), value, np.nan) / 2))
        found[1:] = (elapsed_s > 0) & (step > (most_per_s * elapsed_s + resolution) / 2)
    return found
