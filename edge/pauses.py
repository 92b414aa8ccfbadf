"""How long to wait before trying again."""

from __future__ import annotations

from random import Random


def full_jitter(failures: int, random: Random, first_s: float, longest_s: float) -> float:
    """Return the pause, in seconds, after so many failures in a row: exponential, capped, anywhere down to zero.

    Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    Examples
    --------
    >>> 0 <= full_jitter(3, Random(1), 1.0, 60.0) <= 4
    True
    """
    return random.uniform(0, min(longest_s, first_s * 2.0 ** min(failures - 1, 30)))
