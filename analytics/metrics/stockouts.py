"""Empty and low shelf positions: how many spells, how long they last, and how soon they are filled again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analytics.metrics.completeness import covered
from analytics.metrics.inputs import Inputs, Outcome, bounded
from analytics.metrics.spans import Float64, Int64, Spans
from analytics.metrics.spells import Spells, Switching, spells
from analytics.metrics.survival import kaplan_meier, quantile_outcome
from analytics.windows import MINUTE_US

_SHORTEST, _LOW, _RESTORED = "shelves.shortest_spell", "shelves.low_share", "shelves.restored_share"


@dataclass(frozen=True, slots=True)
class SpellCount:
    """Spells that began in the time judged and lasted long enough: as read, surely, and at most (None: no bound)."""

    counted: int
    least: int
    most: int | None


def empty_spells(t_us: Int64, stock_units: Float64, period_us: int, opening: Spans) -> Spells:
    """Return the spells in which a position was empty in opening hours.

    Parameters
    ----------
    t_us
        int64 µs, sorted.
    stock_units
        Units on the shelf at t.
    period_us
        Sampling period in µs.
    opening
        Opening hours: a spell that is open at close goes on unseen from there.

    Examples
    --------
    >>> empty_spells(np.arange(4) * 60, np.array([1.0, 0.0, 0.0, 2.0]), 60, Spans.of([(0, 240)])).end_us.tolist()
    [180]
    """
    empty = stock_units < 1
    return spells(Switching(t_us, empty, ~empty), period_us, opening)


def low_spells(t_us: Int64, stock_units: Float64, period_us: int, wanted: Spans, shares: tuple[float, float]) -> Spells:
    """Return the spells from when a position is low until it is restored.

    Parameters
    ----------
    t_us, stock_units, period_us
        As for ``empty_spells``.
    wanted
        Time to judge, closed hours included: shelves are filled then, too.
    shares
        Low at or under the first, restored at or above the second, as shares of the largest stock read here. Between
        them (hysteresis) nothing changes, so that a unit put back does not end a spell.

    Examples
    --------
    >>> stock = np.array([10.0, 2.0, 5.0, 2.0, 9.0])
    >>> low_spells(np.arange(5) * 60, stock, 60, Spans.of([(0, 300)]), (0.2, 0.6)).start_us.tolist()
    [60]
    """
    full = stock_units.max(initial=0.0)
    low, restored = stock_units <= shares[0] * full, (stock_units >= shares[1] * full) & (full > 0)
    return spells(Switching(t_us, low, restored), period_us, wanted)


def count_spells(found: Spells, least_us: int, wanted: Spans, seen: Spans, period_us: int) -> SpellCount:
    """Return how many spells began in the time judged and lasted for at least ``least_us``.

    Parameters
    ----------
    found
        Spells, of one position.
    least_us
        Shorter ones are flicker and don't count, in µs.
    wanted, seen
        Time to judge, and the time that readings cover.
    period_us
        Sampling period in µs.

    Notes
    -----
    A change is known to one period. A time without readings may have held as many spells as fit into it, and the
    beginning of one more. No bound where a spell fits between two readings.

    Examples
    --------
    >>> empty = np.array([0.0, 1, 1, 1, 0, 1, 0]) > 0
    >>> found = spells(Switching(np.arange(7) * 60, empty, ~empty), 60, Spans.of([(0, 420)]))
    >>> whole = Spans.of([(0, 420)])
    >>> count_spells(found, 120, whole, whole, 60)
    SpellCount(counted=1, least=1, most=2)
    """
    began, unseen = found.began, wanted.without(seen)
    within = wanted.measure(found.maybe_from_us, found.start_us) == found.start_us - found.maybe_from_us
    counted = began & (found.end_us - found.start_us >= least_us)
    surely = began & within & (found.surely_until_us - found.start_us >= least_us)
    possibly = began & ((found.end_us - found.maybe_from_us >= least_us) | found.lost)
    hidden = int(((unseen.end - unseen.start + 2 * period_us) // least_us + 1).sum())
    most = int(possibly.sum()) + hidden
    return SpellCount(int(counted.sum()), int(surely.sum()), most if period_us < least_us else None)


def measure_spells(inputs: Inputs) -> Outcome:
    """Return the number of out-of-stock spells; detail: spells_open, already_empty, flickers."""
    if _SHORTEST not in inputs.limits:
        return Outcome(None, undefined="no_limit_in_force")
    least_us = _shortest_us(inputs)
    counts, every = [], []
    for t_us, stock, period_us, due in _rows(inputs):
        found = empty_spells(t_us, stock, period_us, due)
        counts.append(count_spells(found, least_us, due, covered(t_us, period_us), period_us))
        every.append(found)
    value = sum(each.counted for each in counts)
    most = [each.most for each in counts if each.most is not None]
    high = sum(most) if len(most) == len(counts) else np.inf
    ground = "each change is known to one period; spells that fit into missing time"
    bounds = bounded(sum(each.least for each in counts), high, None, ground)
    return Outcome(value, bounds, _spell_detail(Spells.joined(every), least_us))


def measure_duration(inputs: Inputs) -> Outcome:
    """Return the median minutes of an out-of-stock spell; detail: spells, spells_open, already_empty, flickers."""
    if _SHORTEST not in inputs.limits:
        return Outcome(None, undefined="no_limit_in_force")
    least_us = _shortest_us(inputs)
    found = Spells.joined(empty_spells(*rows) for rows in _rows(inputs))
    long = found.where(found.began & (found.end_us - found.start_us >= least_us))
    detail = {"spells": long.began.size, **_spell_detail(found, least_us)}
    if long.began.size == 0:
        return Outcome(None, detail=detail, undefined="no_spell")
    return quantile_outcome(kaplan_meier((long.end_us - long.start_us) / MINUTE_US, long.ended), 0.5, detail)


def measure_latency(inputs: Inputs) -> Outcome:
    """Return the median minutes of opening hours from low to restored; detail: spells, spells_open, already_low."""
    if not {_LOW, _RESTORED} <= set(inputs.limits):
        return Outcome(None, undefined="no_limit_in_force")
    shares = inputs.limits[_LOW], inputs.limits[_RESTORED]
    found = Spells.joined(low_spells(*rows, shares) for rows in _rows(inputs))
    open_us = inputs.opening.measure(found.start_us, found.end_us)
    told = found.began & (open_us > 0)
    detail = {
        "spells": int(told.sum()),
        "spells_open": int((told & ~found.ended).sum()),
        "already_low": int((~found.began).sum()),
    }
    if not told.any():
        return Outcome(None, detail=detail, undefined="no_spell")
    return quantile_outcome(kaplan_meier(open_us[told] / MINUTE_US, found.ended[told]), 0.5, detail)


def _shortest_us(inputs: Inputs) -> int:
    return round(inputs.limits[_SHORTEST] * MINUTE_US)


def _rows(inputs: Inputs) -> Iterator[tuple[Int64, Float64, int, Spans]]:
    """Yield (t_us, units, period_us, time to judge) of each position, definition by definition."""
    return (rows for series in inputs.of("stock_units") for rows in series.spells(inputs.wanted))


def _spell_detail(found: Spells, least_us: int) -> dict[str, int]:
    short = found.began & (found.end_us - found.start_us < least_us)
    return {
        "spells_open": int((found.began & ~found.ended & ~short).sum()),
        "already_empty": int((~found.began).sum()),
        "flickers": int((short & found.ended).sum()),
    }
