"""Areas under polylines: levels that run straight from knot to knot."""

from __future__ import annotations

import numpy as np

from analytics.metrics.spans import Float64, Int64, Spans


def integral(at: Int64, value: Float64, spans: Spans) -> float:
    """Return the integral of a polyline over some time, in its unit times µs.

    Parameters
    ----------
    at
        int64 (knots,) µs, at least two, never falling; between two knots at one instant the level jumps.
    value
        float64 (knots,), the levels at the knots.
    spans
        Time over which to integrate, within the first and the last knot.

    Examples
    --------
    >>> integral(np.array([0, 10, 10, 20]), np.array([0.0, 4.0, 6.0, 6.0]), Spans.of([(5, 15)]))
    45.0
    """
    return float((_upto(at, value, spans.end) - _upto(at, value, spans.start)).sum())


def _upto(at: Int64, value: Float64, instant: Int64) -> Float64:
    """Return the integral from the first knot to each instant."""
    width = np.diff(at).astype(np.float64)
    whole = np.concatenate([[0.0], np.cumsum(width * (value[1:] + value[:-1]) / 2)])
    knot = np.clip(np.searchsorted(at, instant, side="right") - 1, 0, width.size - 1)
    beyond = (instant - at[knot]).astype(np.float64)
    slope = np.divide(np.diff(value), width, out=np.zeros(width.size), where=width > 0)
    return np.asarray(whole[knot] + beyond * (value[knot] + slope[knot] * beyond / 2), dtype=np.float64)
