"""What an explained change carries: its parts, by kind and by door and hour, and both windows' coverages."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from analytics.comparison.alignment import Against
from analytics.comparison.answer import AnnotationNote, Bounded, DaysIn
from analytics.results import Completeness, Coverage, ResultModel, Text


class PartKind(StrEnum):
    """What a part of a change is put down to, in the order in which the parts are taken out."""

    DEVICES = "devices"
    MISSING = "missing"
    OPENING = "opening"
    CALENDAR = "calendar"
    HOURLY = "hourly"
    REST = "rest"


class Part(ResultModel):
    """A part of the change, in persons; all parts sum exactly to it."""

    part: PartKind
    name: Text
    count: int


class ExplainedSide(ResultModel):
    """What was counted in a window, whatever its completeness, and how complete that is."""

    days: DaysIn
    counted: int
    per_day: Bounded | None = Field(description="The mean of whole days of which nothing is missing")
    coverage: Coverage
    completeness: Completeness | None


class DayRateChange(ResultModel):
    """The mean day now over the mean day before, over whole days of which nothing is missing."""

    ratio: Bounded
    told_apart: bool = Field(description="Whether the interval excludes that nothing has changed")
    days_now: int
    days_before: int


class CounterParts(ResultModel):
    """The parts of one counter at its door, and by hour of the day what its door counted more or less."""

    device: str
    channel: str
    point: str
    door: str | None
    counted_now: int
    counted_before: int
    parts: dict[PartKind, int]
    hourly: tuple[int, ...] = Field(description="The part 'hourly' by hour of the local day, 0 to 23")


class StoreParts(ResultModel):
    """The change of one store."""

    store_id: str
    name: Text
    now: ExplainedSide
    before: ExplainedSide | None = Field(description="Null where the registry has no such store at that time")
    change: int
    days: DayRateChange | None = Field(description="Null where too few days tell how much days differ anyway")
    parts: tuple[Part, ...]
    counters: tuple[CounterParts, ...]
    notes: tuple[Text, ...]
    evidence: bool


class Explanation(ResultModel):
    """The change of a footfall between two windows, of one store or of a district's stores together."""

    store_id: str | None
    district_id: str
    name: Text
    metric: str
    metric_name: Text
    against: Against
    holiday: Text | None
    change: int
    parts: tuple[Part, ...]
    stores: tuple[StoreParts, ...]
    annotations: tuple[AnnotationNote, ...]
    method: Text
    registry_version: int
    evidence: bool
