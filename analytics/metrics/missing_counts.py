"""What a counter may have counted in its gaps: imputed from like slots of other days, with their over-dispersion.

It belongs into the interval of a total, as a part of its own that is named; a measured value never holds it.

Sources: P. McCullagh and J. A. Nelder 1989, chapter 6 (quasi-Poisson, two factors); T. Mack, Distribution-free
calculation of the standard error of chain ladder reserve estimates, ASTIN Bull. 23 (1993) 213 (the error of predicted
cells of such a table: their own noise, and that of their factors); F. E. Satterthwaite, Biometrics 2 (1946) 110.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics.overdispersion import cells_of, spread
from analytics.metrics.spans import Bool, Float64, Int64

LEAST_DAYS = 3
"""Days that must have seen a slot for it to be imputed: fewer don't show how much they differ."""
_ROUNDS = 60
_ALIKE = 1e-9
"""Least relative variance between days that are told to be all alike."""
_LEAST_FREEDOM = 8
"""Degrees of freedom under which a dispersion of whole stretches is no better than that of single slots."""


@dataclass(frozen=True, slots=True, eq=False)
class DaySlots:
    """Counts of one counter by day and slot of the day, flat: int64 labels, int64 counts, share of each missing."""

    day: Int64
    day_type: Int64
    slot: Int64
    count: Int64
    missing: Float64


@dataclass(frozen=True, slots=True)
class Imputed:
    """What gaps may have held, as the counter would have counted it."""

    mean: float
    variance: float
    freedom: float
    factor: float
    """Dispersion of counts about their day and slot."""
    without_like: float
    """Slots missing that too few days have seen, in neither mean nor variance."""

    def squared(self, level: float) -> float:
        """Return the square of the deviation at this level."""
        return 0.0 if self.variance == 0 else float(spread(level, self.freedom) ** 2 * self.variance)


