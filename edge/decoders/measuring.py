"""What decoders of meters and sensors have in common: their series, exact units, names of devices, checked clocks."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from edge.decoders.decoder import PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.device_time import against_arrival
from edge.wire.batch import Flag
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Kind, Reset, Series

KILO = Decimal("0.001")
"""From a unit to its thousandfold, such as Wh to kWh."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_MAC = re.compile(
    r"(?<![0-9a-f])(?:0x[0-9a-f]{16}|[0-9a-f]{12}|[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4,6}[0-9a-f]{2})(?![0-9a-f])",
    re.IGNORECASE,
)
_REPEATED_HOUR_S = 3600.0


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


def looks_like_mac(text: str) -> bool:
    """Return whether a text holds a hardware address of 48 or 64 bits, with or without separators.

    Examples
    --------
    >>> looks_like_mac("shelly1pmg4-7c2c67667790"), looks_like_mac("fridge-3")
    (True, False)
    """
    return _MAC.search(text) is not None


def device_identity(option: str | None, found: str, *, serial: bool = False) -> str:
    """Return the device's name: the option's, or the one that was found in the topic or the payload.

    A refusal ``device`` where the found one is none, cannot be a name, or is a hardware address, which must not leave
    the site; ``serial`` says that it is known to be a serial number, whatever it looks like.
    """
    if option is not None:
        return option
    if not _IDENTIFIER.fullmatch(found):
        raise PayloadRefusedError(
            "device", "neither topic nor payload holds a usable name; name the device in the decoder's options"
        )
    if not serial and looks_like_mac(found):
        raise PayloadRefusedError(
            "device", "the device is known by its hardware address only; name it in the decoder's options"
        )
    return found


def clock_flags(device_us: int, at_us: int, allowed_s: float, flags: int) -> int:
    """Return the flags of a stated live time, with ``CLOCK_SUSPECT`` where it is too far from the arrival.

    A time in a repeated hour may be that hour away from the arrival: its own flag says so already.
    """
    if flags & Flag.AMBIGUOUS_LOCAL_TIME:
        allowed_s += _REPEATED_HOUR_S
    return flags | against_arrival(device_us, at_us, allowed_s)
