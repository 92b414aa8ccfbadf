"""Which stored buckets answer for which time of a series, and where its readings must: pure arithmetic in µs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

HOUR_US = 3_600_000_000
BLOCK_US = 8 * HOUR_US
WIDTHS_US = {"480m": BLOCK_US, "60m": HOUR_US, "15m": HOUR_US // 4}
"""Widths of stored buckets, widest first; buckets begin at their multiples since 1970."""
READINGS = "readings"
"""Stands for the readings themselves, beside the widths."""
Stretch = tuple[str, int, int]
"""A width or ``READINGS``, and the half-open time that it answers for."""


def widest(bounds_us: NDArray[np.int64]) -> str:
    """Return the widest buckets of which none lies across a bound.

    Examples
    --------
    >>> widest(np.array([0, 24, 47]) * HOUR_US)
    '60m'
    """
    return next((name for name, width in WIDTHS_US.items() if not np.any(bounds_us % width)), READINGS)


def stretches(
    width: str, start_us: int, end_us: int, right_until_us: int, touched_hours_us: Iterable[int]
) -> list[Stretch]:
    """Cut [start, end), which no bucket of the width lies across, into the parts that one source answers for.

    Parameters
    ----------
    right_until_us
        End of what buckets are computed of, a whole hour.
    touched_hours_us
        Starts of the hours whose buckets lack something.

    Examples
    --------
    >>> stretches("60m", 0, 4 * HOUR_US, 3 * HOUR_US, [HOUR_US]) == [
    ...     ("60m", 0, HOUR_US), ("readings", HOUR_US, 2 * HOUR_US), ("60m", 2 * HOUR_US, 3 * HOUR_US),
    ...     ("readings", 3 * HOUR_US, 4 * HOUR_US)]
    True
    """
    if width == READINGS:
        return [(READINGS, start_us, end_us)]
    found: list[Stretch] = []
    at = start_us
    for hour in [*sorted(touched_hours_us), right_until_us]:
        lacking = max(at, min(hour, end_us))
        found += _of_buckets(width, at, lacking)
        at = max(at, min(hour + HOUR_US, end_us)) if hour < right_until_us else lacking
        if hour < right_until_us and lacking < at:
            found.append((READINGS, lacking, at))
    return _joined([*found, *([(READINGS, at, end_us)] if at < end_us else [])])


def _of_buckets(width: str, start_us: int, end_us: int) -> Iterator[Stretch]:
    """Yield the buckets of [start, end): whole blocks where they are wanted, with hours on either side."""
    if width != "480m":
        parts = [(width, start_us, end_us)]
    else:
        first, last = -(-start_us // BLOCK_US) * BLOCK_US, end_us // BLOCK_US * BLOCK_US
        whole = first < last
        parts = (
            [("60m", start_us, first), (width, first, last), ("60m", last, end_us)]
            if whole
            else [("60m", start_us, end_us)]
        )
    yield from (part for part in parts if part[1] < part[2])


def _joined(parts: Sequence[Stretch]) -> list[Stretch]:
    """Return stretches in order of time with neighbours of one source joined."""
    joined: list[Stretch] = []
    for part in parts:
        if joined and joined[-1][0] == part[0] and joined[-1][2] == part[1]:
            joined[-1] = (part[0], joined[-1][1], part[2])
        else:
            joined.append(part)
    return joined
