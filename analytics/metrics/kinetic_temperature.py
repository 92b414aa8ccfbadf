"""Mean kinetic temperature: the constant temperature that would have aged the goods as much as the true course did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analytics.metrics.completeness import holds_us
from analytics.metrics.inputs import Inputs, Observed, Outcome, bounded
from analytics.metrics.spans import Float64
from analytics.windows import HOUR_US

ACTIVATION_J_PER_MOL = 83_144.0
GAS_CONSTANT = 8.314472
_ZERO_C = 273.15


def mean_kinetic_temperature(temperature_c: Float64, weight: Float64) -> float:
    """Return the mean kinetic temperature in degC.

    Parameters
    ----------
    temperature_c
        degC, float64.
    weight
        For how long each holds, in any unit; at least one above 0.

    Notes
    -----
    T_K = (dH/R) / -ln(sum t_i exp(-dH / (R T_i)) / sum t_i), dH 83.144 kJ/mol, R 8.314472 J/(mol K), in kelvin (USP
    <1079.2>); by log-sum-exp. Never below the mean.

    Examples
    --------
    >>> round(mean_kinetic_temperature(np.array([2.0, 4.0, 4.0, 5.0, 12.0]), np.ones(5)), 6)
    6.219325
    """
    used = weight > 0
    power = -ACTIVATION_J_PER_MOL / (GAS_CONSTANT * (temperature_c[used] + _ZERO_C))
    most = float(power.max())
    total = most + float(np.log(np.dot(weight[used], np.exp(power - most)) / weight[used].sum()))
    return -ACTIVATION_J_PER_MOL / GAS_CONSTANT / total - _ZERO_C


@dataclass(frozen=True, slots=True)
class Cabinet:
    """A cabinet's mean kinetic temperature as read, at the device's worst and best, its mean, and missing time."""

    kinetic_c: float
    low_c: float
    high_c: float
    mean_c: float
    missing_us: int


def cabinet(series: Observed, inputs: Inputs) -> Cabinet | None:
    """Return what one cabinet's readings say over the wanted time, None where there is none.

    Between two readings the temperature is taken to lie between them; the bounds hold that and the device's error.
    """
    weights, levels, least, greatest, missing_us = [], [], [], [], 0
    for t_us, value, period_us, due in series.spells(inputs.wanted):
        end_us = t_us + holds_us(t_us, period_us)
        seen = due.measure(t_us, end_us)
        after = np.append(value[1:], value[-1:])
        after = np.where(end_us == np.append(t_us[1:], end_us[-1:]), after, value)
        weights.append(seen.astype(np.float64))
        levels.append(value)
        least.append(np.minimum(value, after) - series.error)
        greatest.append(np.maximum(value, after) + series.error)
        missing_us += due.total_us - int(seen.sum())
    weight, level, low, high = (np.concatenate([np.zeros(0), *part]) for part in (weights, levels, least, greatest))
    if not (weight > 0).any():
        return None
    kinetic, lowest, highest = (mean_kinetic_temperature(part, weight) for part in (level, low, high))
    return Cabinet(kinetic, lowest, highest, float(np.average(level, weights=weight)), missing_us)


def measure_kind(kind: str) -> Callable[[Inputs], Outcome]:
    """Return the function that measures the cabinets of one kind."""

    def measure(inputs: Inputs) -> Outcome:
        """Return the mean kinetic temperature of the warmest cabinet of a kind in degC.

        Detail: by_cabinet (kinetic_c, mean_c), missing_hours, undeclared_accuracy. Where time is missing, nothing
        bounds what it was then.
        """
        every = {series.device: series for series in inputs.of("temperature") if series.point_kind == kind}
        found = {device: one for device, series in every.items() if (one := cabinet(series, inputs)) is not None}
        if not found:
            return Outcome(None, undefined="nothing_observed")
        missing_us = sum(one.missing_us for one in found.values())
        detail = {
            "by_cabinet": {d: {"kinetic_c": one.kinetic_c, "mean_c": one.mean_c} for d, one in found.items()},
            "missing_hours": missing_us / HOUR_US,
            "undeclared_accuracy": sorted(d for d, series in every.items() if series.accuracy is None),
        }
        low, high = max(one.low_c for one in found.values()), max(one.high_c for one in found.values())
        whole = missing_us == 0 and len(found) == len(every)
        bounds = bounded(low, high, None, "device accuracy; between two readings between both") if whole else None
        return Outcome(max(one.kinetic_c for one in found.values()), bounds, detail)

    return measure


measure_chilled = measure_kind("chilled_cabinet")
measure_frozen = measure_kind("frozen_cabinet")
