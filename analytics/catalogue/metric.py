"""A metric of the catalogue: one frozen record with its names, formula, source and function."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from analytics.metrics.inputs import Measure
from analytics.results import Facility


class Basis(Enum):
    """The time over which a metric needs readings."""

    WINDOW = "window"
    OPENING_HOURS = "opening_hours"
    BUSINESS_DAYS = "business_days"
    """From the start of the business day in which the window begins."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: everything that a page, a catalogue or an evaluator asks about it, and the function itself."""

    name: str
    name_en: str
    name_zh: str
    unit: str
    facility: Facility
    point_kinds: frozenset[str]
    """Kinds of point that it concerns; empty: every registered device."""
    quantities: tuple[str, ...]
    """What it is computed from; empty: every quantity."""
    formula: str
    source: str
    edge_cases: str
    measure: Measure
    formula_version: int = 1
    basis: Basis = Basis.WINDOW
    perimeter_only: bool = False
    completeness_floor: float = 0.9
    tolerance: float = 0.0
    """Relative tolerance of a recomputation; 0: exact."""
    limits: tuple[str, ...] = ()
    """Keys of the limits that it applies."""
    periods_before: int = 0
    """Periods before the window whose readings its bounds need."""
    summable: bool = False
    """Whether a district's figure is the sum of its stores'."""
    beside: frozenset[str] = frozenset()
    """Kinds of point of other areas that it relates its own to (of door lines the perimeter's)."""
    deliveries: bool = False
    """Whether it needs to know how readings came: when each was received, what came twice, what was refused."""

    @property
    def decides(self) -> bool:
        """Whether it has a say in its area's state.

        Not where it needs another area's readings, which are for that area to miss, nor where it needs none and tells
        of those that came.
        """
        return not self.beside and self.completeness_floor > 0
