"""Chance that depends on names alone: the same names give the same draws, in any order and on any machine."""

from __future__ import annotations

import random
from datetime import date


def keyed_random(seed: int, store: str, facility: str, subject: str, day: date | None = None) -> random.Random:
    """Return the generator of one subject (a device, a circuit, the visitors) on one local day (None: of all days)."""
    key = f"{seed}/{store}/{facility}/{subject}/{day.isoformat() if day else 'always'}"
    return random.Random(key)  # noqa: S311 - a simulator needs to be repeatable, not unguessable
