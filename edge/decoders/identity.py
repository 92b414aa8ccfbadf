"""Names of devices: the option, or what topic and payload say where that is no hardware address, which stays here."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator

from edge.decoders.payload import PayloadRefusedError
from edge.wire.model import Identifier
from edge.wire.personal_data import forbidden_names
from edge.wire.series import Channel

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_MAC = re.compile(
    r"(?<![0-9a-f])"
    r"(?:0x[0-9a-f]{16}|[0-9a-f]{6}fffe[0-9a-f]{6}|[0-9a-f]{12}|(?:[0-9a-f]{2}[:-]){5,7}[0-9a-f]{2})"
    r"(?![0-9a-f])",
    re.IGNORECASE,
)
_BLOB = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9+/_-]{32,}={0,2}")
_EUI_64 = re.compile(r"[0-9A-Fa-f]{16}")


@lru_cache(maxsize=1024)
def denied_words(kind: Literal["device", "channel"], name: str) -> tuple[str, ...]:
    """Return what the deny-list of personal data would stop a series for, by the name of its device or channel.

    Examples
    --------
    >>> denied_words("device", "customer-entrance"), denied_words("device", "entrance-1")
    (('customer',), ())
    """
    return tuple(forbidden_names({kind: name}))


def _passing(kind: Literal["device", "channel"]) -> Callable[[str], str]:
    def check(name: str) -> str:
        if denied := denied_words(kind, name):
            msg = f"the deny-list of personal data stops every {kind} whose name holds {', '.join(denied)}; rename it"
            raise ValueError(msg)
        return name

    return check


DeviceName = Annotated[Identifier, AfterValidator(_passing("device"))]
"""A device's name in a configuration: one that may leave the site."""
ChannelName = Annotated[Channel, AfterValidator(_passing("channel"))]
"""A channel's name in a configuration, likewise."""

Named = TypeVar("Named", bound=Hashable)


def plain_address(address: str) -> str:
    """Return a hardware address without what may stand between its digits, in lower case."""
    return re.sub(r"[\s:_-]", "", address).lower()


def by_plain_address(named: Mapping[str, Named], name: str) -> dict[str, Named]:
    """Return what stands for each hardware address; ``ValueError`` where two are one, or share a name.

    ``name`` says what a name is, such as "a number".
    """
    plain = {plain_address(address): each for address, each in named.items()}
    if len(plain) != len(named) or len(set(plain.values())) != len(plain):
        msg = f"each address stands once, with {name} of its own"
        raise ValueError(msg)
    return plain


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

    A refusal ``device`` where the found one is none, cannot be a name (a blob in base64 is none), or is one that must
    not leave the site: a hardware address, or one that the deny-list stops. ``serial`` says that it stands where a
    serial number does: digits alone, which could be an address elsewhere, are one.
    """
    if option is not None:
        return option
    if not isinstance(found, str) or not _IDENTIFIER.fullmatch(found) or _BLOB.fullmatch(found):
        raise PayloadRefusedError(
            "device", "neither topic nor payload holds a usable name; name the device in the decoder's options"
        )
    if looks_like_mac(found) and not (serial and found.isdecimal()):
        raise PayloadRefusedError(
            "device", "the device is known by its hardware address only; name it in the decoder's options"
        )
    if denied := denied_words("device", found):
        detail = f"the deny-list stops the device's name for {', '.join(denied)}; name it in the decoder's options"
        raise PayloadRefusedError("device", detail)
    return found


def eui_64(option: str | None, found: Any) -> str:
    """Return the device's name: the option's, or its EUI-64 in lower case; refusals as of ``device_identity``."""
    known = isinstance(found, str) and _EUI_64.fullmatch(found)
    return device_identity(option, found.lower() if known else None)
