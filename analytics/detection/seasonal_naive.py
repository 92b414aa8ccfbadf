"""The seasonal-naive baseline: what was measured at this local time a season ago, with an interval from past errors."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from math import ceil

import numpy as np

from analytics.metrics.spans import Float64, Int64
from analytics.windows import DAY_US, utc_offset_us


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """What is expected at each instant, and its interval; NaN where nothing stands a season before, or too little."""

    expected: Float64
    lower: Float64
    upper: Float64


def season_before(start_us: Int64, season_days: int, time_zone: str) -> Int64:
    """Return for each instant the place of the same local time ``season_days`` days before; -1 where there is none.

    Parameters
    ----------
    start_us
        int64 µs since 1970 (UTC), ascending.
    season_days
        Local days of a season: 1 or 7.
    time_zone
        IANA zone: days of 23 or 25 hours do not shift the season.

    Returns
    -------
    Int64
        Places. Both of a repeated hour have the one before; of a repeated hour the first is taken; a local time that
        was skipped has none.

    Examples
    --------
    >>> season_before(np.array([0, DAY_US, 2 * DAY_US]), 1, "UTC").tolist()
    [-1, 0, 1]
    """
    local = start_us + utc_offset_us(start_us, time_zone)
    order = np.argsort(local, kind="stable")
    wanted = local - season_days * DAY_US
    there = np.searchsorted(local[order], wanted, side="left")
    inside = there < local.size
    place = order[np.where(inside, there, 0)] if local.size else np.zeros(0, dtype=np.int64)
    return np.where(inside & (local[place] == wanted), place, -1).astype(np.int64)


def forecast(start_us: Int64, value: Float64, season_days: int, time_zone: str, level: float = 0.95) -> Forecast:
    """Return the seasonal-naive forecast of each value from those before it.

    Parameters
    ----------
    start_us, value
        int64 µs, ascending, and float64.
    season_days
        Local days of a season.
    time_zone
        IANA zone.
    level
        Probability of the interval, between 0 and 1.

    Returns
    -------
    Forecast
        In the unit of the values.

    Notes
    -----
    y^(t) = y(t - season) (Hyndman and Athanasopoulos, Forecasting, section 5.2). The interval reaches as far as the
    ceil((n + 1) level)-th smallest of the n absolute errors so far (conformal prediction: Vovk, Gammerman and Shafer
    2005): it covers at least ``level`` where errors are exchangeable, and needs no normal distribution.

    Examples
    --------
    >>> days = np.arange(4) * DAY_US
    >>> made = forecast(days, np.array([10.0, 12.0, 11.0, 30.0]), 1, "UTC", level=0.5)
    >>> made.expected.tolist(), made.upper.tolist()
    ([nan, 10.0, 12.0, 11.0], [nan, nan, 14.0, 13.0])
    """
    before = season_before(start_us, season_days, time_zone)
    expected = np.where(before >= 0, value[before], np.nan) if value.size else value
    expected = np.where(np.isfinite(expected), expected, np.nan)
    reach = np.full(value.size, np.nan)
    errors: list[float] = []
    for place, error in enumerate(np.abs(value - expected).tolist()):
        rank = ceil((len(errors) + 1) * level)
        if 0 < rank <= len(errors):
            reach[place] = errors[rank - 1]
        if np.isfinite(error):
            insort(errors, error)
    return Forecast(expected, expected - reach, expected + reach)


def mean_absolute_error(value: Float64, made: Forecast) -> float:
    """Return the mean absolute error, in the unit of the values: what MASE scales by (Hyndman and Koehler 2006).

    NaN where no value has a forecast.

    Examples
    --------
    >>> days = np.arange(3) * DAY_US
    >>> value = np.array([10.0, 12.0, 11.0])
    >>> mean_absolute_error(value, forecast(days, value, 1, "UTC"))
    1.5
    """
    errors = np.abs(value - made.expected)
    known = errors[np.isfinite(errors)]
    return float(known.mean()) if known.size else float("nan")
