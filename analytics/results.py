"""What an answer carries: a value never stands without its window, its coverage, its completeness and its digest."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from edge.wire.series import Origin


class ResultModel(BaseModel):
    """A part of an answer: frozen, closed to unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Status(StrEnum):
    """Whether there is a number, and if not, why."""

    MEASURED = "measured"
    INSUFFICIENT = "insufficient"
    """Instrumented, but completeness is under the metric's floor."""
    DECLARED = "declared"
    """Points exist by declaration; none is instrumented."""
    NOT_INSTALLED = "not_installed"
    """The store has no such point."""


class Facility(StrEnum):
    """A facility area of the answer."""

    TRAFFIC = "traffic"
    SHELVES = "shelves"
    LABELS = "labels"
    ENERGY = "energy"
    AIR = "air"
    COLD_CHAIN = "cold_chain"
    PARKING = "parking"
    SCREENS = "screens"
    CHECKOUT = "checkout"
    SENSING = "sensing"


class Text(ResultModel):
    """A text in both languages."""

    en: str
    zh: str


class TimeWindow(ResultModel):
    """Half-open [start, end), with the zone in which its local days are counted."""

    start: datetime
    end: datetime
    time_zone: str


class Interval(ResultModel):
    """Bounds of the true value: a confidence interval (``level``) or hard bounds (``level`` null), and their ground."""

    low: float
    high: float
    level: float | None
    method: str


class Coverage(ResultModel):
    """Points instrumented of the points that exist."""

    points_exist: int
    points_instrumented: int


class Gap(ResultModel):
    """A time without readings of one series; declared where an agent's loss record covers it.

    Removed: whatever was received of that time, retention has removed it.
    """

    device: str
    quantity: str
    channel: str
    start: datetime
    end: datetime
    declared: bool
    removed: bool = False


class Completeness(ResultModel):
    """Intervals received of the intervals expected, over all series that the metric needs."""

    expected: int
    received: int
    ratio: float
    floor: float
    gaps: tuple[Gap, ...]
    """The longest gaps first, at most 50."""
    gaps_total: int


class LimitCheck(ResultModel):
    """A limit that the metric applies, with where it stands and how official it is."""

    key: str
    value: float
    unit: str
    scheme: str
    source: str
    status: str
    """official, analogous or project."""


class Change(ResultModel):
    """Change on the like period before; absent values say why."""

    window: TimeWindow
    status: Status
    value: float | None
    difference: float | None
    ratio: float | None


class Result(ResultModel):
    """One metric of one store over one window."""

    metric: str
    name: Text
    unit: str
    facility: Facility
    formula_version: int
    status: Status
    value: int | float | None
    interval: Interval | None
    window: TimeWindow
    coverage: Coverage
    completeness: Completeness | None
    origins: tuple[Origin, ...]
    registry_version: int
    digest: str | None
    """Merkle root, in hexadecimal, over the effective rows that the value stands on."""
    limits: tuple[LimitCheck, ...] = ()
    change: Change | None = None
    detail: dict[str, Any] = Field(default_factory=dict)
    """Further figures of the same computation, by name, documented with the metric."""


class AreaAnswer(ResultModel):
    """One facility area of a store."""

    facility: Facility
    name: Text
    status: Status
    coverage: Coverage
    completeness_ratio: float | None
    results: tuple[Result, ...]
    next_step: Text | None
    """What to do next; null where nothing needs doing."""


class FacilitiesAnswer(ResultModel):
    """The smart facilities of one store over one window, as a whole."""

    store_id: str
    name: Text
    district_id: str
    window: TimeWindow
    registry_version: int
    origins: tuple[Origin, ...]
    evidence: bool
    """True only where every reading was measured."""
    note: Text | None = None
    """Where the window begins before the readings that are kept: from when on they are."""
    areas: tuple[AreaAnswer, ...]


class DistrictAnswer(ResultModel):
    """The smart facilities of a district: its stores by areas, and sums over the stores that qualify."""

    district_id: str
    name: Text
    window: TimeWindow
    registry_version: int
    evidence: bool
    stores: tuple[FacilitiesAnswer, ...]
    sums: tuple[DistrictSum, ...]


class RestEstimate(ResultModel):
    """An estimate of what a measured sum leaves out; it is in no measured value."""

    value: float
    interval: Interval | None
    """Null where too few stores tell how far it may be off."""
    stores: tuple[str, ...]
    """Excluded stores that it stands for."""
    gaps_of: tuple[str, ...]
    """Included stores whose gaps it stands for."""
    stores_without: tuple[str, ...]
    """Stores without a value of which nothing tells an estimate either."""
    method: Text


class DistrictSum(ResultModel):
    """A measured sum over the stores that qualify; the others are named, never estimated into it."""

    metric: str
    name: Text
    unit: str
    value: Annotated[int | float | None, Field()]
    interval: Interval | None = None
    """Of the true sum over the included stores."""
    stores_included: tuple[str, ...]
    stores_excluded: tuple[str, ...]
    rest: RestEstimate | None = None
    """What is left out, estimated apart; null where nothing is or nothing tells."""
    note: Text | None = None


DistrictAnswer.model_rebuild()
