"""Which series a reading belongs to: the device's identity, and the series of its quantities, built once."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal

from edge.decoders.decoder import PayloadRefusedError
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Counter, Kind, Reset, Series

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_EUI_64 = re.compile(r"[0-9A-Fa-f]{16}")


def serial(value: Any, option: str | None) -> str:
    """Return the device's name: the option, or else the serial number in the payload.

    A refusal ``device`` where there is neither, or where the serial number is a MAC address, which stays in the store.
    """
    if option is not None:
        return option
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value) or _MAC.fullmatch(value):
        raise PayloadRefusedError("device", "there is no usable serial number; name device in the decoder's options")
    return value


def eui_64(value: Any, option: str | None) -> str:
    """Return the device's name: the option, or else its EUI-64 in lower case.

    A refusal ``device`` where there is neither, or where the EUI-64 was made from a MAC address (``fffe`` in its
    middle): a MAC address stays in the store.
    """
    if option is not None:
        return option
    if not isinstance(value, str) or not _EUI_64.fullmatch(value) or value[6:10].lower() == "fffe":
        raise PayloadRefusedError("device", "there is no usable dev_eui; name device in the decoder's options")
    return value.lower()


@lru_cache(maxsize=4096)
def series(  # noqa: PLR0913, PLR0917 - a series has as many parts, and a cached call is cheaper flat
    device: str,
    quantity: str,
    channel: str = "",
    kind: Kind = Kind.GAUGE,
    period_s: float | None = None,
    reset: Reset | None = None,
    width_bits: Literal[8, 16, 32, 64] | None = None,
) -> Series:
    """Return the series of a quantity in the unit that the vocabulary gives it.

    ``reset`` makes it a counter, which wraps where ``width_bits`` is given.
    """
    counter = None if reset is None else Counter(width_bits=width_bits, reset=reset)
    unit = QUANTITIES[quantity].unit
    return Series(
        device=device, quantity=quantity, channel=channel, unit=unit, kind=kind, period_s=period_s, counter=counter
    )
