"""Comfort: for how many hours temperature, humidity and the predicted mean vote were where people feel well.

Whether a store is cooled or heated is not in the registry, and the calendar doesn't say it. An hour is therefore within
the standard's temperatures when it is within the band of either mode, and comfortable when it is so in the clothing of
either season; the detail tells how many hours each mode has by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from analytics.metrics.air import HourMeans, zone_hours
from analytics.metrics.inputs import Inputs, Outcome
from analytics.metrics.spans import Bool, Float64

METABOLIC_RATE_MET = 1.4
"""Somebody who strolls and stands, between standing at rest (1.2) and light work (1.6)."""
AIR_SPEED_M_PER_S = 0.1
_MODEL_C = (10.0, 40.0)
CLOTHING_CLO = {"summer_clothing": 0.5, "winter_clothing": 1.0}
"""Typical clothing of both seasons, ASHRAE 55."""
_TEMPERATURES = (
    "temperature.cooling_min",
    "temperature.cooling_max",
    "temperature.heating_min",
    "temperature.heating_max",
)
_HUMIDITIES = ("humidity.cooling_min", "humidity.cooling_max", "humidity.heating_min", "humidity.heating_max")
_STORE_HUMIDITY = ("humidity.store_min", "humidity.store_max")


def predicted_mean_vote(temperature_c: Float64, humidity_percent: Float64, clothing_clo: float) -> Float64:
    """Return the predicted mean vote on the scale from -3 (cold) to +3 (hot).

    Parameters
    ----------
    temperature_c, humidity_percent
        Air temperature, degC, and relative humidity, %: float64 arrays of one length.
    clothing_clo
        Insulation of the clothing.

    Returns
    -------
    float64 array
        NaN outside what the model is made for (10 to 40 degC).

    Notes
    -----
    ASHRAE 55 by ``pythermalcomfort``, with 1.4 met, air at 0.1 m/s, and the radiant temperature taken to be the air's:
    large cold or sunlit panes, which nobody measures here, would change it.

    Examples
    --------
    >>> round(float(predicted_mean_vote(np.array([25.0]), np.array([50.0]), 0.5)[0]), 2)
    0.41
    """
    # It brings numba: seconds and 200 MB that only those pay who have hours to judge.
    from pythermalcomfort.models import pmv_ppd_ashrae  # type: ignore[import-untyped]  # noqa: PLC0415 - see above

    vote = np.full(temperature_c.size, np.nan)
    inside = (temperature_c >= _MODEL_C[0]) & (temperature_c <= _MODEL_C[1])
    if not inside.any():
        return vote
    found = pmv_ppd_ashrae(
        tdb=temperature_c[inside],
        tr=temperature_c[inside],
        vr=AIR_SPEED_M_PER_S,
        rh=humidity_percent[inside],
        met=METABOLIC_RATE_MET,
        clo=clothing_clo,
        limit_inputs=False,  # done above, where it warns nobody
        round_output=False,
    )
    vote[inside] = found.pmv
    return vote


def measure_temperature(inputs: Inputs) -> Outcome:
    """Return the share of valid zone-hours whose mean is in the band of cooling or in that of heating.

    Detail: hours_valid, hours_invalid, hours_cooling_band, hours_heating_band, band_applied.
    """
    if not inputs.limits.keys() >= set(_TEMPERATURES):
        return Outcome(None, undefined="no_limit_in_force")
    either = _by_mode(inputs, _TEMPERATURES)
    return _share(
        inputs, "temperature", {"hours_cooling_band": either[0], "hours_heating_band": either[1]}, "either_mode"
    )


def measure_humidity(inputs: Inputs) -> Outcome:
    """Return the share of valid zone-hours whose mean is in the band of shops with central air conditioning.

    Detail: hours_valid, hours_invalid, hours_store_band, band_applied, and beside it, where they are in force,
    the hours in the bands of dwellings and offices (hours_cooling_band, hours_heating_band).
    """
    limits = inputs.limits
    if not limits.keys() >= set(_STORE_HUMIDITY):
        return Outcome(None, undefined="no_limit_in_force")
    store = _band(limits[_STORE_HUMIDITY[0]], limits[_STORE_HUMIDITY[1]])
    outcome = _share(inputs, "relative_humidity", {"hours_store_band": store}, "store_band")
    if outcome.value is None or not limits.keys() >= set(_HUMIDITIES):
        return outcome
    cooling, heating = _by_mode(inputs, _HUMIDITIES)
    beside = _share(inputs, "relative_humidity", {"hours_cooling_band": cooling, "hours_heating_band": heating}, "")
    return Outcome(outcome.value, None, {**beside.detail, **outcome.detail})


def measure_vote(inputs: Inputs) -> Outcome:
    """Return the share of zone-hours with both means valid in which the predicted mean vote is near 0.

    Detail: hours_valid, hours_invalid, hours_summer_clothing, hours_winter_clothing, and what is assumed:
    metabolic_met, air_speed_m_per_s, radiant_temperature.
    """
    if "comfort.vote_max" not in inputs.limits:
        return Outcome(None, undefined="no_limit_in_force")
    pairs = list(_zones(inputs))
    temperature = np.concatenate([np.zeros(0), *(t for t, _, _ in pairs)])
    humidity = np.concatenate([np.zeros(0), *(h for _, h, _ in pairs)])
    detail: dict[str, object] = {
        "hours_valid": temperature.size,
        "hours_invalid": sum(invalid for _, _, invalid in pairs),
        "metabolic_met": METABOLIC_RATE_MET,
        "air_speed_m_per_s": AIR_SPEED_M_PER_S,
        "radiant_temperature": "as_the_air",
    }
    if temperature.size == 0:
        return Outcome(None, detail=detail, undefined="no_valid_hour")
    comfortable = np.zeros(temperature.size, dtype=np.bool_)
    for clothing, clo in CLOTHING_CLO.items():
        vote = np.abs(predicted_mean_vote(temperature, humidity, clo))
        near = vote <= inputs.limits["comfort.vote_max"]  # outside the model's range there is no vote, and no comfort
        detail[f"hours_{clothing}"] = int(near.sum())
        comfortable |= near
    return Outcome(float(comfortable.mean()), None, detail)


_Within = Callable[[Float64], Bool]


def _band(least: float, most: float) -> _Within:
    return lambda mean: np.asarray((mean >= least) & (mean <= most), dtype=np.bool_)


def _by_mode(inputs: Inputs, keys: tuple[str, str, str, str]) -> tuple[_Within, _Within]:
    cooling_min, cooling_max, heating_min, heating_max = (inputs.limits[key] for key in keys)
    return _band(cooling_min, cooling_max), _band(heating_min, heating_max)


def _share(inputs: Inputs, quantity: str, bands: dict[str, _Within], applied: str) -> Outcome:
    """Return the share of valid hours that are in one of the bands.

    No bounds: a sensor of several quantities declares the error of one of them, the carbon dioxide's.
    """
    zones = [zone_hours(inputs, series) for series in inputs.of(quantity)]
    means = np.concatenate([np.zeros(0), *(zone.mean[zone.valid] for zone in zones)])
    within = {name: band(means) for name, band in bands.items()}
    detail = {
        "hours_valid": means.size,
        "hours_invalid": sum(zone.mean.size for zone in zones) - means.size,
        **{name: int(hours.sum()) for name, hours in within.items()},
        "band_applied": applied,
    }
    if means.size == 0:
        return Outcome(None, detail=detail, undefined="no_valid_hour")
    return Outcome(float(np.logical_or.reduce(list(within.values())).mean()), None, detail)


def _zones(inputs: Inputs) -> Iterator[tuple[Float64, Float64, int]]:
    """Yield the hourly means of temperature and humidity where both are valid, point by point, and the other hours."""
    humid: dict[str, list[HourMeans]] = {}
    for series in inputs.of("relative_humidity"):
        humid.setdefault(series.point_id, []).append(zone_hours(inputs, series))
    for series in inputs.of("temperature"):
        warm = zone_hours(inputs, series)
        for other in humid.get(series.point_id, ()):
            _, of_warm, of_other = np.intersect1d(warm.start_us, other.start_us, return_indices=True)
            both = warm.valid[of_warm] & other.valid[of_other]
            yield warm.mean[of_warm][both], other.mean[of_other][both], int((~both).sum())
