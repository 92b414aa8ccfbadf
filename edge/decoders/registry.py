"""The decoders that the agent knows: the project's own, and those that an installed package adds by an entry point."""

from __future__ import annotations

from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from edge.decoders.decoder import Decoder

ENTRY_POINTS = "smartstore.decoders"
"""Group of entry points, each naming a ``Decoder``."""

TRAPS = (
    "counter kinds in one message",
    "16-bit wrap",
    "32-bit wrap",
    "reboot",
    "scheduled reset",
    "commanded reset",
    "numbers as strings",
    "mixed units",
    "absent is not zero",
    "group and person events",
    "inverted mounting",
    "late history",
    "frozen device clock",
    "repeated local hour",
    "personal fields dropped",
)
"""The traps that recur in devices' payloads; each is met by a case of at least one decoder."""

_OWN: tuple[Decoder[Any], ...] = ()


def _all() -> dict[str, Decoder[Any]]:
    added = [point.load() for point in entry_points(group=ENTRY_POINTS)]
    found: dict[str, Decoder[Any]] = {}
    for decoder in (*_OWN, *added):
        if not isinstance(decoder, Decoder):
            msg = f"entry point group {ENTRY_POINTS}: {decoder!r} is not a Decoder"
            raise TypeError(msg)
        if decoder.name in found:
            msg = f"two decoders are named '{decoder.name}'"
            raise ValueError(msg)
        found[decoder.name] = decoder
    return found


DECODERS = MappingProxyType(_all())
"""Decoders by name."""
