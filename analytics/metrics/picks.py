"""Units taken from shelves and put on them, from the steps of their stock."""

from __future__ import annotations

import numpy as np

from analytics.metrics.inputs import Inputs, Outcome
from analytics.metrics.spans import Float64, Int64, Spans


def steps(t_us: Int64, stock_units: Float64, wanted: Spans) -> tuple[int, int]:
    """Return (units taken, units put on) within the wanted time.

    Parameters
    ----------
    t_us
        int64 µs, sorted.
    stock_units
        Units on the shelf at t, whole up to rounding.
    wanted
        Time to judge: a step counts where the reading that shows it is in it.

    Returns
    -------
    tuple of int
        Units, each at least 0.

    Notes
    -----
    The sums of the falls and of the rises between successive readings, gaps included. What was taken and put on between
    two readings cancels, so that each is the least that there was. Source: zeitlos, picks by the sign of a step.

    Examples
    --------
    >>> steps(np.array([0, 60, 120, 180]), np.array([5.0, 3.0, 4.0, 0.0]), Spans.of([(0, 180)]))
    (2, 1)
    """
    change = np.diff(np.rint(stock_units).astype(np.int64))[wanted.contains(t_us[1:])]
    return int(-change[change < 0].sum()), int(change[change > 0].sum())


def measure_taken(inputs: Inputs) -> Outcome:
    """Return the units taken from all instrumented positions."""
    return Outcome(_both(inputs)[0])


def measure_put_on(inputs: Inputs) -> Outcome:
    """Return the units put on all instrumented positions."""
    return Outcome(_both(inputs)[1])


def _both(inputs: Inputs) -> tuple[int, int]:
    found = [
        steps(t_us, stock, due)
        for series in inputs.of("stock_units")
        for t_us, stock, _, due in series.spells(inputs.wanted)
    ]
    return sum(taken for taken, _ in found), sum(put_on for _, put_on in found)
