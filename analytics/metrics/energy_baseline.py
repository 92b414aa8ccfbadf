"""What a store's energy would have been: a baseline of days by visitors and degree days, and savings against it.

Method: whole-facility regression of IPMVP option C and ASHRAE Guideline 14, with one observation a local day. It needs
days before the window, which a metric of the catalogue is not given: this is a function for reports that have both.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from analytics.metrics.spans import Float64

MOST_VARIATION = 0.25
"""CV(RMSE) up to which a model of daily data is taken to be good enough; Guideline 14 is commonly quoted with 0.15 for
monthly data and 0.30 for hourly; between them for daily data is the project's own."""
FEWEST_DAYS_PER_COEFFICIENT = 6


@dataclass(frozen=True, slots=True, eq=False)
class Drivers:
    """What drives the energy of days: float64 arrays of one length, NaN where unknown.

    ``heating`` and ``cooling`` are degree days (K d) below and above the balance temperature.
    """

    visitors: Float64
    heating: Float64
    cooling: Float64

    @classmethod
    def of(cls, visitors: Float64, outdoor_c: Float64, balance_c: float) -> Drivers:
        """Return the drivers from visitors and the mean outdoor temperature of each day.

        Examples
        --------
        >>> Drivers.of(np.array([10.0]), np.array([26.0]), 18.0).cooling.tolist()
        [8.0]
        """
        return cls(visitors, np.maximum(balance_c - outdoor_c, 0.0), np.maximum(outdoor_c - balance_c, 0.0))

    def table(self) -> Float64:
        """Return a column of ones and one a driver: float64 (days, 4)."""
        return np.stack([np.ones(self.visitors.size), self.visitors, self.heating, self.cooling], axis=1)


NAMES = ("base_kwh", "kwh_per_visitor", "kwh_per_heating_degree_day", "kwh_per_cooling_degree_day")


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """A fitted baseline: its coefficients, and what is needed to predict with an interval.

    ``coefficients`` by name (``NAMES``; drivers that never varied are left out), ``r_squared``, ``variation`` CV(RMSE),
    ``bias`` the normalised mean bias, ``days`` used, ``residual_variance`` in kWh2.
    """

    coefficients: dict[str, float]
    r_squared: float
    variation: float
    bias: float
    days: int
    residual_variance: float
    used: NDArray[np.int64]
    covariance: Float64
    """Of the coefficients, divided by the residual variance."""
    constant: Float64
    """Of each driver that never varied its one value, NaN of the others: of other values nothing is known."""

    def knows(self, table: Float64) -> NDArray[np.bool_]:
        """Return which days' drivers (``Drivers.table``) are known, and had an influence that could be learnt."""
        strange = np.isfinite(self.constant) & (table != self.constant)
        return np.asarray(np.isfinite(table).all(axis=1) & ~strange.any(axis=1), dtype=np.bool_)

    @property
    def degrees_of_freedom(self) -> int:
        """Days less coefficients."""
        return self.days - len(self.coefficients)

    @property
    def good_enough(self) -> bool:
        """Whether it varies little enough, and has days enough, to speak of savings."""
        enough = self.days >= FEWEST_DAYS_PER_COEFFICIENT * len(self.coefficients)
        return enough and self.variation <= MOST_VARIATION


@dataclass(frozen=True, slots=True)
class Savings:
    """Energy that was not used, in kWh, against the baseline, over the days whose drivers and energy are known."""

    kwh: float
    low_kwh: float
    high_kwh: float
    level: float
    baseline_kwh: float
    days: int


