"""Durations of which some are known only to be longer than what was seen: Kaplan and Meier's estimate.

Sources: E. L. Kaplan and P. Meier, Nonparametric estimation from incomplete observations, J. Am. Stat. Assoc. 53 (1958)
457; Greenwood's variance as they give it; R. Brookmeyer and J. Crowley, A confidence interval for the median survival
time, Biometrics 38 (1982) 29, with the complementary log-log transform.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from analytics.metrics.inputs import Outcome, bounded
from analytics.metrics.intervals import LEVEL
from analytics.metrics.intervals import quantile as normal_quantile
from analytics.metrics.spans import Bool, Float64, Int64


@dataclass(frozen=True, slots=True, eq=False)
class Survival:
    """How many last longer: one element a distinct duration at which some ended, ascending.

    ``longer`` is the estimated share that lasts longer than ``duration``, ``standard_error`` Greenwood's of it; both
    float64. ``at_risk`` and ``ended`` are int64 counts: those that lasted at least so long, and those that ended then.
    """

    duration: Float64
    at_risk: Int64
    ended: Int64
    longer: Float64
    standard_error: Float64

    def quantile(self, share: float) -> float | None:
        """Return the shortest duration after which at least this share has ended, None where it is not reached.

        Examples
        --------
        >>> kaplan_meier(np.array([6.0, 7.0, 9.0, 10.0]), np.array([True, False, True, True])).quantile(0.5)
        9.0
        """
        reached = np.flatnonzero(self.longer <= 1 - share + _ROUNDING)
        return float(self.duration[reached[0]]) if reached.size else None

    def quantile_interval(self, share: float, level: float) -> tuple[float, float]:
        """Return Brookmeyer and Crowley's interval of a quantile; its upper end is inf where too few ended to have one.

        Parameters
        ----------
        share
            Share ended, between 0 and 1.
        level
            Confidence level.

        Returns
        -------
        tuple of float
            (low, high) in the unit of the durations: low is the first duration that a test at this level does not tell
            from the quantile, high the first one after them that it does; that where all have ended tells nothing.

        Examples
        --------
        >>> weeks = np.array([1.0, 3.0, 4.0, 7.0, 8.0, 11.0, 15.0, 20.0])
        >>> kaplan_meier(weeks, np.ones(8, dtype=np.bool_)).quantile_interval(0.5, 0.95)
        (1.0, 15.0)
        """
        inner = np.flatnonzero((self.longer > 0) & (self.longer < 1))
        longer, error = self.longer[inner], self.standard_error[inner]
        far = np.log(-np.log(longer)) - np.log(-np.log(1 - share))
        near = inner[np.abs(far * longer * np.log(longer) / error) <= normal_quantile(level)]
        if near.size == 0:
            return 0.0, np.inf
        after = near[-1] + 1
        told = after < self.duration.size and self.longer[after] > 0
        return float(self.duration[near[0]]), float(self.duration[after]) if told else np.inf


_ROUNDING = 1e-12
"""What products of shares may be off by where a share is reached exactly."""


def kaplan_meier(duration: Float64, ended: Bool) -> Survival:
    """Return the product-limit estimate of how long something lasts.

    Parameters
    ----------
    duration
        float64, in any unit and order; inf where nothing is known but that it lasts longer than all others.
    ended
        True where the end was seen; false where it was still going on then (right-censored).

    Returns
    -------
    Survival
        Empty where no end was seen.

    Notes
    -----
    S(t) = prod over ends at u <= t of (1 - d/n); of ends and censorings at one duration, ends come first. Variance by
    Greenwood: S(t)^2 sum d / (n (n - d)), 0 where S is 0. It holds where whether an end is seen does not depend on how
    long it takes.

    Examples
    --------
    >>> found = kaplan_meier(np.array([6.0, 6.0, 6.0, 6.0, 7.0]), np.array([True, True, True, False, True]))
    >>> found.duration.tolist(), found.at_risk.tolist(), found.longer.round(3).tolist()
    ([6.0, 7.0], [5, 1], [0.4, 0.0])
    """
    times, ends = np.unique(duration[ended], return_counts=True)
    at_risk = duration.size - np.searchsorted(np.sort(duration), times, side="left")
    longer: Float64 = np.cumprod(1 - ends / at_risk, dtype=np.float64)
    left = at_risk - ends
    terms = np.divide(ends, at_risk * left, out=np.zeros(times.size), where=left > 0)
    error: Float64 = longer * np.sqrt(np.cumsum(terms, dtype=np.float64))
    return Survival(times.astype(np.float64), at_risk.astype(np.int64), ends.astype(np.int64), longer, error)


def quantile_outcome(found: Survival, share: float, detail: Mapping[str, Any]) -> Outcome:
    """Return a quantile of durations as an outcome; undefined where nothing ended, or where too few did to reach it."""
    value = found.quantile(share)
    if value is None:
        return Outcome(None, detail=detail, undefined="too_few_ended" if found.duration.size else "nothing_ended")
    low, high = found.quantile_interval(share, LEVEL)
    ground = "Kaplan-Meier with Greenwood's variance (Brookmeyer and Crowley); those still going on are censored"
    return Outcome(value, bounded(low, high, LEVEL, ground), detail)
