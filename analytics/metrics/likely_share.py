"""Where a share of time that is only looked at now and then probably lies, beside its hard bounds.

Sources: D. R. Cox and H. D. Miller, The Theory of Stochastic Processes, 1965, section 4.5 (the two-state process and
its transition probabilities). That a change falls anywhere between two regular looks alike is the usual rounding error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.metrics.completeness import SLACK, holds_us
from analytics.metrics.holding import Judged, TimeShare
from analytics.metrics.intervals import quantile
from analytics.metrics.spans import Bool, Float64, Int64, Spans

_STEPS = 24
"""Points of a gap at which its chances are summed up."""
_GAPS_AT_ONCE = 4_000
_UNKNOWN = 2


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Readings of one state at regular looks, and the time that they answer for."""

    readings: Judged
    period_us: int
    wanted: Spans


@dataclass(frozen=True, slots=True)
class _Rates:
    """Changes per µs: from held to not, and back."""

    loses: float
    gains: float

    @property
    def held(self) -> float:
        return self.gains / (self.loses + self.gains)


def likely_share(looks: Sequence[Looks], whole: TimeShare, level: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of the true share over all the time wanted.

    Parameters
    ----------
    looks
        The series that ``whole`` is the sum of; a state counts as it was read (``held``).
    whole
        Their time held, with hard bounds.
    level
        Confidence level.

    Returns
    -------
    tuple of float or None
        (low, high), within the hard bounds; None where nothing was observed.

    Notes
    -----
    A change is anywhere alike between the two looks that show it: mean half their distance, variance a twelfth of its
    square. In a gap the state follows a two-state process whose rates are those of the changes seen (half a change
    more each), tied to the readings at the gap's ends; silence is taken to tell nothing about the state. Spells that
    begin and end between two looks are not seen.

    Examples
    --------
    >>> readings = Judged.certain(np.array([0, 60, 120, 180]), np.array([True, True, False, True]))
    >>> whole = TimeShare(held_us=180, low_us=60, high_us=240, observed_us=240, missing_us=0)
    >>> [round(end, 3) for end in likely_share([Looks(readings, 60, Spans.of([(0, 240)]))], whole)]
    [0.55, 0.95]
    """
    wanted_us = whole.observed_us + whole.missing_us
    if whole.observed_us == 0:
        return None
    moments = np.array([_changes(each) for each in looks]).sum(axis=0)
    if whole.missing_us:
        moments = moments + _gaps(looks, _rates(looks, whole))
    centre, half = (whole.held_us + moments[0]) / wanted_us, quantile(level) * float(np.sqrt(moments[1])) / wanted_us
    hard_low, hard_high = whole.bounds
    return float(np.clip(centre - half, hard_low, hard_high)), float(np.clip(centre + half, hard_low, hard_high))


def _steps(look: Looks) -> tuple[Int64, Bool]:
    """Return the steps from each reading to the next, and which of them are no gap."""
    step = np.diff(look.readings.t_us)
    return step, np.asarray(step <= SLACK * look.period_us, dtype=np.bool_)


def _changes(look: Looks) -> tuple[float, float]:
    """Return mean and variance (µs, µs²) of the time held beyond what was read, from the dating of changes."""
    t_us, said = look.readings.t_us, look.readings.held
    at = np.flatnonzero(_steps(look)[1] & (said[1:] != said[:-1]))
    length = look.wanted.measure(t_us[at], t_us[at + 1]).astype(np.float64)
    return float((np.where(said[at], -length, length) / 2).sum()), float((length**2 / 12).sum())


def _rates(looks: Sequence[Looks], whole: TimeShare) -> _Rates:
    lost = gained = 0
    for look in looks:
        said, near = look.readings.held, _steps(look)[1] & look.wanted.contains(look.readings.t_us[:-1])
        lost += int((near & said[:-1] & ~said[1:]).sum())
        gained += int((near & ~said[:-1] & said[1:]).sum())
    period_us = max(look.period_us for look in looks)
    not_held_us = whole.observed_us - whole.held_us
    return _Rates((lost + 0.5) / max(whole.held_us, period_us), (gained + 0.5) / max(not_held_us, period_us))


def _gaps(looks: Sequence[Looks], rates: _Rates) -> Float64:
    """Return mean and variance of the time held within all gaps."""
    parts = [_gaps_of(look) for look in looks]
    length, share, before, after = (np.concatenate(column) for column in zip(*parts, strict=True))
    total = np.zeros(2)
    for first in range(0, length.size, _GAPS_AT_ONCE):
        some = slice(first, first + _GAPS_AT_ONCE)
        mean, square = _bridge(length[some], before[some], after[some], rates)
        total += [(share[some] * mean).sum(), (share[some] ** 2 * np.maximum(square - mean**2, 0.0)).sum()]
    return total


def _gaps_of(look: Looks) -> tuple[Float64, Float64, Int64, Int64]:
    """Return of each gap its length (µs), the share of it that is wanted, and the states at its ends."""
    t_us, said = look.readings.t_us, look.readings.held.astype(np.int64)
    first, last = (int(look.wanted.start[0]), int(look.wanted.end[-1])) if look.wanted.start.size else (0, 0)
    start = np.concatenate([[first], t_us + holds_us(t_us, look.period_us)]) if t_us.size else np.array([first])
    end = np.concatenate([t_us, [max(last, int(start[-1]))]])
    before, after = np.concatenate([[_UNKNOWN], said]), np.concatenate([said, [_UNKNOWN]])
    wanted = look.wanted.measure(start, end)
    kept = wanted > 0
    length = (end - start)[kept].astype(np.float64)
    return length, wanted[kept] / length, before[kept], after[kept]


def _bridge(length: Float64, before: Int64, after: Int64, rates: _Rates) -> tuple[Float64, Float64]:
    """Return the first two moments of the time held in gaps, given the states at their ends."""
    speed, held = rates.loses + rates.gains, rates.held

    def to_held(state: Int64, t: Float64) -> Float64:
        start = np.choose(state, [0.0, 1.0, held])
        return np.asarray(held + (start - held) * np.exp(-speed * t), dtype=np.float64)

    # The process is the same backwards: the chance of an end state from "held" is that of "held" from it, reweighed.
    at = (np.arange(_STEPS) + 0.5) / _STEPS
    t = length[:, None] * at
    forth, back = to_held(before[:, None], t), to_held(after[:, None], length[:, None] - t) / held
    through = to_held(before, length)
    certain = np.choose(after, [(1 - through) / (1 - held), through / held, np.ones_like(through)])
    between = to_held(np.ones((1, 1, 1), dtype=np.int64), length[:, None, None] * np.abs(at[:, None] - at[None, :]))
    mean = (forth * back).mean(axis=1) * length / certain
    ordered = np.tril(np.ones((_STEPS, _STEPS)), -1) + np.eye(_STEPS) / 2
    pairs = np.einsum("gs,gts,gt,ts->g", forth, between, back, ordered)
    return mean, 2 * pairs / _STEPS**2 * length**2 / certain
