"""Spells in which equipment is off, so long and far apart that whoever looks every few minutes sees each."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from edge.simulator.local_day import HOUR_US, MINUTE_US

Spell = tuple[int, int]
_SHORTEST_US, _LONGEST_US = 8 * MINUTE_US, 40 * MINUTE_US


def spells_off(start_us: int, end_us: int, per_day: float, rng: Random) -> list[Spell]:
    """Return spells [from, until) within a time, in order: at most one an hour, on average ``per_day``."""
    hours = range(start_us, end_us - HOUR_US + 1, HOUR_US)
    found = []
    for hour_us in hours:
        begins, happens, length = rng.random(), rng.random() < per_day / len(hours), rng.random()
        if happens:
            at_us = hour_us + round(begins * 10 * MINUTE_US)
            found.append((at_us, at_us + _SHORTEST_US + round(length * (_LONGEST_US - _SHORTEST_US))))
    return found


def is_in(spells: Sequence[Spell], t_us: int) -> bool:
    """Tell whether an instant lies in one of some spells."""
    return any(begin <= t_us < end for begin, end in spells)


def length_within(spells: Sequence[Spell], start_us: int, end_us: int) -> int:
    """Return how much of a window lies in some spells, in µs."""
    return sum(max(min(end, end_us) - max(begin, start_us), 0) for begin, end in spells)
