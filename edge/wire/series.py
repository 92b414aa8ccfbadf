"""What a reading is of: the series, its unit and kind, and the table that a batch refers to by digest."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from edge.wire.model import WIRE_VERSION, Identifier, WireModel, canonical, digest

MAX_SERIES = 10_000
"""Most series of one table."""


class Kind(StrEnum):
    """How the values of a series are to be read."""

    INTERVAL = "interval"
    """A count or amount over [t, t + period)."""
    CUMULATIVE = "cumulative"
    """A counter's register, whose increments count."""
    GAUGE = "gauge"
    """A level at t."""
    STATE = "state"
    """A state from t until the next reading."""
    EVENT = "event"
    """Something that happened at t."""


class Origin(StrEnum):
    """Where a reading comes from; only measured readings are evidence."""

    MEASURED = "measured"
    REPLAYED = "replayed"
    SIMULATED = "simulated"
    IMPORTED = "imported"
    ENTERED = "entered"


class Unit(StrEnum):
    """Unit of a value; the spelling is the one used in tables, API and pages."""

    COUNT = "count"
    STATE = "state"
    CELSIUS = "degC"
    FAHRENHEIT = "degF"
    PERCENT = "percent"
    PPM = "ppm"
    LUX = "lux"
    KILOWATT_HOUR = "kWh"
    WATT = "W"
    VAR = "var"
    VOLT_AMPERE = "VA"
    KILOGRAM = "kg"
    SECOND = "s"
    MILLIMETRE = "mm"
    RATIO = "kg/kg"
    ONE = "1"
    KILOVAR_HOUR = "kvarh"
    VOLT = "V"
    AMPERE = "A"
    HERTZ = "Hz"
    CUBIC_METRE = "m3"
    MILLIGRAM_PER_CUBIC_METRE = "mg/m3"
    MICROGRAM_PER_CUBIC_METRE = "ug/m3"
    HECTOPASCAL = "hPa"


class Reset(StrEnum):
    """When a cumulative counter returns to zero."""

    NEVER = "never"
    POWER_ON = "power_on"
    MIDNIGHT = "midnight"
    UNKNOWN = "unknown"


Quantity = Annotated[str, StringConstraints(max_length=48, pattern=r"^[a-z][a-z0-9_]*$")]
Channel = Annotated[str, StringConstraints(max_length=32, pattern=r"^[A-Za-z0-9_.:-]*$")]


class Counter(WireModel):
    """Arithmetic of a cumulative series: its width in bits (None: it does not wrap) and its reset rule.

    ``step`` is what the register's lowest bit stands for, in the unit of the series; where it is 1 it is not written.
    """

    width_bits: Literal[8, 16, 32, 64] | None = None
    reset: Reset = Reset.UNKNOWN
    step: Annotated[float, Field(gt=0, exclude_if=lambda step: step == 1)] = 1.0

    @property
    def turn(self) -> float | None:
        """What a wrap takes away, in the unit of the series; None: it does not wrap."""
        return None if self.width_bits is None else 2.0**self.width_bits * self.step


class Statistic(StrEnum):
    """What a series of aggregates says of each window."""

    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    COUNT = "count"
    """How many readings the others are computed from."""


ReportSeconds = Annotated[float, Field(gt=0, le=86_400)]


class OnChange(WireModel):
    """A value is reported when it differs by more than ``dead_band`` from the last one reported, and now and then.

    Until the next reading a value is known to within ``dead_band``, in the unit of the series.
    """

    mode: Literal["on_change"] = "on_change"
    dead_band: Annotated[float, Field(ge=0)]
    at_least_every_s: ReportSeconds
    """Longest silence of a device that works and doesn't change."""


class WindowStatistic(WireModel):
    """One value a window, with the time of the first reading in it; the window's four statistics are four series.

    Windows begin at whole multiples of ``window_s`` since 1970. One that was cut (by a stop, or by a device's silence)
    is reported in parts, each with the time of its own first reading.
    """

    mode: Literal["window"] = "window"
    window_s: ReportSeconds
    statistic: Statistic


Report = Annotated[OnChange | WindowStatistic, Field(discriminator="mode")]


class Series(WireModel):
    """One series: natural key (device, quantity, channel) with unit, kind, reporting period and report rule.

    ``period_s`` is the duration of an interval, or the longest silence to expect of another kind (None: no promise).
    ``report`` is the rule by which the agent reports less than it read (None: it reports every reading).
    """

    device: Identifier
    quantity: Quantity
    channel: Channel = ""
    unit: Unit
    kind: Kind
    period_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    counter: Counter | None = None
    report: Report | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind is Kind.INTERVAL and self.period_s is None:
            msg = "an interval series needs period_s, the duration of its intervals"
            raise ValueError(msg)
        if (self.kind is Kind.CUMULATIVE) != (self.counter is not None):
            msg = "a cumulative series, and only such a one, needs counter (width_bits, reset)"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _reported_as_its_kind_allows(self) -> Self:
        if isinstance(self.report, OnChange):
            exact = self.kind is Kind.STATE and self.report.dead_band == 0
            fits = (exact or self.kind is Kind.GAUGE) and (self.period_s or 0) >= self.report.at_least_every_s
        elif isinstance(self.report, WindowStatistic):
            counts = self.report.statistic is not Statistic.COUNT or self.unit is Unit.COUNT
            fits = self.kind is Kind.GAUGE and self.period_s == self.report.window_s and counts
        else:
            return self
        if not fits:
            msg = (
                "report: on_change is for gauges, and without a dead band for states, with a period_s of at least"
                " at_least_every_s; window is for gauges, with a period_s of window_s, and its count is in counts"
            )
            raise ValueError(msg)
        return self

    @cached_property
    def definition(self) -> str:
        """The canonical text of the series: what digests and Merkle leaves name it by."""
        return canonical(self).decode()

    def __hash__(self) -> int:
        return hash(self.definition)


class SeriesTable(WireModel):
    """The series that a batch's indices point to, sorted by definition, sent once and named by digest afterwards."""

    type: Literal["series_table"] = "series_table"
    version: Literal[1] = WIRE_VERSION
    series: Annotated[tuple[Series, ...], Field(min_length=1, max_length=MAX_SERIES)]

    @model_validator(mode="after")
    def _sorted_without_repeats(self) -> Self:
        definitions = [s.definition for s in self.series]
        if any(a >= b for a, b in pairwise(definitions)):
            msg = "series must be sorted by their definition, each once"
            raise ValueError(msg)
        return self

    @classmethod
    def of(cls, series: set[Series] | list[Series]) -> SeriesTable:
        """Return the table of these series, sorted, each once."""
        return cls(series=tuple(sorted(set(series), key=lambda s: s.definition)))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the table's canonical text, the name that batches use."""
        return digest(canonical(self))
