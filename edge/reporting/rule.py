"""Report rules as the configuration states them, under ``[[source.report]]`` or, for every source, ``[[report]]``."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from edge.configuration import SettingsModel
from edge.readings import Priority
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Kind, Series

PriorityName = Literal["normal", "high"]
Seconds = Annotated[float, Field(ge=1, le=86_400)]


class _Rule(SettingsModel):
    """Which series a rule is for: a quantity, and devices and channels by patterns such as ``fridge-*``."""

    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind)
    """Kinds of series that the rule may be for."""

    quantity: str
    device: str = "*"
    channel: str = "*"
    priority: PriorityName | None = None
    """None: the source's."""

    @field_validator("quantity")
    @classmethod
    def _reportable(cls, quantity: str) -> str:
        known = QUANTITIES.get(quantity)
        if known is None:
            message = "'{quantity}' is not a quantity of this platform; known: {known}"
            kind = "quantity_unknown"
            raise PydanticCustomError(kind, message, {"quantity": quantity, "known": ", ".join(sorted(QUANTITIES))})
        if not known.kinds & cls.kinds:
            message = "'{quantity}' is reported as {kinds}, of which every reading counts: no rule may hold any back"
            kinds = ", ".join(sorted(known.kinds))
            raise PydanticCustomError("quantity_counts", message, {"quantity": quantity, "kinds": kinds})
        return quantity

    def concerns(self, series: Series) -> bool:
        """Tell whether the rule is for a series."""
        return (
            series.quantity == self.quantity
            and series.kind in self.kinds
            and series.report is None
            and fnmatchcase(series.device, self.device)
            and fnmatchcase(series.channel, self.channel)
        )


class EveryRule(_Rule):
    """Every reading: for an exception to a rule that follows, or to give a quantity its priority."""

    mode: Literal["every"] = "every"


class OnChangeRule(_Rule):
    """A gauge that left its dead band, or a state that changed; and one now and then, so that silence is a failure."""

    kinds = frozenset({Kind.GAUGE, Kind.STATE})

    mode: Literal["on_change"] = "on_change"
    dead_band: Annotated[float, Field(ge=0)] = 0.0
    """In the unit of the series; 0: every change."""
    at_least_every_s: Seconds

    @field_validator("dead_band")
    @classmethod
    def _none_for_states(cls, dead_band: float, info: ValidationInfo) -> float:
        known = QUANTITIES.get(info.data.get("quantity", ""))
        if dead_band and known is not None and Kind.GAUGE not in known.kinds:
            raise PydanticCustomError("dead_band_of_state", "a state has no dead band: leave the key out")
        return dead_band


class WindowRule(_Rule):
    """Least, greatest and mean value, and number of readings, once a window."""

    kinds = frozenset({Kind.GAUGE})

    mode: Literal["window"] = "window"
    window_s: Seconds


ReportRule = Annotated[EveryRule | OnChangeRule | WindowRule, Field(discriminator="mode")]


class ReportedSource(SettingsModel):
    """Keys that every source has: how urgent its readings are, and the rules by which they are reported."""

    priority: PriorityName = "normal"
    report: tuple[ReportRule, ...] = ()
    """The first rule that concerns a series holds, those of the file's ``[[report]]`` after the source's own."""


class Reported(Protocol):
    """What reporting needs to know of a source, of whatever kind."""

    @property
    def priority(self) -> PriorityName:
        """How urgent its readings are."""

    @property
    def report(self) -> tuple[ReportRule, ...]:
        """Rules for its readings."""


def priority_of(name: PriorityName) -> Priority:
    """Return the priority that a configuration names."""
    return Priority.HIGH if name == "high" else Priority.NORMAL
