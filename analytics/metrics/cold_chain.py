"""Cold chain: for how much of the time a cabinet's temperature was in its band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from analytics.metrics.holding import Doubt, Judged, TimeShare, summed, time_share
from analytics.metrics.inputs import Inputs, Outcome
from analytics.metrics.shelves import share_outcome
from analytics.metrics.spans import Float64, Int64, Spans

BAND_LIMITS = ("cold_chain.chilled_above", "cold_chain.chilled_max", "cold_chain.frozen_max")


def bands(limits: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Return the band of each kind of cabinet in degC, without its lower end, with its upper."""
    above, chilled, frozen = (limits[key] for key in BAND_LIMITS)
    return {"chilled_cabinet": (above, chilled), "frozen_cabinet": (-inf, frozen)}


@dataclass(frozen=True, slots=True)
class Band:
    """Temperatures in (above_c, upto_c] degC, read with an error of at most accuracy_c."""

    above_c: float
    upto_c: float
    accuracy_c: float = 0.0

    def judge(self, t_us: Int64, temperature_c: Float64) -> Judged:
        """Return which readings are in the band, as read, at the device's worst and at its best.

        Examples
        --------
        >>> import numpy as np
        >>> Band(0.0, 8.0).judge(np.arange(4), np.array([0.0, 0.1, 8.0, 8.1])).held.tolist()
        [False, True, True, False]
        """
        low, high = temperature_c - self.accuracy_c, temperature_c + self.accuracy_c
        return Judged(
            t_us,
            held=(temperature_c > self.above_c) & (temperature_c <= self.upto_c),
            surely=(low > self.above_c) & (high <= self.upto_c),
            possibly=(high > self.above_c) & (low <= self.upto_c),
        )


def time_in_band(t_us: Int64, temperature_c: Float64, band: Band, period_us: int, wanted: Spans) -> TimeShare:
    """Return the time in which one cabinet was in its band.

    Parameters
    ----------
    t_us
        int64 µs, sorted.
    temperature_c
        degC at t.
    band
        Band in degC: chilled (0, 8], frozen (-inf, -18]; with the greatest error of the device.
    period_us
        Sampling period in µs.
    wanted
        Time to judge.

    Returns
    -------
    TimeShare
        µs; bounds by the device's accuracy and by one period at each crossing.

    Notes
    -----
    Limits of GB/T 24616-2019: chilled above freezing and at most 8 degC, frozen at most -18 degC. Air sensors lag the
    product, and defrosts count like any other time out of band.

    Examples
    --------
    >>> import numpy as np
    >>> t, c = np.array([0, 60, 120]), np.array([4.0, 9.0, 4.0])
    >>> time_in_band(t, c, Band(0.0, 8.0, 0.5), 60, Spans.of([(0, 180)])).share
    0.6666666666666666
    """
    return time_share(band.judge(t_us, temperature_c), period_us, wanted, Doubt.SAMPLED)


def measure(inputs: Inputs) -> Outcome:
    """Return the time-weighted share over all cabinets, each against its kind's band; detail: undeclared_accuracy."""
    if not inputs.limits.keys() >= set(BAND_LIMITS):
        return Outcome(None, undefined="no_limit_in_force")
    of_kind = bands(inputs.limits)
    whole = summed(
        time_in_band(t_us, value, Band(*of_kind[series.point_kind], series.error), period_us, due)
        for series in inputs.of("temperature")
        for t_us, value, period_us, due in series.spells(inputs.wanted)
    )
    outcome = share_outcome(whole, "device accuracy; each crossing known to one period; missing time taken either way")
    undeclared = sorted({s.device for s in inputs.of("temperature") if s.accuracy is None})
    return Outcome(
        outcome.value, outcome.bounds, {**outcome.detail, "undeclared_accuracy": undeclared}, outcome.undefined
    )
