"""What alert detectors are told: the defaults of this release, and beside them what is set for a store."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from math import isfinite
from types import MappingProxyType


class ThresholdError(ValueError):
    """A threshold can't be set so; the text says what can."""


@cache
def default_thresholds() -> Mapping[str, float]:
    """Return this release's value of each threshold by its name, ``detector.threshold``."""
    document = tomllib.loads(resources.files("ingest").joinpath("alert_thresholds.toml").read_text("utf-8"))
    return MappingProxyType(
        {
            f"{detector}.{threshold}": float(entry["value"])
            for detector, entries in document.items()
            for threshold, entry in entries.items()
        }
    )


def check_threshold(name: str, value: float) -> None:
    """Refuse a name that no detector has, and a value that it can't take.

    Raises
    ------
    ThresholdError
        The text names what is possible.

    Examples
    --------
    >>> check_threshold("stuck.least_h", 12.0)
    >>> check_threshold("count_high.alpha", 2.0)
    Traceback (most recent call last):
    ...
    ingest.alert_thresholds.ThresholdError: count_high.alpha is a probability: give a number above 0 and below 1
    """
    known = default_thresholds()
    if name not in known:
        msg = f"there is no threshold {name!r}: name one of {', '.join(sorted(known))}"
        raise ThresholdError(msg)
    if not isfinite(value):
        msg = f"{name} must be a finite number"
        raise ThresholdError(msg)
    if name.endswith(".alpha") and not 0 < value < 1:
        msg = f"{name} is a probability: give a number above 0 and below 1"
        raise ThresholdError(msg)
    if name.endswith("_h") and not 2 <= value <= 24:
        msg = f"{name} is a number of hours: give one from 2 to 24"
        raise ThresholdError(msg)
