"""A device's own total against the sum of the increments that it reported beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics.counts import Slots
from analytics.metrics.spans import Float64, Int64


@dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """By stretch between two readings of the total: its growth less the increments, int64; positive: counts are lost.

    ``start_us`` and ``end_us`` bound the stretch.
    """

    start_us: Int64
    end_us: Int64
    missing: Int64


def differences(total: Slots, increments: Slots, bounds_us: Int64) -> Differences:
    """Return where a total and the increments do not agree, window by window.

    Parameters
    ----------
    total
        Growth of the device's own total between its readings (``counts.register_slots``).
    increments
        What the same device reported as counts.
    bounds_us
        Bounds of the windows in µs, ascending, such as local midnights; the last ends the last window.

    Returns
    -------
    Differences
        The windows that disagree. A window is compared as far as both cover it: from the first reading of the total at
        or after its start to the last before its end, with the increments that lie within. A window in which the total
        returned to zero is left out: what it counted before that is not known.

    Notes
    -----
    Whole persons: the difference is exact, and any but 0 is a fault of device, decoder or line.

    Examples
    --------
    >>> def slots(start, amount):
    ...     start = np.array(start)
    ...     return Slots(start, start + 10, np.array(amount, dtype=float), np.zeros(start.size, dtype=bool))
    >>> differences(slots([0, 10], [4, 3]), slots([0, 10], [4, 1]), np.array([0, 20])).missing.tolist()
    [2]
    """
    found: list[tuple[int, int, int]] = []
    for start, end in zip(bounds_us[:-1].tolist(), bounds_us[1:].tolist(), strict=True):
        own = total.where((total.start_us >= start) & (total.end_us <= end))
        if own.start_us.size == 0 or own.reset.any():
            continue
        first, last = int(own.start_us.min()), int(own.end_us.max())
        inside = increments.where((increments.start_us >= first) & (increments.end_us <= last))
        missing = _whole(own.amount) - _whole(inside.amount)
        if missing:
            found.append((first, last, missing))
    table = np.array(found, dtype=np.int64).reshape(-1, 3)
    return Differences(table[:, 0], table[:, 1], table[:, 2])


def _whole(amount: Float64) -> int:
    return int(np.rint(amount[np.isfinite(amount)].sum()))
