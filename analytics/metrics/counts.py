"""From what counters report to slots of time with a count or amount each: intervals, events, registers' increments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics.spans import Bool, Float64, Int64
from edge.wire.series import Counter, Reset

WRAP_DIVISOR = 64
"""Where a register may wrap and reset, a drop is a wrap if that makes an increment of at most 1/64 of its range."""
CLOCK_TOLERANCE_US = 300_000_000
"""How far the midnight of a device's clock may be from the true one, as decoders allow it by default, in µs."""


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Amounts over half-open slots [start, end) in µs, in order of time."""

    start_us: Int64
    end_us: Int64
    amount: Float64
    reset: Bool
    """True where the register returned to zero within the slot: what it counted before that is lost."""

    def within(self, start_us: int, end_us: int) -> Slots:
        """Return the slots that begin in [start, end): each slot is in exactly one of two adjacent windows."""
        return self.where((self.start_us >= start_us) & (self.start_us < end_us))

    def where(self, keep: Bool | slice) -> Slots:
        """Return the slots where ``keep`` is true, or of a slice."""
        if not isinstance(keep, slice) and keep.all():
            return self
        return Slots(self.start_us[keep], self.end_us[keep], self.amount[keep], self.reset[keep])

    def whole(self) -> Int64:
        """Return the amounts as whole counts (int64)."""
        return np.rint(self.amount).astype(np.int64)


def joined(parts: list[Slots]) -> Slots:
    """Return the slots of several series as one, in order of their ends."""
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Slots(none, none, np.zeros(0), np.zeros(0, dtype=np.bool_))
    if len(parts) == 1 and np.all(parts[0].end_us[1:] >= parts[0].end_us[:-1]):
        return parts[0]
    end = np.concatenate([p.end_us for p in parts])
    order = np.argsort(end, kind="stable")
    start, amount, reset = (np.concatenate([getattr(p, n) for p in parts]) for n in ("start_us", "amount", "reset"))
    return Slots(start[order], end[order], amount[order], reset[order])


def interval_slots(t_us: Int64, value: Float64, period_us: int) -> Slots:
    """Return the slots of an interval series: [t, t + period) with its count.

    Examples
    --------
    >>> interval_slots(np.array([0, 300]), np.array([4.0, 0.0]), 300).end_us.tolist()
    [300, 600]
    """
    return Slots(t_us, t_us + period_us, value, np.zeros(t_us.size, dtype=np.bool_))


def event_slots(t_us: Int64, value: Float64) -> Slots:
    """Return single events as slots without length, each in the window in which it happened.

    Examples
    --------
    >>> event_slots(np.array([5, 5, 90]), np.array([1.0, 1.0, 1.0])).within(0, 90).whole().sum()
    np.int64(2)
    """
    return Slots(t_us, t_us, value, np.zeros(t_us.size, dtype=np.bool_))


def largest(slots: Slots, period_us: int) -> int:
    """Return the largest count of a period: of a slot of ordinary length, or of the events in one; 0 where none is.

    Examples
    --------
    >>> largest(event_slots(np.array([1, 8, 12]), np.array([1.0, 1.0, 1.0])), 10)
    2
    """
    length = slots.end_us - slots.start_us
    greatest = slots.amount.max(initial=0.0, where=(length > 0) & (length <= 2 * period_us))
    single = length == 0
    if single.any():
        of_period = np.unique(slots.start_us[single] // period_us, return_inverse=True)[1]
        greatest = max(greatest, np.bincount(of_period, weights=slots.amount[single]).max())
    return int(np.rint(greatest))


def register_slots(t_us: Int64, value: Float64, counter: Counter, midnights_us: Int64) -> Slots:
    """Return the increments of a cumulative register between consecutive readings.

    Parameters
    ----------
    t_us, value
        Readings in order of time: int64 µs and float64 register values.
    counter
        Width in bits (None: it doesn't wrap) and reset rule.
    midnights_us
        Instants at which a register with reset rule ``midnight`` starts again, sorted, µs.

    Returns
    -------
    Slots
        One fewer than readings: nothing is known before the first.

    Notes
    -----
    Increment c_k - c_(k-1); on a drop, a reset gives c_k and a wrap c_k - c_(k-1) + 2^w steps. A register that can't
    wrap resets, one that never resets wraps; where both may be, see ``WRAP_DIVISOR``. A register of rule ``midnight``
    gives c_k across a midnight even without a drop, unless the drop is seen right before or after it: a device's clock
    may be off by ``CLOCK_TOLERANCE_US``, and it resets once a midnight. Any other reset is seen by its drop alone:
    where a register has grown past the reading before by the time of the next one, what it lost can't be known. A fall
    of a register that neither wraps nor resets is taken as a reset. Sources: Prometheus' ``increase`` for resets;
    makers' payload documents for widths.

    Examples
    --------
    >>> counter = Counter(width_bits=16, reset=Reset.POWER_ON)
    >>> register_slots(np.array([0, 1, 2]), np.array([65530.0, 4.0, 1.0]), counter, np.array([], dtype=np.int64)).amount
    array([10.,  1.])
    """
    before, after = value[:-1], value[1:]
    change = after - before
    dropped = change < 0
    turn = counter.turn or 0.0
    wrapped = dropped & (turn > 0) & ((counter.reset is Reset.NEVER) | (change + turn <= turn / WRAP_DIVISOR))
    reset = dropped & ~wrapped
    if counter.reset is Reset.MIDNIGHT:
        crossed = _unseen_midnights(t_us, reset, midnights_us)
        reset, wrapped = reset | crossed, wrapped & ~crossed
    amount = np.where(reset, after, np.where(wrapped, change + turn, change))
    return Slots(t_us[:-1], t_us[1:], amount.astype(np.float64), reset)


def _unseen_midnights(t_us: Int64, reset: Bool, midnights_us: Int64) -> Bool:
    """Return for each pair of readings whether midnights lie between them whose reset no drop nearby shows."""
    # A reading at midnight itself may stand before or after the reset: it belongs to the day it ends.
    passed = np.searchsorted(midnights_us, t_us, side="left")
    crossings = np.flatnonzero(np.diff(passed) > 0)
    midnight = midnights_us[passed[crossings + 1] - 1]
    ends, starts = t_us[1:][reset], t_us[:-1][reset]
    early = np.searchsorted(ends, midnight, "right") - np.searchsorted(ends, midnight - CLOCK_TOLERANCE_US, "right")
    late = np.searchsorted(starts, midnight + CLOCK_TOLERANCE_US) - np.searchsorted(starts, midnight)
    seen = (early + late > 0) & (np.diff(passed)[crossings] == 1)
    unseen = np.zeros(reset.size, dtype=np.bool_)
    unseen[crossings[~seen]] = True
    return unseen


def shares(slots: Slots, start_us: int, end_us: int) -> Float64:
    """Return the share of each slot's length that lies in [start, end), from 0 to 1; an instant is in or out."""
    length = slots.end_us - slots.start_us
    inside = np.maximum(np.minimum(slots.end_us, end_us) - np.maximum(slots.start_us, start_us), 0)
    instant = (slots.start_us >= start_us) & (slots.start_us < end_us)
    return np.where(length > 0, inside / np.maximum(length, 1), instant)
