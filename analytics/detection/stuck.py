"""Sensors that stand still: the same value again and again, for longer than a living one holds it."""

from __future__ import annotations

import numpy as np

from analytics.metrics.spans import Float64, Int64, Spans


def stuck(t_us: Int64, value: Float64, least_us: int, longest_step_us: int, least_readings: int = 6) -> Spans:
    """Return the time in which a sensor repeated one value for at least ``least_us``.

    Parameters
    ----------
    t_us, value
        int64 µs, ascending, and float64.
    least_us
        Shortest time of a standstill, in µs.
    longest_step_us
        Longest time between two readings that belong together: what was not heard did not stand still.
    least_readings
        Fewest equal readings of a standstill.

    Returns
    -------
    Spans
        From the first to the last of the equal readings. What is not a number ends a standstill.

    Notes
    -----
    A flat line test, as the QARTOD manual for in-situ data names it (U.S. IOOS 2020, test 8), with equality in place of
    its tolerance: a digital sensor that is stuck repeats its value to the bit, and one in noise does not.

    Examples
    --------
    >>> t = np.arange(8) * 10
    >>> stuck(t, np.array([1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 4.0]), 30, 10, least_readings=3).pairs()
    [(10, 40)]
    """
    if t_us.size == 0:
        return Spans.of([])
    step = (value[1:] == value[:-1]) & (np.diff(t_us) <= longest_step_us)  # the difference of two infinities is none
    first = np.flatnonzero(np.concatenate(([True], ~step)))
    last = np.concatenate((first[1:] - 1, [t_us.size - 1]))
    long = (t_us[last] - t_us[first] >= max(least_us, 1)) & (last - first + 1 >= least_readings)
    return Spans.union(t_us[first[long]], t_us[last[long]])
