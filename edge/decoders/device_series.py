"""The series of a device's quantities, in the vocabulary's units, each built once."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from edge.wire.quantities import QUANTITIES
from edge.wire.series import Counter, Kind, Reset, Series


@lru_cache(maxsize=4096)
def series(  # noqa: PLR0913, PLR0917 - a series has as many parts, and a cached call is cheaper flat
    device: str,
    quantity: str,
    channel: str = "",
    kind: Kind = Kind.GAUGE,
    period_s: float | None = None,
    reset: Reset | None = None,
    width_bits: Literal[8, 16, 32, 64] | None = None,
    step: float = 1.0,
) -> Series:
    """Return the series of a quantity in the unit that the vocabulary gives it.

    ``reset`` makes it a counter, which wraps where ``width_bits`` is given; ``step`` is what its lowest bit stands for.
    """
    counter = None if reset is None else Counter(width_bits=width_bits, reset=reset, step=step)
    unit = QUANTITIES[quantity].unit
    return Series(
        device=device, quantity=quantity, channel=channel, unit=unit, kind=kind, period_s=period_s, counter=counter
    )
