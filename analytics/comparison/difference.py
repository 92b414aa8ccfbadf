"""The difference and the ratio of two values, with bounds where both have them."""

from __future__ import annotations

from math import inf

from analytics.comparison.answer import Bounded, Difference
from analytics.evaluate import NO_RATIO
from analytics.results import Interval, Result

METHOD = (
    "interval arithmetic on both intervals; they hold at once with at least 1 - (a1 + a2), whatever the errors of the "
    "two windows have in common (Bonferroni)"
)


def difference_of(now: Result, before: Result) -> Difference:
    """Return now - before and (now - before) / before; None where a side has no value.

    Bounds are those of the true difference. With [l1, u1] now and [l0, u0] before: l1 - u0 to u1 - l0, and
    l1 / u0 - 1 to u1 / l0 - 1 where l0 > 0 and l1 >= 0. Two windows share their counters, and so their errors: nothing
    is taken to be independent. Levels 1 - a1 and 1 - a0 give 1 - a1 - a0; hard bounds have no a.

    Source: C. E. Bonferroni's inequality; R. E. Moore, Interval Analysis (1966), chapter 2.
    """
    if now.value is None or before.value is None:
        return Difference(difference=None, ratio=None)
    change = now.value - before.value
    absolute = Bounded(value=change, interval=_between(now.interval, before.interval))
    if before.value == 0 or now.unit in NO_RATIO:
        return Difference(difference=absolute, ratio=None)
    relative = Bounded(value=change / before.value, interval=_relative(now.interval, before.interval))
    return Difference(difference=absolute, ratio=relative)


def _between(now: Interval | None, before: Interval | None) -> Interval | None:
    if now is None or before is None:
        return None
    return _interval(now.low - before.high, now.high - before.low, now, before)


def _relative(now: Interval | None, before: Interval | None) -> Interval | None:
    if now is None or before is None or before.low <= 0 or now.low < 0:
        return None
    return _interval(now.low / before.high - 1, now.high / before.low - 1, now, before)


def _interval(low: float, high: float, now: Interval, before: Interval) -> Interval | None:
    level = joint_level([now.level, before.level])
    if level is not None and level <= 0:
        return None
    return Interval(low=low, high=high, level=level, method=METHOD) if -inf < low <= high < inf else None


def joint_level(levels: list[float | None]) -> float | None:
    """Return the level at which intervals hold at once at least (Bonferroni); None where all are hard bounds.

    Examples
    --------
    >>> joint_level([0.95, 0.95]), joint_level([0.95, None]), joint_level([None, None])
    (0.9, 0.95, None)
    """
    misses = [1 - level for level in levels if level is not None]
    return round(max(0.0, 1 - sum(misses)), 12) if misses else None
