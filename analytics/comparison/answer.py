"""What a comparison carries: both results whole, their difference with its bounds, and all that was left out."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from pydantic import Field

from analytics.comparison.alignment import Against
from analytics.day_types import DayType
from analytics.results import Interval, Result, ResultModel, Text, TimeWindow


class AnnotationNote(ResultModel):
    """A dated annotation of the store or its district: what was known to be going on."""

    annotation_id: int
    store_id: str | None
    district_id: str | None
    kind: str
    kind_name: Text
    from_day: date
    to_day: date = Field(description="The first day on which it no longer holds")
    text_en: str = Field(description="Empty where it was entered in Chinese alone")
    text_zh: str = Field(description="Empty where it was entered in English alone")
    entered_by: str
    entered_at: datetime


class AnnotationList(ResultModel):
    """Annotations by their first day."""

    annotations: tuple[AnnotationNote, ...]


class Bounded(ResultModel):
    """A difference or ratio as measured, and the bounds of the true one where both sides have bounds."""

    value: int | float
    interval: Interval | None


class Difference(ResultModel):
    """What changed; null where a side has no value, the ratio also where it says nothing."""

    difference: Bounded | None
    ratio: Bounded | None = Field(description="The difference divided by the earlier value")


class DaysIn(ResultModel):
    """The local days and opening hours of a window."""

    window: TimeWindow
    days: int
    day_types: dict[DayType, int]
    opening_h: float


class Side(ResultModel):
    """One side of a comparison."""

    days: DaysIn
    result: Result


class Reason(StrEnum):
    """Why a series is not in a comparison of like with like."""

    ONLY_NOW = "only_now"
    ONLY_BEFORE = "only_before"
    PART_OF_THE_TIME = "part_of_the_time"


class LeftOut(ResultModel):
    """A series that is in one of two windows, or in neither throughout."""

    device: str
    quantity: str
    channel: str
    point: str
    door: str | None
    reason: Reason


class LikeForLike(ResultModel):
    """What a comparison of like with like leaves out: nothing where both are empty."""

    series: tuple[LeftOut, ...]
    closed_then_or_now_h: float = Field(
        description="Opening hours of both windows at which the store was closed in the other, and which are left out"
    )


class Comparison(ResultModel):
    """One metric of one store over two windows."""

    store_id: str
    name: Text
    district_id: str
    metric: str
    metric_name: Text
    unit: str
    against: Against
    holiday: Text | None
    now: Side
    before: Side | None = Field(description="Null where the registry has no such store at that time")
    change: Difference
    like_for_like: LikeForLike | None = Field(description="Null where everything is compared")
    notes: tuple[Text, ...] = Field(description="What to know before the two are read side by side")
    annotations: tuple[AnnotationNote, ...]
    registry_version: int
    evidence: bool


class Ranked(ResultModel):
    """The ranks that a store may have."""

    store_id: str
    rank_from: int
    rank_to: int
    tied_with: tuple[str, ...] = Field(description="Stores whose intervals overlap its own")


class Ranking(ResultModel):
    """Stores by the value now, greatest first, as far as their intervals tell them apart."""

    ranks: tuple[Ranked, ...]
    not_ranked: tuple[str, ...]
    joint_level: float | None = Field(description="At which all ranges hold at once at least; null: none is known")
    rule: Text
    source: str


class SumComparison(ResultModel):
    """The measured sums over the stores that have a value in both windows; the others are named."""

    now: int | float | None
    before: int | float | None
    difference: int | float | None
    ratio: float | None
    stores_included: tuple[str, ...]
    stores_excluded: tuple[str, ...]


class DistrictComparison(ResultModel):
    """One metric of a district's stores over two windows."""

    district_id: str
    name: Text
    metric: str
    metric_name: Text
    unit: str
    against: Against
    holiday: Text | None
    now: TimeWindow
    before: TimeWindow
    stores: tuple[Comparison, ...]
    sum: SumComparison | None = Field(description="Null for a metric that cannot be summed")
    ranking: Ranking
    registry_version: int
    evidence: bool