NOTHING_MISSING = Imputed(0.0, 0.0, 1.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Factors:
    """Level of each day and profile over the slots of its kind of day: the mean of a count is their product."""

    level: Float64
    profile: Float64
    cell: Int64


def impute(slots: DaySlots) -> Imputed:
    """Return what the missing slots of a counter may have held.

    Parameters
    ----------
    slots
        All slots of the window; a slot partly missing is imputed by its share and shows nothing of the others.

    Returns
    -------
    Imputed
        ``without_like`` slots, seen on fewer than ``LEAST_DAYS`` days, are in neither mean nor variance.

    Notes
    -----
    Quasi-Poisson with two factors: mean = level of the day x profile of the slot, by iterative proportional fitting
    over the slots seen; days of one type share a profile where every missing slot was seen on enough of them, else all
    days do. A day's level is drawn towards that of its like, the more the less of it was seen. The variance adds the
    noise of what was missed, at the dispersion of stretches as long as the longest gap, to the doubt about the level
    and about the profile. Gaps are taken to be no busier than the same slots of other days: a counter that fails
    because the store is full is beyond this.

    Examples
    --------
    >>> day, slot = np.repeat(np.arange(8), 4), np.tile(np.arange(4), 8)
    >>> count = np.tile([10, 20, 30, 20], 8)
    >>> missing = ((day == 7) & (slot == 2)).astype(float)
    >>> imputed = impute(DaySlots(day, 0 * day, slot, np.where(missing > 0, 0, count), missing))
    >>> round(imputed.mean, 6), imputed.without_like
    (30.0, 0.0)
    """
    gone = slots.missing > 0
    if not gone.any():
        return NOTHING_MISSING
    label, known = _like(slots)
    within = gone & known
    if not within.any():
        return Imputed(0.0, 0.0, 1.0, 1.0, float(slots.missing.sum()))
    factors = _fitted(slots, label)
    factor, freedom = _dispersion(slots, factors)
    mean, variance, of_levels, days = _predicted(slots, within, factors, factor)
    parts = of_levels**2 / max(days - 1, 1) + (variance - of_levels) ** 2 / freedom
    satterthwaite = variance**2 / parts if parts > 0 else float(freedom)
    return Imputed(mean, variance, satterthwaite, factor, float(slots.missing[~known].sum()))


def _like(slots: DaySlots) -> tuple[Int64, Bool]:
    """Return the kind of day of each slot, and which slots enough days of that kind have seen."""
    gone = slots.missing > 0
    label = slots.day_type
    known = _seen_often(slots, label)
    if not known[gone].all():
        label = np.zeros_like(slots.day_type)
        known = _seen_often(slots, label)
    return label, known


def _seen_often(slots: DaySlots, label: Int64) -> Bool:
    cell = cells_of(label, slots.slot)
    seen = np.bincount(cell, weights=slots.missing == 0)
    return np.asarray(seen[cell] >= LEAST_DAYS, dtype=np.bool_)


def _fitted(slots: DaySlots, label: Int64) -> _Factors:
    seen = slots.missing == 0
    cell = cells_of(label, slots.slot)
    days, cells = int(slots.day.max()) + 1, int(cell.max()) + 1
    day, at, count = slots.day[seen], cell[seen], slots.count[seen].astype(np.float64)
    of_day, of_cell = _sums(day, count, days), _sums(at, count, cells)
    level, profile = np.ones(days), np.zeros(cells)
    for _ in range(_ROUNDS):
        profile = _ratio(of_cell, _sums(at, level[day], cells))
        level = _ratio(of_day, _sums(day, profile[at], days))
    return _Factors(level, profile, cell)


def _sums(label: Int64, amount: Float64, number: int) -> Float64:
    return np.bincount(label, weights=amount, minlength=number).astype(np.float64)


def _ratio(above: Float64, below: Float64) -> Float64:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _dispersion(slots: DaySlots, factors: _Factors) -> tuple[float, int]:
    """Return the dispersion, at least 1, and its degrees of freedom: of single slots, or of longer stretches."""
    single = _pearson(slots, factors, 1)
    stretch = _pearson(slots, factors, _longest_gap(slots))
    if stretch[1] >= _LEAST_FREEDOM and stretch[0] > single[0]:
        single = stretch
    return max(single[0], 1.0), max(single[1], 1)


def _longest_gap(slots: DaySlots) -> int:
    """Return the longest run of missing slots within a day, at most a quarter of a day."""
    order = np.lexsort((slots.slot, slots.day))
    gone = slots.missing[order] > 0
    breaks = ~gone | np.concatenate([[True], np.diff(slots.day[order]) != 0])
    run = np.diff(np.flatnonzero(np.concatenate([breaks, [True]])), prepend=0)
    return int(max(1, min(run.max(initial=1), (slots.slot.max() + 1) // 4)))


def _pearson(slots: DaySlots, factors: _Factors, length: int) -> tuple[float, int]:
    stretch = cells_of(slots.day, slots.slot // length)
    whole = np.bincount(stretch, weights=slots.missing) == 0
    mean = np.bincount(stretch, weights=factors.level[slots.day] * factors.profile[factors.cell])
    count = np.bincount(stretch, weights=slots.count)
    told = whole & (mean > 0)
    first = np.unique(stretch, return_index=True)[1]
    parameters = np.unique(slots.day[first][told]).size + np.unique(factors.cell[first][told]).size - 1
    freedom = int(told.sum()) - parameters
    if freedom < 1:
        return 1.0, 0
    return float(((count - mean)[told] ** 2 / mean[told]).sum() / freedom), freedom


def _predicted(slots: DaySlots, within: Bool, factors: _Factors, factor: float) -> tuple[float, float, float, int]:
    """Return mean and variance of the missing counts, the variance's part from the days' levels, and their number."""
    seen, days = slots.missing == 0, factors.level.size
    profile = factors.profile[factors.cell]
    shown = _sums(slots.day, np.where(seen, profile, 0.0), days)
    asked = _sums(slots.day, np.where(within, profile * slots.missing, 0.0), days)
    kind = np.zeros(days, dtype=np.int64)
    kind[slots.day] = slots.day_type
    level, doubt, like = _shrunken(factors.level, shown, kind, factor)
    mean = level[slots.day] * profile * slots.missing * within
    cells = factors.profile.size
    weight = _sums(factors.cell, level[slots.day] * slots.missing * within, cells)
    basis = _sums(factors.cell, np.where(seen, level[slots.day], 0.0), cells)
    of_profile = factor * float((weight**2 * _ratio(factors.profile, basis)).sum())
    of_levels = float((asked**2 * doubt).sum())
    total = float(mean.sum())
    return total, factor * total + of_profile + of_levels, of_levels, like


def _shrunken(level: Float64, shown: Float64, kind: Int64, factor: float) -> tuple[Float64, Float64, int]:
    """Return the days' levels drawn towards those of their like, their variances, and the fewest like days."""
    ample = shown >= shown.max() / 2
    many = np.bincount(kind[ample], minlength=int(kind.max()) + 1)
    group = np.where(many[kind] >= LEAST_DAYS, kind, -1)
    drawn, doubt, fewest = np.zeros_like(level), np.zeros_like(level), level.size
    for each in np.unique(group):
        members = group == each
        models = level[ample & members] if each >= 0 else level[ample]
        centre = float(models.mean())
        between = float(models.var(ddof=1)) if models.size > 1 else centre**2
        prior = 1 / max(between * (1 + 1 / models.size), _ALIKE * centre**2, _ALIKE)
        own = shown[members] / (factor * centre) if centre > 0 else np.zeros(int(members.sum()))
        weight = prior + own
        drawn[members] = _ratio(prior * centre + own * level[members], weight)
        doubt[members] = _ratio(np.ones_like(weight), weight)
        fewest = min(fewest, models.size)
    return drawn, doubt, fewest