def fit(kwh: Float64, drivers: Drivers) -> Baseline | None:
    """Return the baseline of some days by ordinary least squares; None where they can't tell one.

    Parameters
    ----------
    kwh
        Energy of each local day, float64, NaN where it is not known.
    drivers
        Drivers of the same days.

    Returns
    -------
    Baseline or None
        None with no more days than coefficients, or where drivers can't be told apart.

    Notes
    -----
    kWh = base + a visitors + b heating degree days + c cooling degree days. CV(RMSE) = sqrt(SSE / (n - p)) / mean,
    normalised mean bias = sum(measured - predicted) / ((n - p) mean), R2 = 1 - SSE / SST (ASHRAE Guideline 14).

    Examples
    --------
    >>> days = Drivers(np.array([0.0, 10, 20, 30]), np.zeros(4), np.zeros(4))
    >>> found = fit(np.array([100.0, 120, 140, 160]), days)
    >>> {name: round(value, 6) for name, value in found.coefficients.items()}
    {'base_kwh': 100.0, 'kwh_per_visitor': 2.0}
    """
    table = drivers.table()
    known = np.isfinite(kwh) & np.isfinite(table).all(axis=1)
    table, energy = table[known], kwh[known]
    if energy.size == 0:
        return None
    varied = np.ptp(table, axis=0) > 0
    used = np.flatnonzero(np.concatenate([[True], varied[1:]]))
    # Scaled, so that the rank doesn't depend on units.
    scale = np.abs(table[:, used]).max(axis=0)
    scaled = table[:, used] / scale
    freedom = energy.size - used.size
    if freedom <= 0 or np.linalg.matrix_rank(scaled) < used.size or energy.mean() <= 0:
        return None
    solved = np.linalg.lstsq(scaled, energy, rcond=None)[0]
    residuals = energy - scaled @ solved
    sse, sst = float(residuals @ residuals), float(((energy - energy.mean()) ** 2).sum())
    return Baseline(
        coefficients={NAMES[i]: float(c) for i, c in zip(used.tolist(), solved / scale, strict=True)},
        r_squared=1 - sse / sst if sst > 0 else 1.0,
        variation=sqrt(sse / freedom) / float(energy.mean()),
        bias=float(residuals.sum()) / (freedom * float(energy.mean())),
        days=int(energy.size),
        residual_variance=sse / freedom,
        used=used,
        covariance=np.linalg.inv(scaled.T @ scaled) / np.outer(scale, scale),
        constant=np.where(np.isin(np.arange(table.shape[1]), used), np.nan, table[0]),
    )


def predict(baseline: Baseline, drivers: Drivers, level: float = 0.95) -> tuple[Float64, Float64, Float64]:
    """Return what each day would have used, with its prediction interval (Student's t), in kWh.

    NaN for days on which a driver has another value than the one that it always had in the baseline.

    Examples
    --------
    >>> days = Drivers(np.array([0.0, 10, 20, 30]), np.zeros(4), np.zeros(4))
    >>> found = fit(np.array([100.0, 121, 139, 160]), days)
    >>> [round(float(part[0]), 2) for part in predict(found, Drivers(np.array([40.0]), np.zeros(1), np.zeros(1)))]
    [179.5, 173.05, 185.95]
    """
    whole = drivers.table()
    table = whole[:, baseline.used]
    expected = np.where(baseline.knows(whole), table @ np.array(list(baseline.coefficients.values())), np.nan)
    leverage = np.einsum("ij,jk,ik->i", table, baseline.covariance, table)
    reach = _student(baseline.degrees_of_freedom, level) * np.sqrt(baseline.residual_variance * (1 + leverage))
    return expected, expected - reach, expected + reach


def savings(baseline: Baseline, kwh: Float64, drivers: Drivers, level: float = 0.95) -> Savings | None:
    """Return the avoided energy of some later days: baseline less measured; None where no day is known.

    Parameters
    ----------
    baseline
        Of days before the change.
    kwh, drivers
        Of the days after it.
    level
        Of the interval, which holds the days' own scatter and the coefficients' uncertainty, common to all days.
        Days are taken to scatter independently: where they don't, it is too narrow.

    Notes
    -----
    variance = s2 (m + 1' X C X' 1) for m days, C the coefficients' covariance over s2.

    Examples
    --------
    >>> days = Drivers(np.array([0.0, 10, 20, 30]), np.zeros(4), np.zeros(4))
    >>> found = fit(np.array([100.0, 121, 139, 160]), days)
    >>> round(savings(found, np.array([170.0]), Drivers(np.array([40.0]), np.zeros(1), np.zeros(1))).kwh, 2)
    9.5
    """
    table = drivers.table()
    known = np.isfinite(kwh) & baseline.knows(table)
    if not known.any():
        return None
    summed = table[known][:, baseline.used].sum(axis=0)
    expected = float(summed @ np.array(list(baseline.coefficients.values())))
    days = int(known.sum())
    variance = baseline.residual_variance * (days + float(summed @ baseline.covariance @ summed))
    reach = _student(baseline.degrees_of_freedom, level) * sqrt(variance)
    avoided = expected - float(kwh[known].sum())
    return Savings(avoided, avoided - reach, avoided + reach, level, expected, days)


def _student(degrees_of_freedom: int, level: float) -> float:
    from scipy.special import stdtrit  # noqa: PLC0415 - most processes never need it

    return float(stdtrit(degrees_of_freedom, 0.5 + level / 2))
