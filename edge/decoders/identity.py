"""Names of devices: the option, or what topic and payload say where that is no hardware address, which stays here."""

from __future__ import annotations

import re
from typing import Any

from edge.decoders.payload import PayloadRefusedError

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_WITH_SEPARATORS = r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4,6}[0-9a-f]{2}"
_SEPARATED_MAC = re.compile(rf"(?<![0-9a-f]){_WITH_SEPARATORS}(?![0-9a-f])", re.IGNORECASE)
_MAC = re.compile(
    rf"(?<![0-9a-f])(?:0x[0-9a-f]{{16}}|[0-9a-f]{{6}}fffe[0-9a-f]{{6}}|[0-9a-f]{{12}}|{_WITH_SEPARATORS})(?![0-9a-f])",
    re.IGNORECASE,
)
_EUI_64 = re.compile(r"[0-9A-Fa-f]{16}")


def looks_like_mac(text: str) -> bool:
    """Return whether a text holds a hardware address of 48 or 64 bits, with or without separators.

    An EUI-64 is one where it was made from 48 bits (``fffe`` in its middle).

    Examples
    --------
    >>> looks_like_mac("shelly1pmg4-7c2c67667790"), looks_like_mac("fridge-3")
    (True, False)
    """
    return _MAC.search(text) is not None


def device_identity(option: str | None, found: Any, *, serial: bool = False) -> str:
    """Return the device's name: the option's, or the one that was found in the topic or the payload.

    A refusal ``device`` where the found one is none, cannot be a name, or is a hardware address, which must not leave
    the site. ``serial`` says that it is known to be a serial number: then only one with separators is an address.
    """
    if option is not None:
        return option
    if not isinstance(found, str) or not _IDENTIFIER.fullmatch(found):
        raise PayloadRefusedError(
            "device", "neither topic nor payload holds a usable name; name the device in the decoder's options"
        )
    if (_SEPARATED_MAC if serial else _MAC).search(found):
        raise PayloadRefusedError(
            "device", "the device is known by its hardware address only; name it in the decoder's options"
        )
    return found


def eui_64(option: str | None, found: Any) -> str:
    """Return the device's name: the option's, or its EUI-64 in lower case; refusals as of ``device_identity``."""
    known = isinstance(found, str) and _EUI_64.fullmatch(found)
    return device_identity(option, found.lower() if known else None)
