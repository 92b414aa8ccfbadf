"""The whole catalogue, area by area in the order of the answer."""

from __future__ import annotations

from types import MappingProxyType

from analytics.catalogue import (
    air,
    checkout,
    cold_chain,
    energy,
    labels,
    parking,
    screens,
    sensing,
    shelves,
    traffic,
)

_AREAS = (traffic, shelves, labels, energy, air, cold_chain, parking, screens, checkout, sensing)

METRICS = MappingProxyType({metric.name: metric for area in _AREAS for metric in area.METRICS})
"""The catalogue by name."""
