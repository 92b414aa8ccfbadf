"""What decoders of meters and sensors have in common: their series, and exact units."""

from __future__ import annotations

import math
from decimal import Decimal

from edge.decoders.device_series import series
from edge.decoders.payload import PayloadRefusedError
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Kind, Reset, Series

KILO = Decimal("0.001")
"""From a unit to its thousandfold, such as Wh to kWh."""


def measured(device: str, quantity: str, channel: str = "") -> Series:
    """Return the series of what a meter or sensor measures.

    Where the vocabulary has counters of the quantity, it is one that is not known to wrap, and that a command may
    return to zero.
    """
    kinds = QUANTITIES[quantity].kinds
    if Kind.CUMULATIVE in kinds:
        return series(device, quantity, channel, Kind.CUMULATIVE, reset=Reset.UNKNOWN)
    (kind,) = kinds
    return series(device, quantity, channel, kind)


def scaled(value: float, scale: Decimal, offset: Decimal = Decimal(0)) -> float:
    """Return ``value * scale + offset``, as exact as decimals are.

    A refusal ``not_a_number`` where the result is beyond what a number can hold.

    Examples
    --------
    >>> scaled(1885.832, KILO)
    1.885832
    """
    result = float(Decimal(repr(value)) * scale + offset)
    if not math.isfinite(result):
        raise PayloadRefusedError("not_a_number", "the scaled value is beyond what a number can hold")
    return result


def celsius(fahrenheit: float) -> float:
    """Return degrees Fahrenheit as degrees Celsius.

    Examples
    --------
    >>> celsius(73.4)
    23.0
    """
    return float((Decimal(repr(fahrenheit)) - 32) * 5 / 9)
